// SPDX-License-Identifier: Apache-2.0
//
// The core's second half: machines, rules, and what they come to.
#include <algorithm>
#include <map>
#include <utility>

#include "control/moment.h"
#include "control/policy/decide.h"
#include "control/serve/boot_rules.h"
#include "control/serve/core.h"
#include "control/serve/policy_builder.h"
#include "control/templates/variables.h"
#include "control/text.h"

namespace slipway::control {
namespace {

absl::Status NeedsSet(const std::vector<ImageSet>& sets, const std::optional<ImageSetName>& set) {
  if (!set) return absl::OkStatus();
  const std::string reference = set->ToString();
  if (std::ranges::find(sets, reference, &ImageSet::reference) != sets.end()) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(Text(reference, ": no such image set; import it first: slipway image ",
                                  "import PATH ", reference));
}

absl::Status NeedsTemplate(const std::vector<Template>& templates, const std::string& script) {
  if (script.empty() || std::ranges::find(templates, script, &Template::name) != templates.end()) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(Text("script: ", script, ": no such template; make it first: slipway ",
                                  "template set ", script, " --file FILE"));
}

// In the place of the one that `is_it`, or behind all.
template <class T, class IsIt>
void Place(std::vector<T>& all, T item, IsIt is_it) {
  const auto place = std::ranges::find_if(all, is_it);
  if (place == all.end()) {
    all.push_back(std::move(item));
  } else {
    *place = std::move(item);
  }
}

// A UUID that is said of a machine is that one's alone: two records are not made one, for the
// labels and the plan of either would be gone. `owner`: who has it now.
absl::Status RefuseOthers(const std::optional<Machine>& owner, const Machine& machine) {
  if (!owner) return absl::OkStatus();
  // Those of the configuration file all have the id 0.
  const bool is_it = owner->id == machine.id && (owner->id != 0 || owner->mac == machine.mac);
  if (is_it) return absl::OkStatus();
  return absl::AlreadyExistsError(Text("uuid: ", machine.uuid->ToString(), " is machine ",
                                       KeyOf(*owner), "'s; change that one, or remove it first"));
}

// Empty: there is none.
std::string LeadsTo(const std::vector<ImageSet>& sets, const ImageSetName& name) {
  const auto set = std::ranges::find(sets, name.ToString(), &ImageSet::reference);
  return set == sets.end() ? "" : set->digest;
}

// What each candidate does with the machine.
std::vector<RuleAction> ActionsOf(const std::vector<Rule>& rules, const Machine& machine) {
  std::vector<RuleAction> actions;
  for (const Candidate& each : Candidates(rules, &machine)) actions.push_back(each.action);
  return actions;
}

}  // namespace

absl::StatusOr<Machine> Core::ChangeMachine(const Machine& named, const nlohmann::json& changes,
                                            const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  const auto known = KnownMachine(named.mac, named.uuid);
  if (!known.ok()) return known.status();
  Machine machine = known->value_or(named);
  if (absl::Status status = Update(changes, machine); !status.ok()) return status;
  if (changes.contains("uuid")) {
    const auto owner = KnownMachine(std::nullopt, machine.uuid);
    if (!owner.ok()) return owner.status();
    if (absl::Status status = RefuseOthers(*owner, machine); !status.ok()) return status;
  }
  auto site = ReadSite();
  if (!site.ok()) return site.status();
  if (changes.contains("image_set")) {
    if (absl::Status status = NeedsSet(site->sets, machine.image_set); !status.ok()) return status;
  }
  if (changes.contains("script")) {
    const absl::Status status = NeedsTemplate(site->templates, machine.script);
    if (!status.ok()) return status;
  }
  Place(site->machines, std::make_shared<const Machine>(machine),
        [&](const auto& each) { return machine.id != 0 && each->id == machine.id; });
  if (absl::Status status = CheckSite(*site); !status.ok()) return status;
  auto stored = store_->PutMachine(machine, actor);
  if (!stored.ok()) return stored.status();
  if (changes.contains("approved")) held_.Forget(*stored);
  if (absl::Status status = RepublishLocked(); !status.ok()) return status;
  return stored;
}

absl::Status Core::RemoveMachine(std::int64_t id, const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  if (absl::Status status = store_->RemoveMachine(id, actor); !status.ok()) return status;
  return RepublishLocked();
}

absl::Status Core::PutRule(const Rule& rule, const Actor& actor) {
  if (rule.name == kOwnRecord || rule.name == kByConfiguration) {
    return absl::InvalidArgumentError(
        Text(rule.name,
             ": no name for a rule, as 'slipway explain' says it of what is decided "
             "without one; choose another"));
  }
  const std::scoped_lock lock(mutex_);
  auto site = ReadSite();
  if (!site.ok()) return site.status();
  if (absl::Status status = NeedsSet(site->sets, rule.image_set); !status.ok()) return status;
  if (absl::Status status = NeedsTemplate(site->templates, rule.script); !status.ok()) {
    return status;
  }
  Place(site->rules, rule, [&](const Rule& each) { return each.name == rule.name; });
  if (absl::Status status = CheckSite(*site); !status.ok()) return status;
  if (absl::Status status = store_->PutRule(rule, actor); !status.ok()) return status;
  return RepublishLocked();
}

absl::Status Core::RemoveRule(const std::string& name, const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  auto site = ReadSite();
  if (!site.ok()) return site.status();
  // Documents may need its variables.
  std::erase_if(site->rules, [&](const Rule& each) { return each.name == name; });
  if (absl::Status status = CheckSite(*site); !status.ok()) return status;
  if (absl::Status status = store_->RemoveRule(name, actor); !status.ok()) return status;
  return RepublishLocked();
}

// The version of the tag that the rollout is held against, once it is put.
std::string Core::HeldAgainst(const Site& site, const Rollout& rollout) {
  const std::string now = LeadsTo(site.sets, rollout.stable);
  const auto before = std::ranges::find(site.rollouts, rollout.stable, &Rollout::stable);
  if (before == site.rollouts.end() || before->stable_digest.empty()) return now;
  return GoesOn(*before, rollout) && rollout.stable_digest != now ? before->stable_digest : now;
}

absl::StatusOr<Rollout> Core::PutRollout(const Rollout& said, const Actor& actor) {
  const std::int64_t next_boot = timelines_->NextId(UnixNanoseconds());
  const std::scoped_lock lock(mutex_);
  auto site = ReadSite();
  if (!site.ok()) return site.status();
  Rollout rollout = said;
  for (const ImageSetName& name : {rollout.stable, rollout.candidate}) {
    if (absl::Status status = NeedsSet(site->sets, name); !status.ok()) return status;
  }
  rollout.candidate_digest = LeadsTo(site->sets, rollout.candidate);
  rollout.stable_digest = HeldAgainst(*site, rollout);
  const auto before = std::ranges::find(site->rollouts, rollout.stable, &Rollout::stable);
  const bool goes_on = before != site->rollouts.end() && GoesOn(*before, rollout);
  rollout.first_boot = goes_on ? before->first_boot : next_boot;
  Place(site->rollouts, rollout,
        [&](const Rollout& each) { return each.stable == rollout.stable; });
  if (absl::Status status = CheckSite(*site); !status.ok()) return status;
  if (absl::Status status = store_->PutRollout(rollout, actor); !status.ok()) return status;
  if (!goes_on) ForgetCanary(rollout.stable.ToString());
  if (absl::Status status = RepublishLocked(); !status.ok()) return status;
  return rollout;
}

absl::Status Core::Promote(const ImageSetName& stable, const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  const auto rollouts = store_->Rollouts();
  if (!rollouts.ok()) return rollouts.status();
  const auto rollout = std::ranges::find(*rollouts, stable, &Rollout::stable);
  if (rollout == rollouts->end()) {
    return absl::NotFoundError(Text(stable.ToString(), ": no rollout; see 'slipway rollout list'"));
  }
  auto site = ReadSite();
  if (!site.ok()) return site.status();
  const auto candidate =
      std::ranges::find(site->sets, rollout->candidate.ToString(), &ImageSet::reference);
  if (absl::Status status = NeedsSet(site->sets, rollout->candidate); !status.ok()) return status;
  const absl::Status unmoved =
      CheckUnmoved(*rollout, candidate->digest, LeadsTo(site->sets, stable));
  if (!unmoved.ok()) return unmoved;
  ImageSet promoted = *candidate;
  promoted.reference = stable.ToString();
  Place(site->sets, promoted,
        [&](const ImageSet& each) { return each.reference == promoted.reference; });
  if (absl::Status status = CheckSite(*site); !status.ok()) return status;
  // No tag moves without a record. Were the move the last that happens, the rollout would still
  // stand, with both of its tags at one version.
  const std::string what = "image " + stable.ToString();
  const nlohmann::json old = DigestNow(stable.ToString());
  const nlohmann::json moved = {{"digest", promoted.digest}};
  if (absl::Status status = store_->Note(actor, what, old, moved); !status.ok()) return status;
  absl::Status tagged =
      image_store_->Tag(rollout->candidate.ToString(), rollout->stable.ToString());
  if (!tagged.ok()) {
    Audit(actor, what, moved, old);
    return tagged;
  }
  if (absl::Status status = store_->EndRollout(stable, "promoted", actor); !status.ok()) {
    return status;
  }
  ForgetCanary(stable.ToString());
  return RepublishLocked();
}

absl::Status Core::RollBack(const ImageSetName& stable, const Actor& actor) {
  const std::scoped_lock lock(mutex_);
  return RollBackLocked(stable, actor);
}

absl::Status Core::RollBackLocked(const ImageSetName& stable, const Actor& actor,
                                  const nlohmann::json& why) {
  if (absl::Status status = store_->EndRollout(stable, "rolled back", actor, why); !status.ok()) {
    return status;
  }
  ForgetCanary(stable.ToString());
  return RepublishLocked();
}

// By its UUID before its MAC, as the dataplane finds it.
absl::StatusOr<std::optional<Machine>> Core::KnownMachine(const std::optional<MacAddress>& mac,
                                                          const std::optional<Uuid>& uuid) {
  using Found = absl::StatusOr<std::optional<Machine>>;
  const auto by = [this](const std::optional<MacAddress>& its_mac,
                         const std::optional<Uuid>& its_uuid) -> Found {
    auto found = store_->FindMachine(its_mac, its_uuid);
    if (!found.ok() || *found) return found;
    const MachineConfig* const file = MachineOfFile(config_, its_mac, its_uuid);
    if (file == nullptr) return std::nullopt;
    // The catalog may have it by its other name.
    found = store_->FindMachine(file->mac, file->uuid);
    if (!found.ok() || *found) return found;
    return FromConfig(*file);
  };
  if (uuid) {
    auto found = by(std::nullopt, uuid);
    if (!found.ok() || *found) return found;
  }
  if (mac) return by(mac, std::nullopt);
  return std::nullopt;
}

absl::StatusOr<Machine> Core::MachineOf(const MacAddress& mac, const std::optional<Uuid>& uuid) {
  const auto known = KnownMachine(mac, uuid);
  if (!known.ok()) return known.status();
  Machine unknown;
  unknown.mac = mac;
  return known->value_or(unknown);
}

absl::StatusOr<std::optional<Machine>> Core::MachineAt(
    const MacAddress& mac, const std::unordered_map<std::uint64_t, Uuid>& uuids) {
  const auto uuid = uuids.find(mac.value());
  return KnownMachine(mac, uuid == uuids.end() ? std::nullopt : std::optional(uuid->second));
}

absl::StatusOr<Core::Planned> Core::PlanOf(const MacAddress& mac, const std::vector<Rule>& rules,
                                           const std::unordered_map<std::uint64_t, Uuid>& uuids) {
  const auto known = MachineAt(mac, uuids);
  if (!known.ok()) return known.status();
  Machine unknown;
  unknown.mac = mac;
  Planned planned{.machine = known->value_or(unknown)};
  // Which of them decides, only the machine's message says.
  for (const Candidate& each : Candidates(rules, &planned.machine)) {
    const BootPlan& its = each.rule == nullptr ? planned.machine.plan : each.rule->plan;
    planned.counts = planned.counts || its.mode != BootMode::kAlways;
    planned.counts_failures = planned.counts_failures || its.mode == BootMode::kUntilSuccess;
  }
  return planned;
}

absl::StatusOr<std::vector<BootCounter::Counted>> Core::WithPlans(
    const std::vector<BootCounter::Counted>& boots) {
  const std::scoped_lock lock(mutex_);
  const auto rules = store_->Rules();
  if (!rules.ok()) return rules.status();
  const auto uuids = leases_.Uuids();
  std::vector<BootCounter::Counted> planned;
  for (const BootCounter::Counted& boot : boots) {
    const auto found = PlanOf(boot.mac, *rules, uuids);
    if (!found.ok()) return found.status();
    if (found->counts) planned.push_back(boot);
  }
  return planned;
}

absl::Status Core::CountBoots(const std::vector<BootCounter::Counted>& boots,
                              const std::vector<BootCounter::Counted>& settled) {
  if (boots.empty() && settled.empty()) return absl::OkStatus();
  const std::scoped_lock lock(mutex_);
  const auto rules = store_->Rules();
  if (!rules.ok()) return rules.status();
  const auto known = store_->CountMachines();
  if (!known.ok()) return known.status();
  std::int64_t room = std::int64_t{config_.limits.machines} - *known;
  const auto uuids = leases_.Uuids();
  std::vector<MachineBoot> counts;
  std::map<std::int64_t, Machine> machines;  // as counted so far: two MACs may be one machine's
  bool changed = false;
  for (const BootCounter::Counted& boot : boots) {
    auto planned = PlanOf(boot.mac, *rules, uuids);
    if (!planned.ok()) return planned.status();
    // Only a plan needs the count.
    if (!planned->counts) continue;
    if (planned->machine.id == 0) {
      // A machine nobody knows gets its record for what counts, and no more of them than there may
      // be: anybody on the wire can be one. One of the configuration file has no plan.
      if ((!boot.completed && !planned->counts_failures) || room-- <= 0) continue;
      const auto stored = store_->PutMachine(planned->machine, DaemonActor());
      if (!stored.ok()) return stored.status();
      planned->machine.id = stored->id;
    }
    Machine& machine = machines.try_emplace(planned->machine.id, planned->machine).first->second;
    const MachineBoot counted{.machine = machine.id,
                              .boot = {.mac = boot.mac,
                                       .id = boot.boot,
                                       .completed = boot.completed,
                                       .is_refused = boot.is_refused,
                                       .next = boot.next}};
    counts.push_back(counted);
    const auto before = ActionsOf(*rules, machine);
    CountOnce(counted.boot, machine);
    changed = changed || ActionsOf(*rules, machine) != before;
  }
  if (absl::Status status = store_->CountBoots(counts, settled); !status.ok()) return status;
  if (!changed) return absl::OkStatus();
  // They are counted, whatever becomes of that: it is tried again (Housekeep).
  is_stale_ = true;
  RepublishStale(std::chrono::steady_clock::now());
  return absl::OkStatus();
}

absl::StatusOr<Explanation> Core::ExplainMachine(const Question& question) {
  auto machine = MachineOf(question.mac, question.uuid);
  if (!machine.ok()) return machine.status();
  const auto rules = store_->Rules();
  if (!rules.ok()) return rules.status();
  const auto sets = Images();
  if (!sets.ok()) return sets.status();
  const auto rollouts = store_->Rollouts();
  if (!rollouts.ok()) return rollouts.status();
  const auto config = served();
  const auto made = documents();
  return Explain(
      question, {*config, *sets, *rules, *rollouts,
                 machine->id == 0 ? std::nullopt : std::optional(*std::move(machine)), made.get()});
}

}  // namespace slipway::control
