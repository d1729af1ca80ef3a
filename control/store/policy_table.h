// SPDX-License-Identifier: Apache-2.0
//
// PolicyTable: the rules, rollouts, networks and templates of the catalog, each as its document.
// Whoever shares the database holds its mutex around every call; what changes something belongs in
// a transaction with its audit record.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/config/networks.h"
#include "control/policy/rollout.h"
#include "control/policy/rule.h"
#include "control/store/sqlite.h"
#include "control/templates/template.h"

namespace slipway::control {

// Steps of the catalog's history.
extern const char* const kTemplateMigration;
extern const char* const kFirstBootMigration;

class PolicyTable {
 public:
  explicit PolicyTable(Database& database) : database_(database) {}

  absl::StatusOr<std::vector<Rule>> Rules();  // in their order
  absl::Status Put(const Rule& rule);
  absl::Status RemoveRule(const std::string& name);
  // Its document as it stands; null where there is none.
  absl::StatusOr<nlohmann::json> RuleNow(const std::string& name);

  absl::StatusOr<std::vector<Rollout>> Rollouts();  // by tag
  absl::Status Put(const Rollout& rollout);
  absl::Status RemoveRollout(const ImageSetName& stable);
  absl::StatusOr<nlohmann::json> RolloutNow(const ImageSetName& stable);

  absl::StatusOr<std::vector<NetworkDocument>> Networks();  // by name
  absl::Status Put(const NetworkDocument& network);
  absl::Status RemoveNetwork(const std::string& name);
  absl::StatusOr<nlohmann::json> NetworkNow(const std::string& name);

  absl::StatusOr<std::vector<Template>> Templates();  // by name
  absl::Status Put(const Template& one);
  absl::Status RemoveTemplate(const std::string& name);
  absl::StatusOr<nlohmann::json> TemplateNow(const std::string& name);

 private:
  Database& database_;
};

}  // namespace slipway::control
