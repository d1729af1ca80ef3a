// SPDX-License-Identifier: Apache-2.0
//
// Time as an argument. A Time is nanoseconds since the owner of the protocol objects began (a
// worker's first poll, a simulation's start). There is no now(): whoever calls says what time it
// is.
#pragma once

#include <chrono>

namespace slipway {

using Duration = std::chrono::nanoseconds;

// Names the epoch; not a clock, for it cannot be read.
struct Timeline {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  static constexpr bool is_steady = true;
};
using Time = std::chrono::time_point<Timeline, Duration>;

// A deadline that does not come.
inline constexpr Time kNever = Time::max();

}  // namespace slipway
