// SPDX-License-Identifier: Apache-2.0
#include "control/serve/choice_builder.h"

#include <algorithm>
#include <utility>

#include "control/templates/documents.h"
#include "control/text.h"

namespace slipway::control {
namespace {

dhcp::Disposition DispositionOf(RuleAction action) {
  switch (action) {
    case RuleAction::kBoot:
    case RuleAction::kQuarantine:
      return dhcp::Disposition::kBoot;
    case RuleAction::kIgnore:
      return dhcp::Disposition::kIgnore;
    case RuleAction::kHold:
      return dhcp::Disposition::kHold;
    case RuleAction::kLocal:
      return dhcp::Disposition::kLocal;
  }
  return dhcp::Disposition::kIgnore;
}

// The same for candidates that become the same choice.
std::string KeyOf(const std::vector<Candidate>& candidates) {
  std::string key;
  for (const Candidate& each : candidates) {
    key += Text(each.name(), '\n', Word(each.action), '\n',
                each.image_set ? each.image_set->ToString() : "", '\n', each.script, '\n');
    for (const dhcp::Term& term : each.terms) {
      key += Text(static_cast<unsigned>(term.fact), term.negated ? "!" : "=",
                  Join(term.patterns, "\t"), '\n');
    }
    key += '\f';
  }
  return key;
}

}  // namespace

ChoiceBuilder::ChoiceBuilder(const PolicyInputs& inputs, BootRules& boot)
    : inputs_(inputs), boot_(boot) {
  for (const NetworkConfig& network : inputs.config.networks) {
    std::string host = boot.HostOf(ServerAddress(inputs.config, network));
    const auto same = std::ranges::find(hosts_, host, &Host::host);
    if (same != hosts_.end()) {
      same->networks.push_back(network.name);
    } else {
      hosts_.push_back({std::move(host), {network.name}});
    }
  }
}

std::shared_ptr<const dhcp::Choices> ChoiceBuilder::For(const Machine* machine) {
  std::vector<Candidate> candidates = Candidates(inputs_.rules, machine);
  ApplyRollouts(inputs_.rollouts, machine, CommonSet(inputs_.config), candidates);
  ApplyScript(machine, CommonSet(inputs_.config), candidates);
  if (candidates.empty()) return nullptr;
  for (Candidate& each : candidates) each.script = ScriptPath(machine, each.script);
  auto& list = lists_[KeyOf(candidates)];
  if (list != nullptr) return list;
  dhcp::Choices choices;
  for (const Candidate& candidate : candidates) {
    for (const Host& host : hosts_) Append(candidate, host, choices);
  }
  list = std::make_shared<const dhcp::Choices>(std::move(choices));
  return list;
}

std::string ChoiceBuilder::ScriptPath(const Machine* machine, const std::string& name) const {
  if (machine == nullptr || name.empty() || inputs_.documents == nullptr) return "";
  if (!inputs_.documents->Has(*machine, name)) return "";
  return Text(http::kMachinePrefix, machine->mac ? "${netX/mac}" : "${uuid}", '/', name);
}

void ChoiceBuilder::Append(const Candidate& candidate, const Host& host, dhcp::Choices& choices) {
  dhcp::Choice choice{.name = candidate.name(),
                      .condition = candidate.terms,
                      .disposition = DispositionOf(candidate.action),
                      .quarantine = candidate.action == RuleAction::kQuarantine,
                      .boot = nullptr,
                      .options = {}};
  if (choice.disposition == dhcp::Disposition::kBoot && candidate.image_set) {
    choice.boot = candidate.script.empty()
                      ? boot_.Of(*candidate.image_set, host.host)
                      : boot_.WithScript(*candidate.image_set, host.host, candidate.script);
  }
  if (candidate.rule != nullptr) {
    for (const OptionConfig& each : candidate.rule->options) {
      choice.options.push_back(
          {.code = each.code, .value = {each.value.begin(), each.value.end()}, .always = true});
    }
  }
  if (hosts_.size() > 1) choice.condition.push_back({dhcp::Fact::kNetwork, false, host.networks});
  choices.push_back(std::move(choice));
}

}  // namespace slipway::control
