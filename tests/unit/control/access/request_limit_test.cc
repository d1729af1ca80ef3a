// SPDX-License-Identifier: Apache-2.0
#include "control/access/request_limit.h"

#include <gmock/gmock.h>

namespace slipway::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kStart{std::chrono::hours(1000)};

unsigned Taken(RequestLimit& limit, const std::string& who, Time now) {
  unsigned taken = 0;
  while (taken < 100'000 && limit.Take(who, now)) ++taken;
  return taken;
}

TEST(RequestLimitTest, TenSecondsWorthAtOnceAndThenAsManyASecond) {
  RequestLimit limit(5);
  EXPECT_EQ(Taken(limit, "a", kStart), 50u);
  EXPECT_EQ(Taken(limit, "a", kStart + milliseconds(200)), 1u);
  EXPECT_EQ(Taken(limit, "a", kStart + milliseconds(1200)), 5u);
  EXPECT_EQ(Taken(limit, "b", kStart + milliseconds(1200)), 50u) << "others have their own";
  EXPECT_EQ(Taken(limit, "a", kStart + seconds(60)), 50u) << "what was not used is not saved up";
  EXPECT_EQ(limit.refused(), 5u) << "the last of each";
}

TEST(RequestLimitTest, NoneIsNone) {
  RequestLimit limit(0);
  EXPECT_EQ(Taken(limit, "a", kStart), 100'000u);
  EXPECT_EQ(limit.size(), 0u);
  EXPECT_EQ(limit.refused(), 0u);
}

TEST(RequestLimitTest, WhoWasQuietTheLongestIsForgotten) {
  RequestLimit limit(1);
  EXPECT_EQ(Taken(limit, "busy", kStart), 10u);
  Time now = kStart;
  for (std::size_t i = 0; i < 2 * RequestLimit::kSourcesMax; ++i) {
    now += std::chrono::microseconds(1);
    EXPECT_TRUE(limit.Take(std::to_string(i), now));
    EXPECT_FALSE(limit.Take("busy", now)) << "it asks on, and is remembered";
  }
  EXPECT_EQ(limit.size(), RequestLimit::kSourcesMax);
}

}  // namespace
}  // namespace slipway::control
