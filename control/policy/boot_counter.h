// SPDX-License-Identifier: Apache-2.0
//
// BootCounter: which boots count for a machine's plan ("once", "until-success"). A boot that chains
// (firmware, then iPXE, then a kernel) is several boots to the wire; the last of them is the one
// that counts, and it counts when the machine has been quiet for kSettle since. What no boot client
// asked for is none, unless it completes: a system that runs, or a boot whose beginning nobody
// heard, as nobody listened then.
//
// One thread.
#pragma once

#include <cstdint>
#include <optional>
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
    std::int64_t boot = 0;  // its id
    std::int64_t last = 0;  // Unix nanoseconds: quiet since then
    // Found when it has settled (serve/refused_boot.h), so not of one that waits.
    bool is_refused = false;
    std::int64_t next = 0;  // CountedBoot
  };

  // A boot whose outcome was decided, or decided otherwise than before. Gives it as it waits now;
  // nullopt: it does not.
  std::optional<Counted> Take(const Boot& boot) {
    if (boot.outcome == BootOutcome::kUnderWay) return std::nullopt;
    const bool completed = boot.outcome == BootOutcome::kComplete;
    if (!completed && !IsATry(boot)) return std::nullopt;
    return waiting_[boot.mac.value()] = {boot.mac, completed, boot.id, boot.last()};
  }
  // They wait again, where nothing newer does: they could not be counted, or waited when the
  // process before ended.
  void TakeBack(const std::vector<Counted>& boots) {
    for (const Counted& each : boots) waiting_.try_emplace(each.mac.value(), each);
  }

  // Those that are settled; each is told once.
  std::vector<Counted> Settled(std::int64_t now_unix_nanoseconds) {
    std::vector<Counted> settled;
    for (auto each = waiting_.begin(); each != waiting_.end();) {
      if (now_unix_nanoseconds - each->second.last < kSettleNanoseconds) {
        ++each;
        continue;
      }
      settled.push_back(each->second);
      each = waiting_.erase(each);
    }
    return settled;
  }

 private:
  // By MAC; bounded by the timelines' machines, and by the catalog's that have a plan.
  std::unordered_map<std::uint64_t, Counted> waiting_;
};

}  // namespace slipway::control
