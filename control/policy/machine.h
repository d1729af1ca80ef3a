// SPDX-License-Identifier: Apache-2.0
//
// Machine: one that the catalog knows, what the operator says of it, and how far its boots have
// come.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/config/value.h"
#include "control/policy/counted_boot.h"
#include "control/policy/selector.h"

namespace slipway::control {

// How often a machine boots from here before its firmware is left to its next boot option.
enum class BootMode : std::uint8_t {
  kAlways,
  kOnce,          // until a boot has completed
  kUntilSuccess,  // the same, and after so many boots without success it is held
};

struct BootPlan {
  BootMode mode = BootMode::kAlways;
  std::uint32_t attempts_max = 0;  // kUntilSuccess: 1 to 1,000

  friend bool operator==(const BootPlan&, const BootPlan&) = default;
};
// "always", "once", "until-success:3"; the error says what is allowed.
absl::StatusOr<BootPlan> ParseBootPlan(std::string_view text);
std::string ToString(const BootPlan& plan);

struct Machine {
  std::int64_t id = 0;
  std::string name;
  std::optional<MacAddress> mac;
  std::optional<Uuid> uuid;
  std::optional<ImageSetName> image_set;  // its own; nullopt: as the rules say

  std::string serial;
  std::set<std::string> groups;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> variables;  // of templates; before those of rules
  // The template that its iPXE is sent to, before a rule's; empty: as the rules say.
  std::string script;
  BootPlan plan;          // for its own image set
  bool hold = false;      // not answered until it is released
  bool approved = false;  // rules that hold the unapproved pass it by
  // Boots since its plan was last begun anew: Update().
  std::uint32_t completed = 0;
  std::uint32_t failed = 0;          // or abandoned
  std::vector<CountedBoot> counted;  // the last of each of its MACs, whenever that was
  std::vector<SeenFirmware> firmware;
};

// None is null. A machine that did not change is the same object from one reading to the next.
using MachineList = std::vector<std::shared_ptr<const Machine>>;

MachineFacts FactsOf(const Machine& machine);
MachineFacts FactsOf(const Machine&& machine) = delete;  // they look into it

// What REST shows and takes, without id, mac and uuid, which name the machine.
nlohmann::json ToJson(const Machine& machine);
// Changes what the object mentions; refused, by name: a member that is unknown or of another type.
// image_set, mode, hold and an empty object begin its plan anew: no boot of it is counted yet.
absl::Status Update(const nlohmann::json& changes, Machine& machine);

// The name of a template, or "" for none.
absl::Status SetScript(const nlohmann::json& value, std::string& script);

// An object of texts, as labels and variables are given; `where` stands in the error.
absl::StatusOr<std::map<std::string, std::string>> ParseTexts(const nlohmann::json& json,
                                                              const std::string& where);

}  // namespace slipway::control
