// SPDX-License-Identifier: Apache-2.0
//
// Clock: the processor's time stamp counter as a Time. A worker reads it once per poll round and
// hands the result to everything it calls. Needs a started EAL, which has measured the frequency.
//
// EAL's measure is a start and no more: where the processor does not say its frequency (CPUID leaf
// 0x15) DPDK 22.11 measures it and rounds to the nearest 10 MHz, up to 0.2 % of 2.5 GHz, which is
// minutes a day. So Correct() measures against CLOCK_MONOTONIC again and again, outside the path of
// packets. It changes the speed alone: a Clock never steps and never runs backwards, and what it
// shows falls in with CLOCK_MONOTONIC within seconds and stays there.
//
// One thread's. Clocks begun with the same reading and corrected, each by its own thread, agree to
// a microsecond or so. The counter is invariant on every processor DPDK supports.
#pragma once

#include <rte_cycles.h>

#include <cstdint>

#include "dataplane/timekeeper.h"
#include "protocols/base/time.h"

namespace slipway::dataplane {

// The same moment by three clocks.
struct ClockReading {
  std::uint64_t counter = 0;
  Duration steady{};     // CLOCK_MONOTONIC
  Duration unix_time{};  // CLOCK_REALTIME
};
ClockReading ReadClocks();

class Clock {
 public:
  // Time{} is at the reading; `hz`: counts in a second, as far as is known.
  explicit Clock(const ClockReading& start = ReadClocks(), std::uint64_t hz = rte_get_tsc_hz())
      : seen_(start),
        steady_at_zero_(start.steady),
        told_(1e9 / static_cast<double>(hz)),
        base_counter_(start.counter),
        scale_(Scaled(told_)) {}

  Time Now() const { return At(rte_rdtsc()); }
  // The time at a counter value not before the last correction.
  Time At(std::uint64_t counter) const {
    const Wide scaled = static_cast<Wide>(counter - base_counter_) * scale_;
    return base_ + Duration(static_cast<Duration::rep>(scaled >> kShift));
  }

  // A reading later than the one before, some ten times a second.
  void Correct(const ClockReading& reading);

 private:
  __extension__ using Wide = unsigned __int128;
  // The rounding of the scale stays below 1 ns in 4 s at 1 GHz.
  static constexpr unsigned kShift = 32;
  static std::uint64_t Scaled(double nanoseconds_per_count) {
    return static_cast<std::uint64_t>(nanoseconds_per_count * (std::uint64_t{1} << kShift));
  }

  ClockReading seen_;        // the last one
  Duration steady_at_zero_;  // CLOCK_MONOTONIC at Time{}
  double told_;              // nanoseconds of one count, by EAL's measure
  std::uint64_t base_counter_;
  Time base_{};          // at base_counter_
  std::uint64_t scale_;  // nanoseconds of one count, times 2^32
};

// A worker's clock, kept right; its wall clock is the kernel's.
class SystemTimekeeper final : public Timekeeper {
 public:
  explicit SystemTimekeeper(const ClockReading& start) : clock_(start) {}

  Time Now() const { return clock_.Now(); }
  std::int64_t UnixNanoseconds(Time now) override {
    const ClockReading reading = ReadClocks();
    clock_.Correct(reading);
    return (reading.unix_time - (clock_.At(reading.counter) - now)).count();
  }
  Time Within(Time /*round*/) override { return clock_.Now(); }

 private:
  Clock clock_;
};

}  // namespace slipway::dataplane
