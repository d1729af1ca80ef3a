// SPDX-License-Identifier: Apache-2.0
//
// TokenBucket: at most `burst` at once and `per_second` in the long run. For answers that anybody
// can provoke. Kept as one time: when the bucket would be full again; so nothing accumulates error.
#pragma once

#include <cstdint>

#include "protocols/base/time.h"

namespace slipway {

class TokenBucket {
 public:
  // Both greater than 0.
  TokenBucket(std::uint32_t per_second, std::uint32_t burst)
      : interval_(Duration(std::chrono::seconds(1)) / per_second), depth_(interval_ * burst) {}

  // Whether one more is allowed now; if so, it is taken.
  bool Take(Time now) {
    const Time from = full_at_ > now ? full_at_ : now;
    if (from + interval_ - now > depth_) return false;
    full_at_ = from + interval_;
    return true;
  }

 private:
  Duration interval_;
  Duration depth_;
  Time full_at_{};
};

}  // namespace slipway
