// SPDX-License-Identifier: Apache-2.0
#include "dataplane/clock.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>

namespace slipway::dataplane {
namespace {

// Readings closer together say little of the frequency.
constexpr Duration kCorrectMin = std::chrono::milliseconds(50);
// A lag is made up for within so long, and by no more than a thousandth of the speed.
constexpr Duration kCatchUp = std::chrono::seconds(1);
constexpr double kCatchUpMax = 0.001;
// What was told is rounded to 10 MHz at the worst, half a hundredth of 1 GHz. A measure further off
// is of a machine that was suspended or moved meanwhile, and for us no time went by.
constexpr double kMisjudgedMax = 0.02;

Duration Read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

}  // namespace

ClockReading ReadClocks() {
  // Whatever interrupts a reading makes it longer: the shortest of three is taken.
  constexpr int kTries = 3;
  ClockReading best;
  std::uint64_t shortest = std::numeric_limits<std::uint64_t>::max();
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t before = rte_rdtsc();
    const Duration steady = Read(CLOCK_MONOTONIC);
    const Duration unix_time = Read(CLOCK_REALTIME);
    const std::uint64_t took = rte_rdtsc() - before;
    if (took >= shortest) continue;
    shortest = took;
    best = {.counter = before + took / 2, .steady = steady, .unix_time = unix_time};
  }
  return best;
}

void Clock::Correct(const ClockReading& reading) {
  const Duration elapsed = reading.steady - seen_.steady;
  if (elapsed < kCorrectMin || reading.counter <= seen_.counter) return;
  const double per_count =
      static_cast<double>(elapsed.count()) / static_cast<double>(reading.counter - seen_.counter);
  seen_ = reading;
  const Time shown = At(reading.counter);
  if (std::abs(per_count / told_ - 1) > kMisjudgedMax) {
    steady_at_zero_ = reading.steady - shown.time_since_epoch();
    return;
  }
  const Duration lag = reading.steady - steady_at_zero_ - shown.time_since_epoch();
  const double faster =
      std::clamp(static_cast<double>(lag.count()) / static_cast<double>(Duration(kCatchUp).count()),
                 -kCatchUpMax, kCatchUpMax);
  base_counter_ = reading.counter;
  base_ = shown;
  scale_ = Scaled(per_count * (1 + faster));
}

}  // namespace slipway::dataplane
