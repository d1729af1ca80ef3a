// SPDX-License-Identifier: Apache-2.0
//
// Decide: the rules put to one machine, as far as they can be decided before it speaks.
//
// What comes out is an order of candidates: the first whose terms the machine's message meets
// decides. After the first candidate without terms nothing can decide any more, so it is the last.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control/decided_by.h"
#include "control/policy/machine.h"
#include "control/policy/rule.h"

namespace slipway::control {

struct Candidate {
  const Rule* rule = nullptr;     // null: the machine's own record
  bool by_configuration = false;  // no rule, and no record: what [boot] says
  RuleAction action = RuleAction::kBoot;
  std::optional<ImageSetName> image_set;
  std::vector<dhcp::Term> terms;
  std::string script;  // the template that iPXE is sent to; empty: to the image set's boot file
  std::string why;     // where a boot plan changed the action: "has booted once, as planned"

  std::string name() const {
    return std::string(by_configuration  ? kByConfiguration
                       : rule == nullptr ? kOwnRecord
                                         : rule->name);
  }
};

// `rules` in their order. `machine`: null for one that the catalog does not know.
std::vector<Candidate> Candidates(std::span<const Rule> rules, const Machine* machine);

// Puts a machine's own script in the place of rules', and where the configuration decides; after
// ApplyRollouts. `common` as there.
void ApplyScript(const Machine* machine, const ImageSetName* common,
                 std::vector<Candidate>& candidates);

// How a plan stands after the boots that were counted.
struct PlanState {
  RuleAction action = RuleAction::kBoot;
  std::string why;
};
PlanState StateOf(const BootPlan& plan, const Machine* machine);

}  // namespace slipway::control
