// SPDX-License-Identifier: Apache-2.0
//
// BootLog: a line in the log for the end of each boot: how it ended, why, how long it took. An
// outcome of a boot is told once, and once more for another cause: a machine that goes on loading
// after its first whole file has ended all the same; one that its firmware refused after that is
// told as failed.
//
// Whoever is on the boot network can end as many boots as he invents MACs, and the journal drops
// all of a service that writes more than 10,000 lines in 30 s (journald.conf, RateLimitBurst): so
// beyond kLinesPerSecond they are counted and not told.
//
// One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "control/boots/timelines.h"
#include "control/serve/boot_meter.h"

namespace slipway::control {

class BootLog {
 public:
  // A boot whose outcome was decided, or decided otherwise than before.
  void Take(const Boot& boot, const BootMeter::Place& place,
            std::chrono::steady_clock::time_point now);

 private:
  struct Told {
    std::int64_t boot = 0;
    unsigned outcomes = 0;  // a bit each
    int lines = 0;
    std::string_view cause = {};
  };
  static constexpr int kLinesPerSecond = 250;
  static constexpr int kLinesPerBoot = 4;

  bool IsNew(const Boot& boot);
  bool MayTell(std::chrono::steady_clock::time_point now);

  std::chrono::steady_clock::time_point window_{};  // of a second, in which lines_ were told
  int lines_ = 0;
  std::uint64_t left_out_ = 0;
  std::unordered_map<std::uint64_t, Told> told_;  // of the last boot of each machine
};

}  // namespace slipway::control
