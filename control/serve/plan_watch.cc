// SPDX-License-Identifier: Apache-2.0
#include "control/serve/plan_watch.h"

#include <vector>

#include "control/serve/refused_boot.h"

namespace slipway::control {

absl::Status PlanWatch::Resume(Core& core, std::int64_t now_unix_nanoseconds) {
  counts_from_ = now_unix_nanoseconds + RefusedBoot::kPatienceNanoseconds;
  const auto waiting = core.store().WaitingBoots();
  if (!waiting.ok()) return waiting.status();
  counter_.TakeBack(*waiting);
  return absl::OkStatus();
}

absl::Status PlanWatch::Keep(Core& core) {
  if (taken_.empty()) return absl::OkStatus();
  // Of a storm of boots few have a plan.
  const auto planned = core.WithPlans(taken_);
  if (!planned.ok()) return planned.status();
  if (!planned->empty()) {
    if (absl::Status status = core.store().PutWaitingBoots(*planned); !status.ok()) return status;
  }
  taken_.clear();
  return absl::OkStatus();
}

absl::Status PlanWatch::Count(Core& core, std::int64_t now_unix_nanoseconds) {
  if (absl::Status status = Keep(core); !status.ok()) {
    // As many as there can be machines; the counter has them all the same.
    if (taken_.size() > core.config().limits.machines) taken_.clear();
    return status;
  }
  if (now_unix_nanoseconds < counts_from_) return absl::OkStatus();
  const auto settled = counter_.Settled(now_unix_nanoseconds);
  if (settled.empty()) return absl::OkStatus();
  auto counting = core.WithPlans(settled);
  if (!counting.ok()) {
    counter_.TakeBack(settled);
    return counting.status();
  }
  for (BootCounter::Counted& boot : *counting) {
    if (!boot.completed) continue;
    const auto refused = FindRefusal(core, boot.mac, boot.boot);
    if (!refused) continue;
    boot.completed = false;
    boot.is_refused = true;
    boot.next = refused->next_boot;
  }
  absl::Status status = core.CountBoots(*counting, settled);
  if (!status.ok()) counter_.TakeBack(settled);
  return status;
}

}  // namespace slipway::control
