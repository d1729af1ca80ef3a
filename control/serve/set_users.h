// SPDX-License-Identifier: Apache-2.0
//
// SetUsers: who leads machines to an image set, by name, so that whoever may not remove it is told
// what to change first.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/image_store/image_set.h"
#include "control/policy/machine.h"
#include "control/policy/rollout.h"
#include "control/policy/rule.h"

namespace slipway::control {

struct Assignments {
  const Config& config;
  const MachineList& machines;  // of the catalog
  std::span<const Rule> rules;
  std::span<const Rollout> rollouts;
  std::span<const ImageSet> sets;
};

// In words, such as "rule racks" or "the rollout of debian:stable"; empty: nobody. Of many machines
// or sets the first few, and how many more there are.
std::vector<std::string> SetUsers(const std::string& reference, const Assignments& assignments);

}  // namespace slipway::control
