// SPDX-License-Identifier: Apache-2.0
//
// Stopwatch: where the cycles of one round go, by step. A lap is one read of the TSC (about 20
// cycles); seven of them in a round that sends 64 segments are below half a percent.
//
// Sealing happens inside Emit, a segment at a time, where two reads for each would show. So one
// round in kSealEvery is measured segment by segment, and what it found stands for the others.
#pragma once

#include <rte_cycles.h>

#include <array>
#include <cstdint>

#include "dataplane/event.h"

namespace slipway::dataplane {

class Stopwatch {
 public:
  Stopwatch() : began_(rte_rdtsc()), last_(began_) {}

  // The time since the lap before belongs to `step`.
  void Lap(Step step) {
    const std::uint64_t now = rte_rdtsc();
    laps_[static_cast<std::size_t>(step)] += now - last_;
    last_ = now;
  }

  void AddTo(WorkerStatistics& statistics, bool busy) const {
    if (!busy) {
      statistics.idle_cycles += last_ - began_;
      return;
    }
    ++statistics.busy_polls;
    statistics.busy_cycles += last_ - began_;
    for (std::size_t i = 0; i < laps_.size(); ++i) statistics.steps[i].cycles += laps_[i];
  }

 private:
  std::uint64_t began_;
  std::uint64_t last_;
  std::array<std::uint64_t, kStepNames.size()> laps_{};
};

// Measures the sealing of one segment, in the rounds in which that is done.
class SealWatch {
 public:
  static constexpr std::uint64_t kEvery = 64;  // rounds; a power of two

  explicit SealWatch(WorkerStatistics& statistics)
      : statistics_(statistics), began_((statistics.polls & (kEvery - 1)) == 0 ? rte_rdtsc() : 0) {}
  void Sealed(std::uint64_t bytes) {
    if (began_ == 0) return;
    statistics_.seal_sample_cycles += rte_rdtsc() - began_;
    statistics_.seal_sample_bytes += bytes;
  }

 private:
  WorkerStatistics& statistics_;
  std::uint64_t began_;
};

}  // namespace slipway::dataplane
