// SPDX-License-Identifier: Apache-2.0
#include "control/cli/rule.h"

#include <array>
#include <iostream>

#include "control/cli/policy.h"
#include "control/parse_json.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::array<BodyOption, 5> kSetOptions = {{{"when", "selector"},
                                                    {"action", "action"},
                                                    {"image", "image_set"},
                                                    {"mode", "mode"},
                                                    {"script", "script"}}};
constexpr std::array<BodyOption, 10> kExplainOptions = {{{"mac", "mac"},
                                                         {"uuid", "uuid"},
                                                         {"arch", "arch"},
                                                         {"client", "client"},
                                                         {"network", "network"},
                                                         {"client-id", "client_id"},
                                                         {"circuit-id", "circuit_id"},
                                                         {"remote-id", "remote_id"},
                                                         {"vendor-class", "vendor_class"},
                                                         {"dhcp-fingerprint", "dhcp_fingerprint"}}};

// What no option of this command says stays as it is, but for what the action that is given has no
// use for.
nlohmann::json MergedRule(const Answer& before, const nlohmann::json& given) {
  nlohmann::json rule = before.good ? before.json() : nlohmann::json::object();
  if (const std::string action = Cell(given, "action"); !action.empty()) {
    if (action != "boot") rule.erase("mode");
    if (action != "boot" && action != "quarantine") {
      rule.erase("image_set");
      rule.erase("script");
    }
  }
  rule.update(given);
  return rule;
}

int SetRule(Client& client, const Command& command) {
  nlohmann::json given = Given(command, kSetOptions);
  if (Cell(given, "script") == "-") given["script"] = "";
  const auto order = command.options.find("order");
  if (order != command.options.end()) {
    const auto number = ParseJson(order->second);
    if (!number.is_number_integer()) return Misused(Text("--order ", order->second, ": no number"));
    given["order"] = number;
  }
  const std::string path = "/api/v1/rules/" + command.words[2];
  const Answer before = client.Get(path);
  if (IsUnread(before)) return Fail(before);
  const Answer answer = client.PutOver(before, path, MergedRule(before, given));
  if (!answer.good) return Fail(answer);
  const std::string when = Cell(answer.json(), "selector");
  return PrintDone(
      answer, command,
      Text("rule ", command.words[2], ": ", when.empty() ? "every machine" : when, " -> ",
           Cell(answer.json(), "action"), ' ', Cell(answer.json(), "image_set")));
}

int ShowRule(Client& client, const Command& command) {
  const Answer answer = client.Get("/api/v1/rules/" + command.words[2]);
  if (!answer.good || command.json) return PrintDone(answer, command, "");
  auto rule = answer.json();
  if (Cell(rule, "selector").empty()) rule["selector"] = "every machine";
  nlohmann::json options = nlohmann::json::array();
  for (const auto& option : rule["options"]) {
    options.push_back(Text(Cell(option, "code"), '=', Cell(option, "hex")));
  }
  rule["options"] = options;
  rule["variables"] = Listed(rule["variables"]);
  std::cout << Sheet(rule, {{"NAME", "name"},
                            {"ORDER", "order"},
                            {"WHEN", "selector"},
                            {"ACTION", "action"},
                            {"IMAGE SET", "image_set"},
                            {"MODE", "mode"},
                            {"SCRIPT", "script"},
                            {"DHCP OPTIONS", "options"},
                            {"VARIABLES", "variables"}});
  return 0;
}

int ChangeRuleVariables(Client& client, const Command& command) {
  const std::string path = "/api/v1/rules/" + command.words[2];
  const Answer before = client.Get(path);
  if (!before.good) return Fail(before);
  nlohmann::json rule = before.json();
  nlohmann::json& variables = rule["variables"];
  if (const int code = ChangeTexts(command, variables); code != 0) return code;
  return PrintDone(client.PutOver(before, path, rule), command,
                   Text("rule ", command.words[2], ": ",
                        variables.empty() ? "no variables" : Listed(variables)));
}

int ChangeRuleOptions(Client& client, const Command& command) {
  const std::string path = "/api/v1/rules/" + command.words[2];
  const Answer before = client.Get(path);
  if (!before.good) return Fail(before);
  nlohmann::json rule = before.json();
  nlohmann::json texts = nlohmann::json::object();
  for (const auto& option : rule["options"]) texts[Cell(option, "code")] = option["hex"];
  if (const int code = ChangeTexts(command, texts); code != 0) return code;
  rule["options"] = nlohmann::json::array();
  for (const auto& [code, hex] : texts.items()) {
    const auto number = ParseJson(code);
    if (!number.is_number_integer()) {
      return Misused(Text(code, ": not the number of a DHCP option"));
    }
    rule["options"].push_back({{"code", number}, {"hex", hex}});
  }
  return PrintDone(
      client.PutOver(before, path, rule), command,
      Text("rule ", command.words[2], ": ", texts.empty() ? "no DHCP options" : Listed(texts)));
}

int ExplainMachine(Client& client, const Command& command) {
  const Answer answer = client.Get("/api/v1/explain", Asked(command, kExplainOptions));
  if (!answer.good) return Fail(answer);
  if (command.json) {
    std::cout << answer.body;
    return 0;
  }
  const auto told = answer.json();
  const std::string machine = Cell(told, "machine");
  std::cout << (machine.empty() ? "a machine that the catalog does not know" : machine)
            << ", network " << Cell(told, "network") << '\n';
  for (const auto& step : told["steps"]) {
    std::cout << (step["decides"].get<bool>() ? "  * " : "    ") << Cell(step, "rule") << ": "
              << Cell(step, "words") << '\n';
  }
  std::cout << Cell(told, "words") << '\n';
  for (const auto& need : told.value("unmet_needs", nlohmann::json::array())) {
    std::cout << "but the image set " << need.get<std::string>() << '\n';
  }
  return 0;
}

}  // namespace

bool IsRuleOption(std::string_view name) {
  return name == "order" || IsAmong(kSetOptions, name) || IsAmong(kExplainOptions, name);
}

std::optional<int> RunRule(Client& client, const Command& command) {
  const auto& words = command.words;
  if (words[0] == "explain" && words.size() == 1) return ExplainMachine(client, command);
  if (words[0] != "rule") return std::nullopt;
  if (words.size() == 2 && words[1] == "list") {
    const Answer answer = client.Get("/api/v1/rules");
    if (!answer.good) return Fail(answer);
    std::cout << (command.json ? answer.body
                               : Table(answer.json(), {{"ORDER", "order"},
                                                       {"NAME", "name"},
                                                       {"WHEN", "selector"},
                                                       {"ACTION", "action"},
                                                       {"IMAGE SET", "image_set"},
                                                       {"MODE", "mode"}}));
    return 0;
  }
  if (words.size() == 3 && words[1] == "show") return ShowRule(client, command);
  if (words.size() == 3 && words[1] == "set") return SetRule(client, command);
  if (words.size() >= 4 && words[1] == "variable") return ChangeRuleVariables(client, command);
  if (words.size() >= 4 && words[1] == "option") return ChangeRuleOptions(client, command);
  if (words.size() == 3 && words[1] == "rm") {
    return PrintDone(client.Delete("/api/v1/rules/" + words[2]), command,
                     Text(words[2], ": removed"));
  }
  return std::nullopt;
}

}  // namespace slipway::control
