// SPDX-License-Identifier: Apache-2.0
#include "control/policy/decide.h"

#include <utility>

#include "control/text.h"

namespace slipway::control {

PlanState StateOf(const BootPlan& plan, const Machine* machine) {
  if (machine == nullptr || plan.mode == BootMode::kAlways) return {};
  if (machine->completed > 0) return {RuleAction::kLocal, "has booted, as often as planned"};
  if (plan.mode == BootMode::kUntilSuccess && machine->failed >= plan.attempts_max) {
    return {RuleAction::kHold, Text("has failed ", machine->failed, " times of ", plan.attempts_max,
                                    "; see 'slipway why', then 'slipway machine reset'")};
  }
  return {};
}

std::vector<Candidate> Candidates(std::span<const Rule> rules, const Machine* machine) {
  std::vector<Candidate> candidates;
  if (machine != nullptr && machine->hold) {
    return {{.action = RuleAction::kHold,
             .image_set = {},
             .terms = {},
             .script = {},
             .why = "is held by hand"}};
  }
  if (machine != nullptr && machine->image_set) {
    PlanState state = StateOf(machine->plan, machine);
    return {{.action = state.action,
             .image_set = machine->image_set,
             .terms = {},
             .script = {},
             .why = std::move(state.why)}};
  }
  const MachineFacts facts = machine == nullptr ? MachineFacts{} : FactsOf(*machine);
  for (const Rule& rule : rules) {
    if (rule.action == RuleAction::kHold && machine != nullptr && machine->approved) continue;
    Remainder remainder = Apply(rule.selector, facts);
    if (remainder.failed != nullptr) continue;
    Candidate candidate{.rule = &rule,
                        .action = rule.action,
                        .image_set = rule.image_set,
                        .terms = std::move(remainder.terms),
                        .script = rule.script,
                        .why = ""};
    if (rule.action == RuleAction::kBoot) {
      PlanState state = StateOf(rule.plan, machine);
      candidate.action = state.action;
      candidate.why = std::move(state.why);
    }
    candidates.push_back(std::move(candidate));
    if (candidates.back().terms.empty()) break;
  }
  return candidates;
}

void ApplyScript(const Machine* machine, const ImageSetName* common,
                 std::vector<Candidate>& candidates) {
  if (machine == nullptr || machine->script.empty()) return;
  const bool open = candidates.empty() || !candidates.back().terms.empty();
  if (open && common != nullptr) {
    candidates.push_back({.rule = nullptr,
                          .by_configuration = true,
                          .action = RuleAction::kBoot,
                          .image_set = *common,
                          .terms = {},
                          .script = {},
                          .why = {}});
  }
  for (Candidate& each : candidates) each.script = machine->script;
}

}  // namespace slipway::control
