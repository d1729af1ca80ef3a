// SPDX-License-Identifier: Apache-2.0
//
// WallClock: what time it is in the world at a Time, in Unix time.
//
// A Time never steps and says how long things take; the world's clock may step at any moment (NTP,
// an operator), and says when something was: dates, events, what must outlive the process. So
// whoever owns a WallClock sets it anew now and then, and no more than this moves: what is due, is
// due by Time.
#pragma once

#include <chrono>
#include <cstdint>

#include "protocols/base/time.h"

namespace slipway {

class WallClock {
 public:
  constexpr explicit WallClock(std::int64_t unix_nanoseconds_at_zero)
      : at_zero_(unix_nanoseconds_at_zero) {}

  constexpr void Set(std::int64_t unix_nanoseconds, Time now) {
    at_zero_ = unix_nanoseconds - now.time_since_epoch().count();
  }

  constexpr std::int64_t unix_nanoseconds_at_zero() const { return at_zero_; }
  constexpr std::int64_t UnixNanoseconds(Time now) const {
    return at_zero_ + now.time_since_epoch().count();
  }
  // The second that is under way.
  constexpr std::int64_t UnixSeconds(Time now) const {
    return std::chrono::floor<std::chrono::seconds>(Duration(UnixNanoseconds(now))).count();
  }

 private:
  std::int64_t at_zero_;  // at Time{}
};

// Where nobody says what time it is: 1970 begins with Time{}.
inline constexpr WallClock kUnixEpochAtZero{0};

}  // namespace slipway
