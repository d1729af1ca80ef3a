// SPDX-License-Identifier: Apache-2.0
#include "protocols/base/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>

#include "protocols/base/entropy.h"

namespace slipway {
namespace {

constexpr Duration kTick{1 << 20};

TEST(TimerWheel, FiresEachTimerOnceNeverEarlyAndAtMostOneTickLate) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SeededEntropy random(seed);
    constexpr std::uint32_t kOwners = 50;
    TimerWheel wheel(kOwners);
    std::map<std::uint32_t, Time> armed;
    Time now{std::chrono::seconds(random.Below(100'000))};
    for (int step = 0; step < 3000; ++step) {
      const auto owner = static_cast<std::uint32_t>(random.Below(kOwners));
      const std::uint64_t choice = random.Below(10);
      if (choice < 6) {
        // From nanoseconds to years ahead, each scale as likely.
        const Duration ahead{
            static_cast<std::int64_t>(random.Below(std::uint64_t{1} << random.Below(56)))};
        wheel.Arm(owner, now + ahead);
        armed[owner] = now + ahead;
      } else if (choice < 7) {
        wheel.Cancel(owner);
        armed.erase(owner);
      } else {
        // Either straight to the deadline, or somewhere.
        const Time deadline = wheel.Deadline();
        Time first = kNever;
        for (const auto& [_, when] : armed) first = std::min(first, when);
        ASSERT_LE(deadline, first == kNever ? kNever : first + kTick);
        now = choice < 9 && deadline != kNever
                  ? std::max(now, deadline)
                  : now + Duration{static_cast<std::int64_t>(random.Below(1u << 30))};
        while (const auto fired = wheel.Pop(now)) {
          ASSERT_TRUE(armed.contains(*fired));
          ASSERT_LE(armed[*fired], now);
          armed.erase(*fired);
        }
        for (const auto& [_, when] : armed) ASSERT_GT(when + kTick, now);
      }
      ASSERT_EQ(wheel.armed(owner), armed.contains(owner));
    }
  }
}

TEST(TimerWheel, WithNothingArmedHasNoDeadline) {
  TimerWheel wheel(4);
  EXPECT_EQ(wheel.Deadline(), kNever);
  wheel.Arm(2, Time(std::chrono::seconds(5)));
  EXPECT_EQ(wheel.when(2), Time(std::chrono::seconds(5)));
  wheel.Arm(2, kNever);
  EXPECT_EQ(wheel.Deadline(), kNever);
  EXPECT_EQ(wheel.Pop(Time(std::chrono::seconds(9))), std::nullopt);
}

TEST(TimerWheel, FiresATimerThatWasArmedInThePast) {
  TimerWheel wheel(1);
  EXPECT_EQ(wheel.Pop(Time(std::chrono::seconds(9))), std::nullopt);
  wheel.Arm(0, Time(std::chrono::seconds(3)));
  EXPECT_EQ(wheel.Pop(Time(std::chrono::seconds(9))), 0u);
}

}  // namespace
}  // namespace slipway
