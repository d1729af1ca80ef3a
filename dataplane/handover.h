// SPDX-License-Identifier: Apache-2.0
//
// Handover: frames that one worker received and another owns, where a port has fewer queues than
// there are workers or spreads frames by a rule of its own. One ring for each ordered pair of
// workers; the interface a frame came in by travels in the buffer's port field.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/frame_ring.h"

namespace slipway::dataplane {

class Handover {
 public:
  static absl::StatusOr<std::unique_ptr<Handover>> Create(unsigned workers);

  unsigned workers() const { return workers_; }
  // False, and the frame is gone, when the ring is full: count Drop::kWorkerRingFull.
  [[nodiscard]] bool Give(unsigned from, unsigned to, Frame frame);
  // Frames for `worker` from all others; returns how many.
  std::size_t Take(unsigned worker, std::span<Frame> frames);

 private:
  explicit Handover(unsigned workers) : workers_(workers) {}

  unsigned workers_;
  std::vector<std::unique_ptr<FrameRing>> rings_;  // [from * workers + to]; null on the diagonal
};

}  // namespace slipway::dataplane
