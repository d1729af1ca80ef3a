// SPDX-License-Identifier: Apache-2.0
//
// BuildPolicy: networks, machines and rules become what the DHCP server decides by.
#pragma once

#include <span>

#include "control/config/config.h"
#include "control/policy/machine.h"
#include "control/policy/rollout.h"
#include "control/policy/rule.h"
#include "control/serve/boot_rules.h"
#include "protocols/dhcp/policy.h"

namespace slipway::control {

class Documents;

struct PolicyInputs {
  const Config& config;
  const MachineList& machines;  // of the catalog; they come before the configuration's
  std::span<const Rule> rules;  // in their order
  std::span<const Rollout> rollouts;
  const Documents* documents = nullptr;  // null: no machine has a script
};

// Policy::Mistakes() is the caller's to ask.
dhcp::PolicySettings BuildPolicy(const PolicyInputs& inputs, BootRules& boot);

// Ours, as the network's clients see it.
Ipv4Address ServerAddress(const Config& config, const NetworkConfig& network);
Machine FromConfig(const MachineConfig& config);
// By its UUID before its MAC, as the dataplane finds it; null: the file has none.
const MachineConfig* MachineOfFile(const Config& config, const std::optional<MacAddress>& mac,
                                   const std::optional<Uuid>& uuid);

}  // namespace slipway::control
