// SPDX-License-Identifier: Apache-2.0
//
// BootCounter: which boots count for a machine's plan ("once", "until-success"). A boot that chains
// (firmware, then iPXE, then a kernel) is several boots to the wire; the last of them is the one
// that counts, and it counts when the machine has been quiet for kSettle since.
//
// One thread.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "control/boots/timelines.h"

namespace slipway::control {

class BootCounter {
 public:
  static constexpr std::int64_t kSettleNanoseconds = 60'000'000'000;

  struct Counted {
    MacAddress mac;
    bool completed = false;
  };

  // A boot whose outcome was decided, or decided otherwise than before.
  void Take(const Boot& boot) {
    if (boot.outcome == BootOutcome::kUnderWay) return;
    waiting_[boot.mac.value()] = {.counted = {boot.mac, boot.outcome == BootOutcome::kComplete},
                                  .last = boot.last()};
  }

  // Those that are settled; each is told once.
  std::vector<Counted> Settled(std::int64_t now_unix_nanoseconds) {
    std::vector<Counted> settled;
    for (auto each = waiting_.begin(); each != waiting_.end();) {
      if (now_unix_nanoseconds - each->second.last < kSettleNanoseconds) {
        ++each;
        continue;
      }
      settled.push_back(each->second.counted);
      each = waiting_.erase(each);
    }
    return settled;
  }

 private:
  struct Waiting {
    Counted counted;
    std::int64_t last = 0;
  };
  std::unordered_map<std::uint64_t, Waiting>
      waiting_;  // by MAC; bounded by the timelines' machines
};

}  // namespace slipway::control
