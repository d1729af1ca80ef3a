// SPDX-License-Identifier: Apache-2.0
//
// ChoiceBuilder: what the rules leave undecided about a machine, as the DHCP policy's choices.
// Machines about whom the same is undecided share one list: ten thousand cost what their kinds do.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/policy/decide.h"
#include "control/serve/boot_rules.h"
#include "control/serve/policy_builder.h"
#include "protocols/dhcp/policy.h"

namespace slipway::control {

class ChoiceBuilder {
 public:
  // Both must live longer.
  ChoiceBuilder(const PolicyInputs& inputs, BootRules& boot);

  // Null when no rule can decide. `machine`: null for those that nobody knows.
  std::shared_ptr<const dhcp::Choices> For(const Machine* machine);

 private:
  // Networks whose clients reach us by the same name or address.
  struct Host {
    std::string host;
    std::vector<std::string> networks;
  };
  // Of a machine's script on the boot server, or empty where it has no such document. iPXE fills in
  // its own name (its autoboot expands the file name), so that machines share one list.
  std::string ScriptPath(const Machine* machine, const std::string& name) const;
  void Append(const Candidate& candidate, const Host& host, dhcp::Choices& choices);

  const PolicyInputs& inputs_;
  BootRules& boot_;
  std::vector<Host> hosts_;
  std::map<std::string, std::shared_ptr<const dhcp::Choices>> lists_;  // by what they say
};

}  // namespace slipway::control
