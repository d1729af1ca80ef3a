// SPDX-License-Identifier: Apache-2.0
//
// The core's second half: machines, rules, and what they come to.
#include <algorithm>
#include <iostream>
#include <utility>

#include "control/policy/decide.h"
#include "control/serve/boot_rules.h"
#include "control/serve/core.h"
#include "control/text.h"

namespace slipway::control {

absl::Status Core::NeedsSet(const std::optional<ImageSetName>& set) {
  if (!set) return absl::OkStatus();
  const auto sets = Images();
  if (!sets.ok()) return sets.status();
  const std::string reference = set->ToString();
  if (std::ranges::find(*sets, reference, &ImageSet::reference) != sets->end()) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(Text(reference, ": no such image set; import it first: slipway image ",
                                  "import PATH ", reference));
}

absl::StatusOr<Machine> Core::ChangeMachine(const Machine& named, const nlohmann::json& changes,
                                            const Actor& actor) {
  const auto found = store_->FindMachine(named.mac, named.uuid);
  if (!found.ok()) return found.status();
  Machine machine = found->value_or(named);
  if (absl::Status status = Update(changes, machine); !status.ok()) return status;
  if (changes.contains("image_set")) {
    if (absl::Status status = NeedsSet(machine.image_set); !status.ok()) return status;
  }
  auto stored = store_->PutMachine(machine, actor);
  if (!stored.ok()) return stored.status();
  if (absl::Status status = Republish(); !status.ok()) return status;
  return stored;
}

absl::Status Core::RemoveMachine(std::int64_t id, const Actor& actor) {
  if (absl::Status status = store_->RemoveMachine(id, actor); !status.ok()) return status;
  return Republish();
}

absl::Status Core::PutRule(const Rule& rule, const Actor& actor) {
  if (absl::Status status = NeedsSet(rule.image_set); !status.ok()) return status;
  if (absl::Status status = store_->PutRule(rule, actor); !status.ok()) return status;
  return Republish();
}

absl::Status Core::RemoveRule(const std::string& name, const Actor& actor) {
  if (absl::Status status = store_->RemoveRule(name, actor); !status.ok()) return status;
  return Republish();
}

absl::Status Core::PutRollout(const Rollout& rollout, const Actor& actor) {
  for (const ImageSetName& name : {rollout.stable, rollout.candidate}) {
    if (absl::Status status = NeedsSet(name); !status.ok()) return status;
  }
  if (absl::Status status = store_->PutRollout(rollout, actor); !status.ok()) return status;
  return Republish();
}

absl::Status Core::Promote(const ImageSetName& stable, const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  const auto rollouts = store_->Rollouts();
  if (!rollouts.ok()) return rollouts.status();
  const auto rollout = std::ranges::find(*rollouts, stable, &Rollout::stable);
  if (rollout == rollouts->end()) {
    return absl::NotFoundError(Text(stable.ToString(), ": no rollout; see 'slipway rollout list'"));
  }
  // First the tag: were this the last that happens, the rollout would still stand, with both of its
  // tags at one version.
  const absl::Status tagged =
      image_store_->Tag(rollout->candidate.ToString(), rollout->stable.ToString());
  if (!tagged.ok()) return tagged;
  if (absl::Status status = store_->EndRollout(stable, "promoted", actor); !status.ok()) {
    return status;
  }
  return RepublishLocked();
}

absl::Status Core::RollBack(const ImageSetName& stable, const Actor& actor) {
  if (absl::Status status = store_->EndRollout(stable, "rolled back", actor); !status.ok()) {
    return status;
  }
  return Republish();
}

void Core::NoteBoot(const Boot& boot) {
  const std::string version = tally_.Take(boot);
  if (version.empty() || boot.outcome == BootOutcome::kComplete) return;
  const auto rollouts = store_->Rollouts();
  if (!rollouts.ok() || rollouts->empty()) return;
  const auto sets = Images();
  if (!sets.ok()) return;
  for (const Rollout& rollout : *rollouts) {
    const auto set = std::ranges::find(*sets, rollout.candidate.ToString(), &ImageSet::reference);
    if (rollout.failures_max == 0 || set == sets->end() || VersionName(*set) != version) continue;
    const VersionCount count = tally_.Of(version);
    if (count.failed < rollout.failures_max) continue;
    std::cerr << "slipwayd: rollout of " << rollout.stable.ToString() << " is rolled back after "
              << count.failed << " failed boots of " << rollout.candidate.ToString()
              << "; last: " << count.last_failure << '\n';
    const absl::Status status = RollBack(rollout.stable, DaemonActor());
    if (!status.ok()) std::cerr << "slipwayd: " << status.message() << '\n';
  }
}

absl::Status Core::CountBoot(const MacAddress& mac, bool completed) {
  auto found = store_->FindMachine(mac, std::nullopt);
  if (!found.ok()) return found.status();
  const auto rules = store_->Rules();
  if (!rules.ok()) return rules.status();
  Machine machine;
  machine.mac = mac;
  if (*found) machine = **found;
  const auto candidates = Candidates(*rules, &machine);
  const bool planned = std::ranges::any_of(candidates, [&](const Candidate& each) {
    const BootPlan& plan = each.rule == nullptr ? machine.plan : each.rule->plan;
    return plan.mode != BootMode::kAlways;
  });
  // Only a plan needs the count; a machine nobody knows gets its record for it.
  if (!planned) return absl::OkStatus();
  if (machine.id == 0) {
    const auto stored = store_->PutMachine(machine, DaemonActor());
    if (!stored.ok()) return stored.status();
    machine.id = stored->id;
  }
  if (absl::Status status = store_->CountBoot(machine.id, completed); !status.ok()) return status;
  return Republish();
}

absl::StatusOr<Explanation> Core::ExplainMachine(const Question& question) {
  auto machine = store_->FindMachine(question.mac, question.uuid);
  if (!machine.ok()) return machine.status();
  const auto rules = store_->Rules();
  if (!rules.ok()) return rules.status();
  const auto sets = Images();
  if (!sets.ok()) return sets.status();
  const auto rollouts = store_->Rollouts();
  if (!rollouts.ok()) return rollouts.status();
  return Explain(question, {config_, *sets, *rules, *rollouts, *std::move(machine)});
}

}  // namespace slipway::control
