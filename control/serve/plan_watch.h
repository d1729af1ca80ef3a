// SPDX-License-Identifier: Apache-2.0
//
// PlanWatch: counts the boots of machines that have a plan ("once", "until-success"), when they
// have settled (policy/boot_counter.h). One that has its whole file, and that firmware under Secure
// Boot did not run (refused_boot.h), counts as failed: "once" is not over, and "until-success" ends
// after as many of them as it may fail. What firmware then went on with, its next boot option, is
// no boot of its own, unless it completes.
//
// One thread.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "control/policy/boot_counter.h"
#include "control/serve/core.h"

namespace slipway::control {

class PlanWatch {
 public:
  // A boot whose outcome was decided, or decided otherwise than before.
  void Take(const Boot& boot) { counter_.Take(boot); }
  // Counts what has settled.
  absl::Status Count(Core& core, std::int64_t now_unix_nanoseconds);

 private:
  BootCounter counter_;
};

}  // namespace slipway::control
