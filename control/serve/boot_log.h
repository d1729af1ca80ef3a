// SPDX-License-Identifier: Apache-2.0
//
// BootLog: a line in the log for the end of each boot: how it ended, why, how long it took, how
// much it loaded. An outcome of a boot is told once: a machine that goes on loading after its first
// whole file has ended all the same; one that its firmware refused after that is told as failed.
//
// One thread.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "control/boots/timelines.h"
#include "control/serve/boot_meter.h"

namespace slipway::control {

class BootLog {
 public:
  // A boot whose outcome was decided, or decided otherwise than before.
  void Take(const Boot& boot, const BootMeter::Place& place);

 private:
  struct Told {
    std::int64_t boot = 0;
    BootOutcome outcome = BootOutcome::kUnderWay;
  };
  std::unordered_map<std::uint64_t, Told> told_;  // of the last boot of each machine
};

}  // namespace slipway::control
