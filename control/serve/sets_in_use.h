// SPDX-License-Identifier: Apache-2.0
//
// SetsInUse: which image sets machines asked for lately. One that a boot is under way from stays in
// image memory: a loader fetches one file after the other, over several connections, and firmware
// takes a 503 in between for the end.
//
// Any thread.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "control/image_store/image_set.h"

namespace slipway::control {

class SetsInUse {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // A boot that says nothing for so long is over (TimelineLimits).
  static constexpr auto kBooting = std::chrono::minutes(5);

  // Somebody asked for this path of a set that there is.
  void Note(std::string_view path, Time now);
  // Time::min() where nobody did for a day.
  Time LastAsked(const ImageSet& set) const;
  bool IsInUse(const ImageSet& set, Time now) const;

 private:
  mutable std::mutex mutex_;
  // By the first two segments of the path: "debian/0123456789ab", "debian/stable".
  std::map<std::string, Time, std::less<>> asked_;
  Time swept_{};
};

}  // namespace slipway::control
