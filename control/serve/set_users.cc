// SPDX-License-Identifier: Apache-2.0
#include "control/serve/set_users.h"

#include <algorithm>

#include "control/serve/policy_builder.h"
#include "control/serve/snapshot_builder.h"
#include "control/templates/variables.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kNamed = 3;

// The first of them, and how many there are beside.
void AddSome(const std::vector<std::string>& names, std::vector<std::string>& users) {
  const std::size_t named = std::min(names.size(), kNamed);
  for (std::size_t i = 0; i < named; ++i) users.push_back(names[i]);
  if (names.size() > named) users.push_back(Text(names.size() - named, " more"));
}

bool Leads(const std::optional<ImageSetName>& name, const std::string& reference) {
  return name && name->ToString() == reference;
}

std::vector<std::string> MachinesOf(const std::string& reference, const Assignments& by) {
  std::vector<std::string> names;
  for (const auto& machine : by.machines) {
    if (Leads(machine->image_set, reference)) names.push_back("machine " + KeyOf(*machine));
  }
  for (const MachineConfig& machine : by.config.machines) {
    if (!Leads(machine.image_set, reference)) continue;
    names.push_back(Text("machine ", KeyOf(FromConfig(machine)), " of slipway.toml"));
  }
  return names;
}

// Sets that machines are assigned to, and whose installers go on from this one.
std::vector<std::string> SetsThatNeed(const std::string& reference, const Assignments& by) {
  const auto assigned =
      WithWhatTheyNeed(AssignedSets(by.config, by.machines, by.rules, by.rollouts), by.sets);
  std::vector<std::string> names;
  for (const ImageSet& set : by.sets) {
    const auto need = set.needs.find(kNeedsImageSet);
    if (need == set.needs.end() || need->second != reference) continue;
    if (std::ranges::find(assigned, set.reference) == assigned.end()) continue;
    names.push_back(Text("image set ", set.reference, ", which needs it"));
  }
  return names;
}

}  // namespace

std::vector<std::string> SetUsers(const std::string& reference, const Assignments& by) {
  std::vector<std::string> users;
  if (Leads(by.config.boot_image_set, reference)) users.emplace_back("[boot] of slipway.toml");
  if (std::ranges::any_of(by.config.boot_overrides, [&](const ArchitectureOverride& each) {
        return Leads(each.image_set, reference);
      })) {
    users.emplace_back("[[boot.override]] of slipway.toml");
  }
  for (const Rule& rule : by.rules) {
    if (Leads(rule.image_set, reference)) users.push_back("rule " + rule.name);
  }
  for (const Rollout& rollout : by.rollouts) {
    if (!Leads(rollout.stable, reference) && !Leads(rollout.candidate, reference)) continue;
    users.push_back("the rollout of " + rollout.stable.ToString());
  }
  AddSome(MachinesOf(reference, by), users);
  AddSome(SetsThatNeed(reference, by), users);
  return users;
}

}  // namespace slipway::control
