// SPDX-License-Identifier: Apache-2.0
#include "control/policy/rule.h"

#include <algorithm>
#include <array>

#include "control/text.h"

namespace slipway::control {
namespace {

struct ActionWord {
  RuleAction action;
  std::string_view word;
};
constexpr std::array<ActionWord, 5> kActions = {{{RuleAction::kBoot, "boot"},
                                                 {RuleAction::kQuarantine, "quarantine"},
                                                 {RuleAction::kIgnore, "ignore"},
                                                 {RuleAction::kHold, "hold"},
                                                 {RuleAction::kLocal, "local"}}};
constexpr std::int64_t kOrderMax = 1'000'000;
constexpr std::size_t kOptionsMax = 16;
constexpr std::size_t kOptionBytesMax = 255;
// Those the server writes itself, as for a network's own options.
constexpr std::array kServersOwn = {0,  1,  3,  6,  43, 50, 51, 52, 53, 54, 55, 56,
                                    57, 58, 59, 60, 61, 66, 67, 82, 93, 94, 97, 255};

absl::Status Wrong(std::string_view member, std::string_view what) {
  return absl::InvalidArgumentError(Text(member, ": ", what));
}

bool Boots(RuleAction action) {
  return action == RuleAction::kBoot || action == RuleAction::kQuarantine;
}

absl::Status SetAction(const nlohmann::json& value, Rule& rule) {
  const auto found = std::ranges::find_if(
      kActions, [&](const ActionWord& each) { return value == std::string(each.word); });
  if (found == kActions.end()) {
    return Wrong("action", "none of boot, quarantine, ignore, hold and local");
  }
  rule.action = found->action;
  return absl::OkStatus();
}

absl::Status SetSelector(const nlohmann::json& value, Rule& rule) {
  if (!value.is_string()) return Wrong("selector", "not a text such as \"arch=x64, rack=a1\"");
  auto selector = Selector::Parse(value.get_ref<const std::string&>());
  if (!selector.ok()) return selector.status();
  rule.selector = *std::move(selector);
  return absl::OkStatus();
}

absl::Status SetOrder(const nlohmann::json& value, Rule& rule) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
      value.get<std::int64_t>() > kOrderMax) {
    return Wrong("order", "not a number from 0 to 1000000");
  }
  rule.order = value.get<std::int64_t>();
  return absl::OkStatus();
}

absl::Status AddOption(const nlohmann::json& value, Rule& rule) {
  const bool good = value.is_object() && value.size() == 2 && value.contains("code") &&
                    value["code"].is_number_integer() && value.contains("hex") &&
                    value["hex"].is_string();
  if (!good) return Wrong("options", "each is {\"code\": NUMBER, \"hex\": \"0a4d0009\"}");
  const auto code = value["code"].get<std::int64_t>();
  if (code < 0 || code > 255 || std::ranges::find(kServersOwn, code) != kServersOwn.end()) {
    return Wrong("options", Text(code, " is the server's own, or no option; leave it out"));
  }
  const auto octets = ParseHex(value["hex"].get_ref<const std::string&>());
  if (!octets || octets->size() > kOptionBytesMax) {
    return Wrong("options", Text(code, ": not pairs of hexadecimal digits for at most 255 octets"));
  }
  rule.options.push_back({.code = static_cast<std::uint8_t>(code), .value = *octets});
  return absl::OkStatus();
}

absl::Status SetOptions(const nlohmann::json& value, Rule& rule) {
  if (!value.is_array() || value.size() > kOptionsMax) {
    return Wrong("options", "not a list of at most 16");
  }
  for (const auto& each : value) {
    if (absl::Status status = AddOption(each, rule); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Set(const std::string& member, const nlohmann::json& value, Rule& rule) {
  if (member == "order") return SetOrder(value, rule);
  if (member == "selector") return SetSelector(value, rule);
  if (member == "action") return SetAction(value, rule);
  if (member == "options") return SetOptions(value, rule);
  if (member == "image_set") {
    rule.image_set =
        value.is_string() ? ImageSetName::Parse(value.get_ref<const std::string&>()) : std::nullopt;
    const bool none = value.is_string() && value.get_ref<const std::string&>().empty();
    if (rule.image_set || none) return absl::OkStatus();
    return Wrong(member, "not \"name:tag\"; see 'slipway image list'");
  }
  if (member == "mode") {
    const auto plan = ParseBootPlan(value.is_string() ? value.get<std::string>() : value.dump());
    if (!plan.ok()) return plan.status();
    rule.plan = *plan;
    return absl::OkStatus();
  }
  if (member == "variables") {
    auto variables = ParseTexts(value, member);
    if (!variables.ok()) return variables.status();
    rule.variables = *std::move(variables);
    return absl::OkStatus();
  }
  if (member == "script") return SetScript(value, rule.script);
  if (member == "name" && value == rule.name) return absl::OkStatus();
  return Wrong(member,
               "no such member; there are order, selector, action, image_set, mode, options, "
               "variables and script");
}

absl::Status Check(const Rule& rule) {
  if (Boots(rule.action) && !rule.image_set) {
    return Wrong("image_set", Text("missing; a rule that says ", Word(rule.action),
                                   " names the image set, such as \"debian:stable\""));
  }
  if (!Boots(rule.action) && rule.image_set) {
    return Wrong("image_set", Text("of no use to a rule that says ", Word(rule.action),
                                   "; leave it out or write \"action\": \"boot\""));
  }
  if (!Boots(rule.action) && !rule.script.empty()) {
    return Wrong("script",
                 Text("of no use to a rule that says ", Word(rule.action), "; leave it out"));
  }
  if (rule.action != RuleAction::kBoot && rule.plan != BootPlan{}) {
    return Wrong("mode",
                 Text("of no use to a rule that says ", Word(rule.action), "; leave it out"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view Word(RuleAction action) {
  return std::ranges::find(kActions, action, &ActionWord::action)->word;
}

nlohmann::json ToJson(const Rule& rule) {
  nlohmann::json options = nlohmann::json::array();
  for (const OptionConfig& each : rule.options) {
    options.push_back({{"code", each.code}, {"hex", ToHex(each.value)}});
  }
  return {{"name", rule.name},
          {"order", rule.order},
          {"selector", rule.selector.ToString()},
          {"action", std::string(Word(rule.action))},
          {"image_set", rule.image_set ? rule.image_set->ToString() : ""},
          {"mode", ToString(rule.plan)},
          {"options", options},
          {"variables", rule.variables},
          {"script", rule.script}};
}

absl::StatusOr<Rule> ParseRule(const std::string& name, const nlohmann::json& json) {
  if (!IsLabelKey(name)) {
    return Wrong("name", Text('"', name, "\": write letters, digits, '-', '_', '.', '/', at most ",
                              "63, a letter first"));
  }
  if (!json.is_object()) return Wrong(name, "a rule is a JSON object");
  Rule rule;
  rule.name = name;
  for (const auto& [member, value] : json.items()) {
    if (absl::Status status = Set(member, value, rule); !status.ok()) return status;
  }
  if (absl::Status status = Check(rule); !status.ok()) return status;
  return rule;
}

}  // namespace slipway::control
