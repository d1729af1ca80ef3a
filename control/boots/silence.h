// SPDX-License-Identifier: Apache-2.0
//
// Silence: whether it can be told how long a boot has been silent. Boots carry the wall clock's
// time. Where that is set forward (NTP, the first time after a long outage), all that was heard
// before it seems long ago; so for a while nothing is called silent, until every boot that goes on
// was heard by the clock as it is now.
#pragma once

#include <chrono>
#include <optional>

namespace slipway::control {

class Silence {
 public:
  // `limit`: what counts as silent, and how long nothing does after a step.
  explicit Silence(std::chrono::nanoseconds limit) : limit_(limit) {}

  // To be asked from time to time: the wall clock's time, and one that never steps.
  bool CanBeTold(std::chrono::nanoseconds wall, std::chrono::steady_clock::time_point now) {
    const std::chrono::nanoseconds ahead = wall - now.time_since_epoch();
    if (ahead_ && ahead - *ahead_ > kStep) told_from_ = now + limit_;
    ahead_ = ahead;
    return now >= told_from_;
  }

 private:
  // Slewing is 500 ppm at most (adjtimex(2)), so between two questions only a step is this large.
  static constexpr std::chrono::nanoseconds kStep = std::chrono::seconds(1);

  const std::chrono::nanoseconds limit_;
  std::optional<std::chrono::nanoseconds> ahead_;  // of the wall clock, at the last question
  std::chrono::steady_clock::time_point told_from_{};
};

}  // namespace slipway::control
