// SPDX-License-Identifier: Apache-2.0
#include "dataplane/work_budget.h"

#include <gtest/gtest.h>

namespace slipway::dataplane {
namespace {

constexpr std::uint64_t kHertz = 1'000'000'000;  // a cycle is a nanosecond
constexpr std::uint64_t kMicrosecond = 1000;

struct Spent {
  std::uint64_t steps = 0;
  std::uint64_t working = 0;
  std::uint64_t passed = 0;
};

// For a second: rounds whose other work takes `other`, and as many steps as are allowed.
Spent RunFor(WorkBudget& budget, bool others_wait, std::uint64_t step, std::uint64_t other) {
  constexpr std::uint64_t kStart = std::uint64_t{1} << 60;
  Spent spent;
  std::uint64_t now = kStart;
  while (now < kStart + kHertz) {
    budget.StartRound(now);
    while (budget.Allows(others_wait)) {
      now += step;
      spent.working += step;
      ++spent.steps;
      budget.Stepped(now);
    }
    now += other;
  }
  spent.passed = now - kStart;
  return spent;
}

TEST(WorkBudget, GivesHandshakesTheirShareWhileOthersWait) {
  for (const std::uint32_t share : {10U, 50U, 90U}) {
    for (const std::uint64_t step : {20 * kMicrosecond, 150 * kMicrosecond, 900 * kMicrosecond}) {
      WorkBudget budget(share, kHertz);
      const Spent spent = RunFor(budget, /*others_wait=*/true, step, 20 * kMicrosecond);
      const double percent =
          100.0 * static_cast<double>(spent.working) / static_cast<double>(spent.passed);
      EXPECT_NEAR(percent, share, 2) << share << " percent, steps of " << step;
    }
  }
}

TEST(WorkBudget, StallsOthersForOneStepAtMostOnceItIsSpent) {
  WorkBudget budget(50, kHertz);
  budget.StartRound(1'000'000'000);
  budget.Stepped(1'000'000'000 + 900 * kMicrosecond);
  EXPECT_FALSE(budget.Allows(true));
  budget.StartRound(1'000'000'000 + 950 * kMicrosecond);
  EXPECT_FALSE(budget.Allows(true)) << "what it took is not paid back yet";
  budget.StartRound(1'000'000'000 + 1400 * kMicrosecond);
  EXPECT_TRUE(budget.Allows(true));
}

TEST(WorkBudget, LetsStepsFollowEachOtherWhileNobodyWaits) {
  WorkBudget budget(10, kHertz);
  const Spent spent = RunFor(budget, /*others_wait=*/false, 100 * kMicrosecond, kMicrosecond);
  EXPECT_GT(static_cast<double>(spent.working), 0.99 * static_cast<double>(spent.passed));
}

TEST(WorkBudget, EndsARoundSoThatFramesAreReceived) {
  WorkBudget budget(100, kHertz);
  budget.StartRound(1'000'000'000);
  std::uint64_t now = 1'000'000'000;
  int steps = 0;
  for (; budget.Allows(false); ++steps) budget.Stepped(now += 100 * kMicrosecond);
  EXPECT_EQ(steps, 3);
}

TEST(WorkBudget, WithoutAShareIsOneStepARoundWhateverTheClockSays) {
  WorkBudget budget(0, kHertz);
  for (std::uint64_t now = 0; now < 10; ++now) {
    budget.StartRound(now * kHertz);
    EXPECT_TRUE(budget.Allows(true));
    budget.Stepped(now * kHertz + kHertz / 2);
    EXPECT_FALSE(budget.Allows(true));
    EXPECT_FALSE(budget.Allows(false));
  }
}

}  // namespace
}  // namespace slipway::dataplane
