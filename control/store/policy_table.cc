// SPDX-License-Identifier: Apache-2.0
#include "control/store/policy_table.h"

#include <utility>

#include "control/parse_json.h"
#include "control/store/named_rows.h"
#include "control/text.h"

namespace slipway::control {

const char* const kTemplateMigration =
    "CREATE TABLE templates(name TEXT PRIMARY KEY, document TEXT NOT NULL);";
const char* const kFirstBootMigration =
    "ALTER TABLE rollouts ADD COLUMN first_boot INTEGER NOT NULL DEFAULT 0;";

namespace {

// Of the one row, if there is one; as a text where it is no document, so that it can be replaced.
absl::StatusOr<nlohmann::json> Document(Statement& statement) {
  nlohmann::json document;
  if (statement.Next()) {
    const std::string text = statement.String(0);
    document = ParseJson(text);
    if (document.is_discarded()) document = text;
  }
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return document;
}

}  // namespace

absl::StatusOr<std::vector<Rule>> PolicyTable::Rules() {
  Statement statement =
      database_.Prepare("SELECT name, document FROM rules ORDER BY position, name");
  std::vector<Rule> rules;
  while (statement.Next()) {
    const std::string name = statement.String(0);
    auto rule = ParseRule(name, ParseJson(statement.String(1)));
    if (!rule.ok()) {
      return absl::DataLossError(Text("rule ", name, " in the catalog: ",
                                      std::string(rule.status().message()), "; write it again"));
    }
    rules.push_back(*std::move(rule));
  }
  return Whole(statement, std::move(rules));
}

absl::Status PolicyTable::Put(const Rule& rule) {
  Statement statement =
      database_.Prepare("INSERT OR REPLACE INTO rules(name, position, document) VALUES(?, ?, ?)");
  statement.Bind(1, rule.name).Bind(2, rule.order).Bind(3, ToJson(rule).dump());
  return statement.Run();
}

absl::Status PolicyTable::RemoveRule(const std::string& name) {
  return RemoveRow(database_, "DELETE FROM rules WHERE name=?", name,
                   "no such rule; see 'slipway rule list'");
}

absl::StatusOr<nlohmann::json> PolicyTable::RuleNow(const std::string& name) {
  Statement statement = database_.Prepare("SELECT document FROM rules WHERE name=?");
  statement.Bind(1, name);
  return Document(statement);
}

absl::StatusOr<std::vector<Rollout>> PolicyTable::Rollouts() {
  Statement statement =
      database_.Prepare("SELECT stable, document, first_boot FROM rollouts ORDER BY stable");
  std::vector<Rollout> rollouts;
  while (statement.Next()) {
    const std::string tag = statement.String(0);
    const auto stable = ImageSetName::Parse(tag);
    auto rollout = stable ? ParseRollout(*stable, ParseJson(statement.String(1)))
                          : absl::DataLossError("no tag");
    if (!rollout.ok()) {
      return absl::DataLossError(Text("rollout of ", tag, " in the catalog: ",
                                      std::string(rollout.status().message()), "; start it again"));
    }
    rollout->first_boot = statement.Integer(2);
    rollouts.push_back(*std::move(rollout));
  }
  return Whole(statement, std::move(rollouts));
}

absl::Status PolicyTable::Put(const Rollout& rollout) {
  Statement statement = database_.Prepare(
      "INSERT OR REPLACE INTO rollouts(stable, document, first_boot) VALUES(?, ?, ?)");
  statement.Bind(1, rollout.stable.ToString()).Bind(2, ToJson(rollout).dump());
  statement.Bind(3, rollout.first_boot);
  return statement.Run();
}

absl::Status PolicyTable::RemoveRollout(const ImageSetName& stable) {
  return RemoveRow(database_, "DELETE FROM rollouts WHERE stable=?", stable.ToString(),
                   "no rollout; see 'slipway rollout list'");
}

absl::StatusOr<nlohmann::json> PolicyTable::RolloutNow(const ImageSetName& stable) {
  Statement statement = database_.Prepare("SELECT document FROM rollouts WHERE stable=?");
  const std::string tag = stable.ToString();
  statement.Bind(1, tag);
  return Document(statement);
}

absl::StatusOr<std::vector<NetworkDocument>> PolicyTable::Networks() {
  Statement statement = database_.Prepare("SELECT name, document FROM networks ORDER BY name");
  std::vector<NetworkDocument> networks;
  while (statement.Next()) {
    networks.push_back({.name = statement.String(0), .document = ParseJson(statement.String(1))});
  }
  return Whole(statement, std::move(networks));
}

absl::Status PolicyTable::Put(const NetworkDocument& network) {
  Statement statement =
      database_.Prepare("INSERT OR REPLACE INTO networks(name, document) VALUES(?, ?)");
  statement.Bind(1, network.name).Bind(2, network.document.dump());
  return statement.Run();
}

absl::Status PolicyTable::RemoveNetwork(const std::string& name) {
  return RemoveRow(database_, "DELETE FROM networks WHERE name=?", name,
                   "no such network; see 'slipway network list'");
}

absl::StatusOr<nlohmann::json> PolicyTable::NetworkNow(const std::string& name) {
  Statement statement = database_.Prepare("SELECT document FROM networks WHERE name=?");
  statement.Bind(1, name);
  return Document(statement);
}

absl::StatusOr<std::vector<Template>> PolicyTable::Templates() {
  Statement statement = database_.Prepare("SELECT name, document FROM templates ORDER BY name");
  std::vector<Template> templates;
  while (statement.Next()) {
    Template one{.name = statement.String(0), .text = {}, .media_type = {}, .selector = {}};
    const auto document = ParseJson(statement.String(1));
    if (const absl::Status status = Update(document, one); !status.ok()) {
      return absl::DataLossError(Text("template ", one.name, " in the catalog: ",
                                      std::string(status.message()), "; write it again"));
    }
    templates.push_back(std::move(one));
  }
  return Whole(statement, std::move(templates));
}

absl::Status PolicyTable::Put(const Template& one) {
  Statement statement =
      database_.Prepare("INSERT OR REPLACE INTO templates(name, document) VALUES(?, ?)");
  statement.Bind(1, one.name).Bind(2, ToJson(one).dump());
  return statement.Run();
}

absl::Status PolicyTable::RemoveTemplate(const std::string& name) {
  return RemoveRow(database_, "DELETE FROM templates WHERE name=?", name,
                   "no such template; see 'slipway template list'");
}

absl::StatusOr<nlohmann::json> PolicyTable::TemplateNow(const std::string& name) {
  Statement statement = database_.Prepare("SELECT document FROM templates WHERE name=?");
  statement.Bind(1, name);
  return Document(statement);
}

}  // namespace slipway::control
