// SPDX-License-Identifier: Apache-2.0
#include "control/cli/policy.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <set>
#include <span>
#include <vector>

#include "control/parse_json.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// The option, and the member of a body or query that it stands for.
struct Option {
  std::string_view name;
  std::string_view member;
};
constexpr std::array<Option, 4> kMachineOptions = {
    {{"name", "name"}, {"serial", "serial"}, {"mode", "mode"}, {"uuid", "uuid"}}};
constexpr std::array<Option, 5> kRuleOptions = {{{"when", "selector"},
                                                 {"action", "action"},
                                                 {"image", "image_set"},
                                                 {"mode", "mode"},
                                                 {"script", "script"}}};
constexpr std::array<Option, 1> kRolloutOptions = {{{"when", "selector"}}};
constexpr std::array<Option, 9> kExplainOptions = {{{"mac", "mac"},
                                                    {"uuid", "uuid"},
                                                    {"arch", "arch"},
                                                    {"client", "client"},
                                                    {"network", "network"},
                                                    {"client-id", "client_id"},
                                                    {"circuit-id", "circuit_id"},
                                                    {"remote-id", "remote_id"},
                                                    {"vendor-class", "vendor_class"}}};

int Misused(std::string_view what) {
  std::cerr << "slipway: " << what << '\n';
  return 2;
}

bool Begins(const Command& command, std::string_view noun, std::string_view verb,
            std::size_t least) {
  return command.words.size() >= least && command.words[0] == noun && command.words[1] == verb;
}

std::string Listed(const nlohmann::json& texts) {
  std::string line;
  for (const auto& [key, value] : texts.items()) {
    line += Text(line.empty() ? "" : ",", key, "=", value.get<std::string>());
  }
  return line;
}

int ListMachines(Client& client, const Command& command) {
  const Answer answer = client.Get("/api/v1/machines");
  if (!answer.good) return Fail(answer);
  if (command.json) {
    std::cout << answer.body;
    return 0;
  }
  auto machines = answer.json();
  for (auto& machine : machines) {
    machine["labels"] = Listed(machine["labels"]);
    if (machine["hold"] == true) machine["mode"] = "hold";
    if (Cell(machine, "image_set").empty()) machine["image_set"] = "(rules)";
  }
  std::cout << Table(machines, {{"MAC", "mac"},
                                {"UUID", "uuid"},
                                {"NAME", "name"},
                                {"IMAGE SET", "image_set"},
                                {"MODE", "mode"},
                                {"LABELS", "labels"}});
  return 0;
}

nlohmann::json Given(const Command& command, std::span<const Option> options) {
  nlohmann::json body = nlohmann::json::object();
  for (const Option& option : options) {
    const auto value = command.options.find(std::string(option.name));
    if (value != command.options.end()) body[option.member] = value->second;
  }
  return body;
}

// What there is now is not known: neither that it is so, nor that there is nothing.
bool IsUnread(const Answer& before) { return !before.good && before.status != 404; }

int SetMachine(Client& client, const Command& command) {
  nlohmann::json body = Given(command, kMachineOptions);
  const std::string& set = command.words[3];
  body["image_set"] = set == "-" ? "" : set;
  return PrintDone(client.Put("/api/v1/machines/" + command.words[2], body), command,
                   set == "-" ? Text(command.words[2], ": boots as the rules say from now on")
                              : Text(command.words[2], ": boots ", set, " from now on"));
}

// "key=value" sets one of the object's texts, "key-" removes it. Nonzero, and told, where a word is
// neither.
int ChangeTexts(const Command& command, nlohmann::json& texts) {
  for (std::size_t i = 3; i < command.words.size(); ++i) {
    const std::string& word = command.words[i];
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos) {
      texts[word.substr(0, equals)] = word.substr(equals + 1);
    } else if (word.ends_with('-')) {
      texts.erase(word.substr(0, word.size() - 1));
    } else {
      return Misused(Text(word, ": neither KEY=VALUE nor KEY-, which removes it"));
    }
  }
  return 0;
}

// `member`: "labels" or "variables".
int ChangeMachineTexts(Client& client, const Command& command, const std::string& member) {
  const std::string path = "/api/v1/machines/" + command.words[2];
  const Answer before = client.Get(path);
  if (IsUnread(before)) return Fail(before);
  nlohmann::json texts = before.good ? before.json()[member] : nlohmann::json::object();
  if (const int code = ChangeTexts(command, texts); code != 0) return code;
  return PrintDone(client.PutOver(before, path, {{member, texts}}), command,
                   Text(command.words[2], ": ", texts.empty() ? "no " + member : Listed(texts)));
}

// "name" puts the machine into a group, "name-" takes it out.
int ChangeMachineGroups(Client& client, const Command& command) {
  const std::string path = "/api/v1/machines/" + command.words[2];
  const Answer before = client.Get(path);
  if (IsUnread(before)) return Fail(before);
  std::set<std::string> groups;
  if (before.good) groups = before.json()["groups"];
  for (std::size_t i = 3; i < command.words.size(); ++i) {
    const std::string& word = command.words[i];
    if (word.ends_with('-')) {
      groups.erase(word.substr(0, word.size() - 1));
    } else {
      groups.insert(word);
    }
  }
  const std::vector<std::string> names(groups.begin(), groups.end());
  return PrintDone(
      client.PutOver(before, path, {{"groups", groups}}), command,
      Text(command.words[2], ": ", names.empty() ? "in no group" : "in " + Join(names, ", ")));
}

int ChangeMachine(Client& client, const Command& command) {
  const std::string& verb = command.words[1];
  const std::string path = "/api/v1/machines/" + command.words[2];
  if (verb == "approve") {
    return PrintDone(client.Put(path, {{"approved", true}}), command,
                     Text(command.words[2], ": approved; rules that hold machines pass it by"));
  }
  if (verb == "hold") {
    return PrintDone(client.Put(path, {{"mode", "hold"}}), command,
                     Text(command.words[2], ": is held until 'slipway machine mode ",
                          command.words[2], " always'"));
  }
  if (verb == "reset") {
    return PrintDone(client.Put(path, nlohmann::json::object()), command,
                     Text(command.words[2], ": its boots are counted from nought again"));
  }
  return PrintDone(client.Delete(path), command, Text(command.words[2], ": removed"));
}

std::optional<int> RunMachine(Client& client, const Command& command) {
  constexpr std::array<std::string_view, 4> kVerbs = {"approve", "hold", "reset", "rm"};
  const auto& words = command.words;
  if (Is(command, "machine", "list", 2)) return ListMachines(client, command);
  if (Is(command, "machine", "set", 4)) return SetMachine(client, command);
  if (Begins(command, "machine", "label", 4)) return ChangeMachineTexts(client, command, "labels");
  if (Begins(command, "machine", "variable", 4)) {
    return ChangeMachineTexts(client, command, "variables");
  }
  if (Begins(command, "machine", "group", 4)) return ChangeMachineGroups(client, command);
  if (Is(command, "machine", "script", 4)) {
    const bool none = words[3] == "-";
    return PrintDone(client.Put("/api/v1/machines/" + words[2], {{"script", none ? "" : words[3]}}),
                     command,
                     none ? Text(words[2], ": iPXE is sent where the rules say")
                          : Text(words[2], ": iPXE is sent to its own ", words[3]));
  }
  if (Is(command, "machine", "mode", 4)) {
    return PrintDone(client.Put("/api/v1/machines/" + words[2], {{"mode", words[3]}}), command,
                     Text(words[2], ": boots ", words[3]));
  }
  if (words.size() == 3 && std::ranges::find(kVerbs, words[1]) != kVerbs.end()) {
    return ChangeMachine(client, command);
  }
  return std::nullopt;
}

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
  nlohmann::json given = Given(command, kRuleOptions);
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

std::optional<int> RunRule(Client& client, const Command& command) {
  const auto& words = command.words;
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
  if (words.size() == 3 && words[1] == "set") return SetRule(client, command);
  if (words.size() >= 4 && words[1] == "variable") return ChangeRuleVariables(client, command);
  if (words.size() >= 4 && words[1] == "option") return ChangeRuleOptions(client, command);
  if (words.size() == 3 && words[1] == "rm") {
    return PrintDone(client.Delete("/api/v1/rules/" + words[2]), command,
                     Text(words[2], ": removed"));
  }
  return std::nullopt;
}

std::string Ended(const nlohmann::json& count) {
  return Text(Cell(count, "complete"), " ok, ", Cell(count, "failed"), " failed");
}

int ListRollouts(Client& client, const Command& command) {
  const Answer answer = client.Get("/api/v1/rollouts");
  if (!answer.good) return Fail(answer);
  if (command.json) {
    std::cout << answer.body;
    return 0;
  }
  auto rollouts = answer.json();
  for (auto& rollout : rollouts) {
    rollout["stable_ended"] = Ended(rollout["stable_boots"]);
    rollout["candidate_ended"] = Ended(rollout["candidate_boots"]);
  }
  std::cout << Table(rollouts, {{"TAG", "stable"},
                                {"ITS BOOTS", "stable_ended"},
                                {"CANDIDATE", "candidate"},
                                {"ITS BOOTS", "candidate_ended"},
                                {"MACHINES", "machines"},
                                {"WHO", "selector"},
                                {"%", "percent"}});
  for (const auto& rollout : rollouts) {
    const std::string last = Cell(rollout["candidate_boots"], "last_failure");
    if (!last.empty()) std::cout << Cell(rollout, "candidate") << ": last failed: " << last << '\n';
    const std::string now = Cell(rollout["candidate_boots"], "digest");
    if (now.empty() || now == Cell(rollout, "candidate_digest")) continue;
    std::cout << Cell(rollout, "candidate") << ": has moved since; to try what it leads to now: "
              << "slipway rollout start " << Cell(rollout, "stable") << ' '
              << Cell(rollout, "candidate") << '\n';
  }
  return 0;
}

int StartRollout(Client& client, const Command& command) {
  nlohmann::json given = Given(command, kRolloutOptions);
  given["candidate"] = command.words[3];
  for (const char* name : {"percent", "failures-max"}) {
    const auto option = command.options.find(name);
    if (option == command.options.end()) continue;
    const auto number = ParseJson(option->second);
    if (!number.is_number_integer())
      return Misused(Text("--", name, ' ', option->second, ": no number"));
    given[name == std::string_view("percent") ? "percent" : "failures_max"] = number;
  }
  const std::string path = "/api/v1/rollouts/" + command.words[2];
  const Answer before = client.Get(path);
  if (IsUnread(before)) return Fail(before);
  // What no option of this command says stays as it is.
  nlohmann::json rollout = before.good ? before.json() : nlohmann::json::object();
  rollout.update(given);
  return PrintDone(client.PutOver(before, path, rollout), command,
                   Text(command.words[2], ": its canary boots ", command.words[3],
                        " from now on; see 'slipway rollout list'"));
}

std::optional<int> RunRollout(Client& client, const Command& command) {
  const auto& words = command.words;
  if (Is(command, "rollout", "list", 2)) return ListRollouts(client, command);
  if (Is(command, "rollout", "start", 4)) return StartRollout(client, command);
  if (Is(command, "rollout", "promote", 3)) {
    return PrintDone(client.Post(Text("/api/v1/rollouts/", words[2], "/promote")), command,
                     Text(words[2], ": every machine boots the candidate's version from now on; ",
                          "back: slipway rollout undo ", words[2]));
  }
  if (Is(command, "rollout", "rollback", 3)) {
    return PrintDone(client.Delete("/api/v1/rollouts/" + words[2]), command,
                     Text(words[2], ": every machine boots this version again"));
  }
  return std::nullopt;
}

int ExplainMachine(Client& client, const Command& command) {
  std::map<std::string, std::string> query;
  const nlohmann::json given = Given(command, kExplainOptions);
  for (const auto& [name, value] : given.items()) {
    query[name] = value.get<std::string>();
  }
  const Answer answer = client.Get("/api/v1/explain", query);
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
  return 0;
}

}  // namespace

bool IsPolicyOption(std::string_view name) {
  const auto among = [&](std::span<const Option> options) {
    return std::ranges::find(options, name, &Option::name) != options.end();
  };
  return name == "order" || name == "percent" || name == "failures-max" || among(kMachineOptions) ||
         among(kRuleOptions) || among(kExplainOptions);
}

std::optional<int> RunPolicy(Client& client, const Command& command) {
  const auto& words = command.words;
  if (words[0] == "explain" && words.size() == 1) return ExplainMachine(client, command);
  if (words[0] == "machine" && words.size() >= 2) return RunMachine(client, command);
  if (words[0] == "rule" && words.size() >= 2) return RunRule(client, command);
  if (words[0] == "rollout" && words.size() >= 2) return RunRollout(client, command);
  return std::nullopt;
}

}  // namespace slipway::control
