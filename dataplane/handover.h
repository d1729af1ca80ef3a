// SPDX-License-Identifier: Apache-2.0
//
// Handover: from worker to worker. Frames that one received and another owns, where a port has
// fewer queues than there are workers or spreads frames by a rule of its own; and notices, which
// are what one learned and others need as well. A ring of each kind for each ordered pair of
// workers; the interface a frame came in by travels in the buffer's port field.
//
// A notice that finds no room is lost, and must be one that may be: a lease nobody told of costs
// its machine a place to wait at, a path's MTU is told again when the next segment is too long.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/frame_ring.h"
#include "dataplane/value_ring.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/tcp/four_tuple.h"
#include "protocols/tcp/seq.h"

namespace slipway::dataplane {

// A machine has this address of ours.
struct LeaseNotice {
  MacAddress mac;
  Ipv4Address address;
};
// tcp::Host::PathMtu()'s arguments.
struct PathMtuNotice {
  tcp::FourTuple tuple;
  tcp::SeqNum sequence;
  std::uint16_t mtu = 0;
};
// tcp::Host::Unreachable()'s.
struct UnreachableNotice {
  tcp::FourTuple tuple;
  tcp::SeqNum sequence;
};
using Notice = std::variant<LeaseNotice, PathMtuNotice, UnreachableNotice>;

class Handover {
 public:
  static constexpr unsigned kNoticesPerRing = 1024;

  static absl::StatusOr<std::unique_ptr<Handover>> Create(unsigned workers);

  unsigned workers() const { return workers_; }
  // False, and the frame is gone, when the ring is full: count Drop::kWorkerRingFull.
  [[nodiscard]] bool Give(unsigned from, unsigned to, Frame frame);
  // Frames for `worker` from all others; returns how many.
  std::size_t Take(unsigned worker, std::span<Frame> frames);

  // Tells all other workers; returns how many had no room: count Drop::kWorkerRingFull for each.
  [[nodiscard]] unsigned Tell(unsigned from, const Notice& notice);
  // The next of what others told `worker`; false, and nothing taken, when there is none.
  bool Hear(unsigned worker, Notice& notice);

 private:
  explicit Handover(unsigned workers) : workers_(workers) {}

  unsigned workers_;
  // [from * workers + to]; null on the diagonal.
  std::vector<std::unique_ptr<FrameRing>> rings_;
  std::vector<std::unique_ptr<ValueRing<Notice>>> notices_;
};

}  // namespace slipway::dataplane
