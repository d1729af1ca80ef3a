// SPDX-License-Identifier: Apache-2.0
#include "control/access/throttle.h"

#include <gmock/gmock.h>

namespace slipway::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ThrottleLimits kLimits{.failures = 3,
                                 .window = seconds(60),
                                 .shortest = seconds(10),
                                 .longest = seconds(100),
                                 .addresses = 4};
const Throttle::Time kStart{std::chrono::hours(1000)};

TEST(Throttle, LocksOutAfterSoManyFailuresAndListensAgain) {
  Throttle throttle(kLimits);
  EXPECT_FALSE(throttle.Fail("a", kStart));
  EXPECT_FALSE(throttle.Fail("a", kStart + seconds(1)));
  EXPECT_FALSE(throttle.LockedFor("a", kStart + seconds(1)).has_value());
  EXPECT_TRUE(throttle.Fail("a", kStart + seconds(2)));
  EXPECT_EQ(throttle.LockedFor("a", kStart + seconds(2)), seconds(10));
  EXPECT_EQ(throttle.LockedFor("a", kStart + milliseconds(11'999)), seconds(1));
  EXPECT_FALSE(throttle.LockedFor("a", kStart + seconds(12)).has_value());
  EXPECT_FALSE(throttle.LockedFor("b", kStart + seconds(2)).has_value()) << "others are served";
  EXPECT_EQ(throttle.failures(), 3u);
  EXPECT_EQ(throttle.lockouts(), 1u);
}

TEST(Throttle, FailuresFarApartAreNone) {
  Throttle throttle(kLimits);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(throttle.Fail("a", kStart + i * seconds(31)));
}

TEST(Throttle, EachLockoutIsTwiceAsLongUpToTheLongest) {
  Throttle throttle(kLimits);
  Throttle::Time now = kStart;
  for (const int expected : {10, 20, 40, 80, 100, 100}) {
    throttle.Fail("a", now);
    throttle.Fail("a", now);
    ASSERT_TRUE(throttle.Fail("a", now));
    ASSERT_EQ(throttle.LockedFor("a", now), seconds(expected));
    now += seconds(expected);
  }
  // Quiet for the longest time: forgiven.
  now += kLimits.longest;
  for (int i = 0; i < 3; ++i) throttle.Fail("a", now);
  EXPECT_EQ(throttle.LockedFor("a", now), seconds(10));
}

TEST(Throttle, ValidCredentialsForgiveFailuresButNotALockout) {
  Throttle throttle(kLimits);
  throttle.Fail("a", kStart);
  throttle.Fail("a", kStart);
  throttle.Succeed("a");
  EXPECT_FALSE(throttle.Fail("a", kStart));
  throttle.Fail("a", kStart);
  EXPECT_TRUE(throttle.Fail("a", kStart));
  throttle.Succeed("a");
  EXPECT_TRUE(throttle.LockedFor("a", kStart).has_value());
}

TEST(Throttle, ForgetsTheQuietestWhenItIsFull) {
  Throttle throttle(kLimits);
  for (int i = 0; i < 3; ++i) throttle.Fail("locked", kStart);
  for (int i = 0; i < 1000; ++i) {
    throttle.Fail("address " + std::to_string(i), kStart + milliseconds(i));
    EXPECT_LE(throttle.size(), kLimits.addresses);
  }
  EXPECT_TRUE(throttle.LockedFor("locked", kStart + seconds(1)).has_value())
      << "who is locked out counts as heard at the end of it";
}

}  // namespace
}  // namespace slipway::control
