// SPDX-License-Identifier: Apache-2.0
//
// Undo: what the windows were before a loss was answered, and the evidence that it was none: the
// acknowledgment of the first retransmission echoes an older timestamp (Eifel, RFC 3522), or every
// retransmission came back as a duplicate (D-SACK, RFC 2883 and RFC 3708). F-RTO (RFC 5682), for
// peers that offer neither, is recovery.cc's. The response is RFC 4015's without its change to the
// RTO: the old windows again, nothing forgotten that is in flight.
#pragma once

#include <algorithm>
#include <cstdint>

#include "protocols/tcp/congestion.h"

namespace slipway::tcp {

class Undo {
 public:
  // The windows are about to be reduced.
  void Begin(const Congestion& congestion, const Growth& growth) {
    growth_ = growth;
    window_ = congestion.window();
    threshold_ = congestion.threshold();
    resent_ = 0;
    stamped_ = ever_resent_ = false;
    possible_ = true;
  }
  void Forget() { possible_ = false; }

  // `stamp`: the timestamp that went with it.
  void Resent(std::uint64_t bytes, std::uint32_t stamp) {
    if (!ever_resent_) first_stamp_ = stamp, stamped_ = ever_resent_ = true;
    resent_ += bytes;
  }
  // The first acknowledgment since then that moves una. Asked once.
  bool EchoIsOlder(std::uint32_t echo) {
    const bool older = stamped_ && static_cast<std::int32_t>(echo - first_stamp_) < 0;
    stamped_ = false;
    return possible_ && older;
  }
  // The peer got `bytes` twice. True when that was all that went again.
  bool Duplicated(std::uint64_t bytes) {
    if (!possible_ || resent_ == 0) return false;
    resent_ -= std::min(resent_, bytes);
    return resent_ == 0;
  }

  std::uint64_t window() const { return window_; }
  std::uint64_t threshold() const { return threshold_; }
  const Growth& growth() const { return growth_; }
  bool possible() const { return possible_; }

 private:
  Growth growth_;
  std::uint64_t window_ = 0;
  std::uint64_t threshold_ = 0;
  std::uint64_t resent_ = 0;  // and not known to be needless
  std::uint32_t first_stamp_ = 0;
  bool ever_resent_ = false;
  bool stamped_ = false;
  bool possible_ = false;
};

}  // namespace slipway::tcp
