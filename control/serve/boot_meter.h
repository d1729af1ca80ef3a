// SPDX-License-Identifier: Apache-2.0
//
// BootMeter: how boots ended and how long they took, for each image set and each network, since the
// daemon started; for counters and histograms that only rise. An outcome of a boot counts once: one
// that failed and came to its end after all, or had its whole file and was refused by its firmware,
// counts under both.
//
// Bounded: of sets, and of networks, kNamesMax are told apart, in the order in which boots first
// had to do with them; what comes after those is one account, kOthers. Names come from the catalog
// and the configuration, never from what a machine says.
//
// Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "control/boots/timelines.h"

namespace slipway::control {

class BootMeter {
 public:
  static constexpr std::size_t kNamesMax = 64;
  static constexpr std::string_view kOthers = "(others)";  // parentheses: no image set has them

  struct Account {
    std::uint64_t complete = 0;
    std::uint64_t failed = 0;
    std::uint64_t abandoned = 0;
    BootDurations durations;  // of those that are complete
  };
  using Accounts = std::map<std::string, Account>;

  // What a boot has to do with; empty: nothing that is known.
  struct Place {
    std::string image_set;  // its name, without a tag
    std::string network;
  };
  // A boot whose outcome was decided, or decided otherwise than before.
  void Take(const Boot& boot, const Place& place);

  Accounts ImageSets() const;
  Accounts Networks() const;

 private:
  struct Counted {
    std::int64_t boot = 0;
    unsigned outcomes = 0;  // a bit for each BootOutcome
  };

  mutable std::mutex mutex_;
  Accounts image_sets_;
  Accounts networks_;
  std::unordered_map<std::uint64_t, Counted> counted_;  // the last boot of each machine
};

}  // namespace slipway::control
