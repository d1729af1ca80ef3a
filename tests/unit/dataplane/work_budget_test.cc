// SPDX-License-Identifier: Apache-2.0
#include "dataplane/work_budget.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace slipway::dataplane {
namespace {

constexpr std::uint64_t kHertz = 1'000'000'000;  // a cycle is a nanosecond
constexpr std::uint64_t kMicrosecond = 1000;

struct Spent {
  std::uint64_t working = 0;
  std::uint64_t passed = 0;
};

struct Rounds {
  bool others_wait = true;
  std::uint64_t step = 150 * kMicrosecond;
  std::uint64_t other = 20 * kMicrosecond;  // what a round takes otherwise
  bool hurries = false;
  std::uint64_t begin = std::uint64_t{1} << 60;
};

// For a second, as many steps as are allowed.
Spent RunFor(WorkBudget& budget, const Rounds& rounds) {
  Spent spent;
  std::uint64_t now = rounds.begin;
  while (now < rounds.begin + kHertz) {
    budget.StartRound(now, rounds.hurries);
    while (budget.Allows(rounds.others_wait)) {
      now += rounds.step;
      spent.working += rounds.step;
      budget.Stepped(now);
    }
    now += rounds.other;
  }
  spent.passed = now - rounds.begin;
  return spent;
}

double Percent(const Spent& spent) {
  return 100.0 * static_cast<double>(spent.working) / static_cast<double>(spent.passed);
}

TEST(WorkBudget, GivesHandshakesTheirShareWhileOthersWait) {
  for (const std::uint32_t share : {10U, 50U, 90U}) {
    for (const std::uint64_t step : {20 * kMicrosecond, 150 * kMicrosecond, 900 * kMicrosecond}) {
      WorkBudget budget(share, kHertz);
      EXPECT_NEAR(Percent(RunFor(budget, {.step = step})), share, 2)
          << share << " percent, steps of " << step;
    }
  }
}

TEST(WorkBudget, InAHurryGivesThemMoreUnlessTheyHaveMore) {
  for (const std::uint32_t share : {10U, 50U, 80U, 95U}) {
    WorkBudget budget(share, kHertz);
    const Rounds rounds{.other = 5 * kMicrosecond, .hurries = true};
    EXPECT_NEAR(Percent(RunFor(budget, rounds)), std::max(share, 80U), 2) << share;
    const Rounds later{.other = 5 * kMicrosecond, .begin = rounds.begin + 2 * kHertz};
    EXPECT_NEAR(Percent(RunFor(budget, later)), share, 2) << share;
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
  const Rounds rounds{.others_wait = false, .step = 100 * kMicrosecond, .other = kMicrosecond};
  EXPECT_GT(Percent(RunFor(budget, rounds)), 99);
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
