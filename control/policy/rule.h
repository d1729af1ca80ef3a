// SPDX-License-Identifier: Apache-2.0
//
// Rule: what becomes of the machines that a selector means. Rules stand in an order; the first that
// fits decides. An image set that a machine was given by name comes before all rules, and what the
// configuration's [boot] says after them.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/policy/machine.h"
#include "control/policy/selector.h"

namespace slipway::control {

enum class RuleAction : std::uint8_t {
  kBoot,
  kQuarantine,  // boots, but is told no way out of its network
  kIgnore,      // never answered
  kHold,        // not answered until the machine is approved; the approved are passed by
  kLocal,       // its firmware goes on to its next boot option
};
std::string_view Word(RuleAction action);

struct Rule {
  std::string name;
  std::int64_t order = 0;  // lower first; of equals, by name
  Selector selector;
  RuleAction action = RuleAction::kBoot;
  std::optional<ImageSetName> image_set;  // kBoot and kQuarantine
  BootPlan plan;                          // kBoot
  std::vector<OptionConfig> options;      // DHCP options, always sent
  std::map<std::string, std::string> variables;
  std::string script;  // kBoot and kQuarantine: the template that iPXE is sent to; empty: none
};

nlohmann::json ToJson(const Rule& rule);
// `name` is the resource's. Refused, by name: a member that is unknown, missing or wrong.
absl::StatusOr<Rule> ParseRule(const std::string& name, const nlohmann::json& json);

}  // namespace slipway::control
