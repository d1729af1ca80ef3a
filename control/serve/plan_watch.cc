// SPDX-License-Identifier: Apache-2.0
#include "control/serve/plan_watch.h"

#include <vector>

#include "control/serve/refused_boot.h"

namespace slipway::control {

absl::Status PlanWatch::Count(Core& core, std::int64_t now_unix_nanoseconds) {
  const auto settled = counter_.Settled(now_unix_nanoseconds);
  if (settled.empty()) return absl::OkStatus();
  // Of a storm of boots few have a plan, and only those are looked at once more.
  auto counting = core.WithPlans(settled);
  if (!counting.ok()) return counting.status();
  for (BootCounter::Counted& boot : *counting) {
    if (!boot.completed) continue;
    const auto refused = FindRefusal(core, boot.mac, boot.boot);
    if (!refused) continue;
    boot.completed = false;
    if (refused->next_boot != 0) counter_.LeaveOut(boot.mac, refused->next_boot);
  }
  return core.CountBoots(*counting);
}

}  // namespace slipway::control
