// SPDX-License-Identifier: Apache-2.0
#include "control/boots/silence.h"

#include <gtest/gtest.h>

namespace slipway::control {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::nanoseconds kUnix = 1'700'000'000s;

TEST(Silence, IsToldWhileTheClockGoesOn) {
  Silence silence(300s);
  for (int second = 0; second < 1000; ++second) {
    // Slewed, a half of a thousandth each second, and read with some jitter.
    const auto slewed = std::chrono::microseconds(500 * second) + (second % 3) * 20ms;
    EXPECT_TRUE(silence.CanBeTold(kUnix + std::chrono::seconds(second) + slewed,
                                  Clock::time_point(std::chrono::seconds(second))))
        << second;
  }
}

TEST(Silence, IsNotToldForAsLongAsItLastsAfterAStepForward) {
  Silence silence(300s);
  EXPECT_TRUE(silence.CanBeTold(kUnix, Clock::time_point(10s)));
  EXPECT_FALSE(silence.CanBeTold(kUnix + 3600s, Clock::time_point(11s)));
  EXPECT_FALSE(silence.CanBeTold(kUnix + 3600s + 299s, Clock::time_point(310s)));
  EXPECT_TRUE(silence.CanBeTold(kUnix + 3600s + 300s, Clock::time_point(311s)));
}

TEST(Silence, AStepBackMakesNothingSeemLongAgo) {
  Silence silence(300s);
  EXPECT_TRUE(silence.CanBeTold(kUnix, Clock::time_point(10s)));
  EXPECT_TRUE(silence.CanBeTold(kUnix - 3600s, Clock::time_point(11s)));
}

}  // namespace
}  // namespace slipway::control
