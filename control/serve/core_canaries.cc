// SPDX-License-Identifier: Apache-2.0
//
// How the boots of rollouts' candidates end: what is counted of them, what that is kept in, and the
// rollback where too many failed.
//
// Numbers of each version are the archive's, in one commit with the boots they count. Which boots
// failed for a rollout is the catalog's, with the rollout, as a trial that begins anew or ends
// takes them along: few rows, as many as may fail, while boots that are well write nothing there.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "control/log.h"
#include "control/serve/boot_rules.h"
#include "control/serve/core.h"
#include "control/serve/network_of.h"
#include "control/store/boot_archive.h"
#include "control/text.h"

namespace slipway::control {

absl::Status Core::RestoreCanaries() {
  auto counts = archive_->BootsOfVersions();
  if (!counts.ok()) return counts.status();
  tally_.Restore(*std::move(counts));
  const auto rollouts = store_->Rollouts();
  if (!rollouts.ok()) return rollouts.status();
  for (const Rollout& rollout : *rollouts) timelines_->RiseFrom(rollout.first_boot);
  const auto failures = store_->CanaryFailures();
  if (!failures.ok()) return failures.status();
  for (const CanaryFailure& each : *failures) {
    CanaryFailures& failed = canary_failures_[each.stable];
    failed.version = each.version;
    failed.boots.insert(each.boot);
    timelines_->RiseFrom(each.boot + 1);  // its story may have made room for others
  }
  return absl::OkStatus();
}

void Core::ForgetCanary(const std::string& stable) {
  canary_failures_.erase(stable);
  std::erase_if(unkept_failures_, [&](const CanaryFailure& each) { return each.stable == stable; });
}

absl::Status Core::KeepCanaries() {
  const std::scoped_lock lock(mutex_);
  if (unkept_failures_.empty()) return absl::OkStatus();
  absl::Status status = store_->NoteCanaryFailures(unkept_failures_);
  if (status.ok()) unkept_failures_.clear();
  return status;
}

void Core::NoteBoot(const Boot& boot) {
  meter_.Take(boot, {.image_set = tally_.SetOf(boot), .network = NetworkOf(*served(), boot)});
  // What goes on after a restart is of a boot that was counted, however it fares: GRUB asks for
  // files that it can do without.
  if (boot.outcome != BootOutcome::kComplete && !IsATry(boot)) return;
  const std::string version = tally_.Take(boot);
  if (version.empty()) return;
  const std::scoped_lock lock(mutex_);
  if (boot.outcome == BootOutcome::kComplete) {
    // After all.
    for (auto& [stable, failed] : canary_failures_) {
      if (failed.boots.erase(boot.id) == 0) continue;
      unkept_failures_.push_back(
          {.stable = stable, .version = failed.version, .boot = boot.id, .is_over = true});
    }
    return;
  }
  const auto rollouts = store_->Rollouts();
  if (!rollouts.ok() || rollouts->empty()) return;
  const auto sets = image_store_->List();
  if (!sets.ok()) return;
  std::optional<Machine> machine;
  for (const Rollout& rollout : *rollouts) {
    const auto set = std::ranges::find(*sets, rollout.candidate.ToString(), &ImageSet::reference);
    if (set == sets->end() || VersionName(*set) != version) continue;
    if (rollout.failures_max == 0 || boot.id < rollout.first_boot) continue;
    if (!machine) {
      const auto known = MachineAt(boot.mac, leases_.Uuids());
      if (!known.ok() || !*known) return;
      machine = **known;
    }
    // Whoever asks for the candidate's files unasked decides nothing.
    if (!InCanary(rollout, *machine)) continue;
    NoteCanaryFailure(rollout, version, boot);
  }
}

void Core::NoteCanaryFailure(const Rollout& rollout, const std::string& version, const Boot& boot) {
  const std::string stable = rollout.stable.ToString();
  CanaryFailures& of_version = canary_failures_[stable];
  if (of_version.version != version) of_version = {.version = version, .boots = {}};
  if (of_version.boots.insert(boot.id).second) {
    unkept_failures_.push_back(
        {.stable = stable, .version = version, .boot = boot.id, .is_over = false});
  }
  const std::size_t failed = of_version.boots.size();
  if (failed < rollout.failures_max) return;
  LogWarning(Text("rollout of ", stable, " is rolled back after ", failed, " failed boots of ",
                  rollout.candidate.ToString(), "; last: ", boot.mac.ToString(), ": ", boot.words),
             {{"image_set", stable},
              {"candidate", rollout.candidate.ToString()},
              {"failed_boots", static_cast<std::int64_t>(failed)},
              {"machine", boot.mac.ToString()},
              {"boot", boot.id},
              {"cause", std::string(boot.cause)}});
  const nlohmann::json why = {{"failed_boots", failed},
                              {"last_mac", boot.mac.ToString()},
                              {"last_boot", boot.id},
                              {"last_words", boot.words}};
  const absl::Status status = RollBackLocked(rollout.stable, DaemonActor(), why);
  if (!status.ok()) LogError(std::string(status.message()), {{"image_set", stable}});
}

}  // namespace slipway::control
