// SPDX-License-Identifier: Apache-2.0
//
// PlanWatch: counts the boots of machines that have a plan ("once", "until-success"), when they
// have settled (policy/boot_counter.h). One that has its whole file, and that firmware under Secure
// Boot did not run (refused_boot.h), counts as failed: "once" is not over, and "until-success" ends
// after as many of them as it may fail. What firmware then went on with, its next boot option, is
// no boot of its own, unless it completes (policy/counted_boot.h).
//
// What waits to be counted is kept in the catalog, and is no more of it in the transaction that
// counts it and notes its id in the machine's record: a boot is counted once, however often the
// process ends in between, and whatever the archive knew of it.
//
// One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "control/policy/boot_counter.h"
#include "control/serve/core.h"

namespace slipway::control {

class PlanWatch {
 public:
  // Goes on with what waited when the process before ended. Once, before the first boot. Nobody
  // listened meanwhile, and a program that runs may have been heard of then: nothing is counted
  // before that can be told from silence.
  absl::Status Resume(Core& core, std::int64_t now_unix_nanoseconds);
  // A boot whose outcome was decided, or decided otherwise than before.
  void Take(const Boot& boot) {
    if (const auto waits = counter_.Take(boot)) taken_.push_back(*waits);
  }
  // Keeps what was taken, and counts what has settled. What an error leaves undone is done by a
  // later call.
  absl::Status Count(Core& core, std::int64_t now_unix_nanoseconds);

 private:
  absl::Status Keep(Core& core);

  BootCounter counter_;
  std::vector<BootCounter::Counted> taken_;  // and not kept yet
  std::int64_t counts_from_ = 0;             // Unix nanoseconds
};

}  // namespace slipway::control
