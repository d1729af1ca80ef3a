// SPDX-License-Identifier: Apache-2.0
//
// CaptureTap: where frames of one link are looked at for those that somebody captures, and copied.
// A link asks active() once for each burst; nothing else is paid while nobody captures.
//
// Sent frames are copied before the port takes them, as nothing of them is left after; what it then
// did not take is forgotten (Left), and copied again when it is offered again. So a link hands over
// at most kBurstMax frames at a time while somebody captures, which is what drivers take in a
// burst.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/capture.h"
#include "dataplane/frame.h"

namespace slipway::dataplane {

class CaptureTap {
 public:
  static constexpr std::size_t kBurstMax = 32;

  bool active() const { return set_ != nullptr; }
  // From now on these, of this worker's end of this port; `unix_now` is read for each burst.
  void Use(const Captures::Set* set, unsigned worker, unsigned interface,
           const std::int64_t* unix_now);

  void Received(std::span<const Frame> frames);
  // About to be offered to the port: at most kBurstMax, followed by Left().
  void Leaving(std::span<const Frame> frames);
  void Left(std::size_t taken);

 private:
  void Note(const Capture& capture, CaptureRing& ring, const Frame& frame, bool sent) const;

  const Captures::Set* set_ = nullptr;
  unsigned worker_ = 0;
  unsigned interface_ = 0;
  const std::int64_t* unix_now_ = nullptr;
  // The frames of a burst that each capture wanted, and how far its ring was written before them.
  struct Noted {
    std::size_t frame = 0;
    CaptureRing::Mark before;
  };
  struct Burst {
    std::size_t count = 0;
    std::array<Noted, kBurstMax> noted;
  };
  std::array<Burst, Captures::kAtOnceMax> bursts_;
};

}  // namespace slipway::dataplane
