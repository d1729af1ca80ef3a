// SPDX-License-Identifier: Apache-2.0
#include "control/policy/machine.h"

#include <charconv>

#include "control/templates/template.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::uint32_t kAttemptsMax = 1000;
constexpr std::size_t kTextsMax = 64;
constexpr std::size_t kTextMax = 4096;
constexpr std::string_view kUntilSuccess = "until-success:";

absl::Status Wrong(std::string_view member, std::string_view what) {
  return absl::InvalidArgumentError(Text(member, ": ", what));
}

absl::Status SetText(const nlohmann::json& value, const std::string& member, std::string& text) {
  if (!value.is_string() || value.get_ref<const std::string&>().size() > kTextMax) {
    return Wrong(member, "not a text of at most 4096 characters");
  }
  text = value.get<std::string>();
  return absl::OkStatus();
}

absl::Status SetFlag(const nlohmann::json& value, const std::string& member, bool& flag) {
  if (!value.is_boolean()) return Wrong(member, "neither true nor false");
  flag = value.get<bool>();
  return absl::OkStatus();
}

absl::Status SetGroups(const nlohmann::json& value, std::set<std::string>& groups) {
  std::set<std::string> all;
  if (!value.is_array() || value.size() > kTextsMax) {
    return Wrong("groups", "not a list of at most 64 names");
  }
  for (const auto& each : value) {
    if (!each.is_string() || !IsLabelKey(each.get_ref<const std::string&>())) {
      return Wrong("groups", Text(each.dump(), " is no name: letters, digits, '-', '_', '.', '/'"));
    }
    all.insert(each.get<std::string>());
  }
  groups = std::move(all);
  return absl::OkStatus();
}

absl::Status SetTexts(const nlohmann::json& value, const std::string& member,
                      std::map<std::string, std::string>& texts) {
  auto parsed = ParseTexts(value, member);
  if (!parsed.ok()) return parsed.status();
  texts = *std::move(parsed);
  return absl::OkStatus();
}

bool IsEmptyText(const nlohmann::json& value) {
  return value.is_string() && value.get_ref<const std::string&>().empty();
}

absl::Status SetImageSet(const nlohmann::json& value, Machine& machine) {
  if (value.is_null() || IsEmptyText(value)) {
    machine.image_set.reset();
    return absl::OkStatus();
  }
  const auto set =
      value.is_string() ? ImageSetName::Parse(value.get_ref<const std::string&>()) : std::nullopt;
  if (!set) return Wrong("image_set", "not \"name:tag\"; see 'slipway image list'");
  machine.image_set = set;
  return absl::OkStatus();
}

absl::Status SetPlan(const nlohmann::json& value, Machine& machine) {
  std::string text;
  if (absl::Status status = SetText(value, "mode", text); !status.ok()) return status;
  // A mode is how a machine is released, and "hold" keeps the one that it had.
  machine.hold = text == "hold";
  if (machine.hold) return absl::OkStatus();
  const auto plan = ParseBootPlan(text);
  if (!plan.ok()) return plan.status();
  machine.plan = *plan;
  return absl::OkStatus();
}

absl::Status UpdateOne(const std::string& member, const nlohmann::json& value, Machine& machine) {
  if (member == "name") return SetText(value, member, machine.name);
  if (member == "serial") return SetText(value, member, machine.serial);
  if (member == "image_set") return SetImageSet(value, machine);
  if (member == "script") return SetScript(value, machine.script);
  if (member == "groups") return SetGroups(value, machine.groups);
  if (member == "labels") return SetTexts(value, member, machine.labels);
  if (member == "variables") return SetTexts(value, member, machine.variables);
  if (member == "mode") return SetPlan(value, machine);
  if (member == "hold") return SetFlag(value, member, machine.hold);
  if (member == "approved") return SetFlag(value, member, machine.approved);
  if (member == "uuid") {
    const auto uuid =
        value.is_string() ? Uuid::Parse(value.get_ref<const std::string&>()) : std::nullopt;
    if (!uuid || !uuid->is_set()) return Wrong(member, "not a machine's UUID");
    machine.uuid = uuid;
    return absl::OkStatus();
  }
  return Wrong(member,
               "no such member; there are name, serial, uuid, image_set, groups, labels, "
               "variables, script, mode, hold and approved");
}

// What is said of the plan, or of what it is for. A label must not have an installed machine
// installed again.
bool BeginsPlanAnew(const nlohmann::json& changes) {
  return changes.empty() || changes.contains("image_set") || changes.contains("mode") ||
         changes.contains("hold");
}

}  // namespace

absl::StatusOr<BootPlan> ParseBootPlan(std::string_view text) {
  if (text == "always") return BootPlan{};
  if (text == "once") return BootPlan{.mode = BootMode::kOnce};
  BootPlan plan{.mode = BootMode::kUntilSuccess};
  if (text.starts_with(kUntilSuccess)) {
    const std::string_view number = text.substr(kUntilSuccess.size());
    const char* const end = number.data() + number.size();
    const auto read = std::from_chars(number.data(), end, plan.attempts_max);
    if (read.ec == std::errc() && read.ptr == end && plan.attempts_max >= 1 &&
        plan.attempts_max <= kAttemptsMax) {
      return plan;
    }
  }
  return Wrong("mode", Text('"', text, "\" is none of \"always\", \"once\", \"until-success:N\" ",
                            "(N boots at most, 1 to 1000), nor, for a machine, \"hold\""));
}

std::string ToString(const BootPlan& plan) {
  switch (plan.mode) {
    case BootMode::kAlways:
      return "always";
    case BootMode::kOnce:
      return "once";
    case BootMode::kUntilSuccess:
      return Text(kUntilSuccess, plan.attempts_max);
  }
  return "";
}

MachineFacts FactsOf(const Machine& machine) {
  MachineFacts facts{.in_catalog = true,
                     .mac = std::nullopt,
                     .uuid = std::nullopt,
                     .name = machine.name,
                     .serial = machine.serial,
                     .groups = &machine.groups,
                     .labels = &machine.labels,
                     .firmware = &machine.firmware};
  if (machine.mac) facts.mac = machine.mac->ToString();
  if (machine.uuid) facts.uuid = machine.uuid->ToString();
  return facts;
}

nlohmann::json ToJson(const Machine& machine) {
  return {{"name", machine.name},
          {"serial", machine.serial},
          {"image_set", machine.image_set ? machine.image_set->ToString() : ""},
          {"groups", machine.groups},
          {"labels", machine.labels},
          {"variables", machine.variables},
          {"script", machine.script},
          {"mode", ToString(machine.plan)},
          {"hold", machine.hold},
          {"approved", machine.approved},
          {"boots_completed", machine.completed},
          {"boots_failed", machine.failed},
          {"firmware", ToJson(machine.firmware)}};
}

absl::Status Update(const nlohmann::json& changes, Machine& machine) {
  Machine changed = machine;
  for (const auto& [member, value] : changes.items()) {
    if (absl::Status status = UpdateOne(member, value, changed); !status.ok()) return status;
  }
  // Whatever the mode does to it.
  if (changes.contains("hold")) changed.hold = changes["hold"].get<bool>();
  if (BeginsPlanAnew(changes)) changed.completed = changed.failed = 0;
  machine = std::move(changed);
  return absl::OkStatus();
}

absl::Status SetScript(const nlohmann::json& value, std::string& script) {
  if (!value.is_string() ||
      (!IsEmptyText(value) && !IsTemplateName(value.get_ref<const std::string&>()))) {
    return Wrong("script",
                 "not a template's name, such as \"boot.ipxe\"; see 'slipway template list'");
  }
  script = value.get<std::string>();
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, std::string>> ParseTexts(const nlohmann::json& json,
                                                              const std::string& where) {
  if (!json.is_object() || json.size() > kTextsMax) {
    return Wrong(where, "not an object of at most 64 texts");
  }
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : json.items()) {
    if (!IsLabelKey(key)) {
      return Wrong(where, Text('"', key, "\" is no key: letters, digits, '-', '_', '.', '/', at ",
                               "most 63, a letter first"));
    }
    if (absl::Status status = SetText(value, Text(where, '.', key), texts[key]); !status.ok()) {
      return status;
    }
  }
  return texts;
}

}  // namespace slipway::control
