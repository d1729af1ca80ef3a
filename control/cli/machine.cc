// SPDX-License-Identifier: Apache-2.0
#include "control/cli/machine.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <set>
#include <vector>

#include "control/cli/policy.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::array<BodyOption, 4> kSetOptions = {
    {{"name", "name"}, {"serial", "serial"}, {"mode", "mode"}, {"uuid", "uuid"}}};
constexpr std::array<BodyOption, 2> kListOptions = {
    {{"selector", "selector"}, {"search", "search"}}};

bool Begins(const Command& command, std::string_view noun, std::string_view verb,
            std::size_t least) {
  return command.words.size() >= least && command.words[0] == noun && command.words[1] == verb;
}

constexpr const char* kByRules = "(rules)";

int ListMachines(Client& client, const Command& command) {
  const Answer answer = client.Get("/api/v1/machines", Asked(command, kListOptions));
  if (!answer.good) return Fail(answer);
  if (command.json) {
    std::cout << answer.body;
    return 0;
  }
  auto machines = answer.json();
  for (auto& machine : machines) {
    machine["labels"] = Listed(machine["labels"]);
    if (machine["hold"] == true) machine["mode"] = "hold";
    if (Cell(machine, "image_set").empty()) machine["image_set"] = kByRules;
  }
  std::cout << Table(machines, {{"MAC", "mac"},
                                {"UUID", "uuid"},
                                {"NAME", "name"},
                                {"IMAGE SET", "image_set"},
                                {"MODE", "mode"},
                                {"LABELS", "labels"}});
  return 0;
}

int ShowMachine(Client& client, const Command& command) {
  const Answer answer = client.Get("/api/v1/machines/" + command.words[2]);
  if (!answer.good || command.json) return PrintDone(answer, command, "");
  auto machine = answer.json();
  machine["from"] = machine["id"] == 0 ? "the configuration file" : "the catalog";
  for (const char* texts : {"labels", "variables"}) machine[texts] = Listed(machine[texts]);
  for (const char* ruled : {"image_set", "script"}) {
    if (Cell(machine, ruled).empty()) machine[ruled] = kByRules;
  }
  std::vector<std::string> firmware;
  for (const auto& each : machine["firmware"]) firmware.push_back(FirmwareWords(each));
  machine["firmware"] = Join(firmware, "; ");
  machine["boots"] =
      Text(Cell(machine, "boots_completed"), " ok, ", Cell(machine, "boots_failed"), " failed");
  std::cout << Sheet(machine, {{"MAC", "mac"},
                               {"UUID", "uuid"},
                               {"NAME", "name"},
                               {"SERIAL", "serial"},
                               {"FROM", "from"},
                               {"GROUPS", "groups"},
                               {"LABELS", "labels"},
                               {"IMAGE SET", "image_set"},
                               {"MODE", "mode"},
                               {"ITS BOOTS", "boots"},
                               {"HELD", "hold"},
                               {"APPROVED", "approved"},
                               {"SCRIPT", "script"},
                               {"VARIABLES", "variables"},
                               {"FIRMWARE", "firmware"}});
  return 0;
}

int ListHeld(Client& client, const Command& command) {
  std::map<std::string, std::string> query;
  if (!command.since.empty()) {
    const auto since = SinceOf(command.since);
    if (!since) return 2;
    query["since"] = *since;
  }
  const Answer answer = client.Get("/api/v1/held", query);
  if (!answer.good || command.json) return PrintDone(answer, command, "");
  auto machines = answer.json();
  for (auto& machine : machines) {
    // A table's moments are whole seconds.
    for (const char* when : {"first_asked", "last_asked"}) {
      machine[when] = static_cast<std::int64_t>(machine.value(when, 0.0));
    }
  }
  std::cout << Table(machines, {{"MACHINE", "machine"},
                                {"MAC", "mac"},
                                {"UUID", "uuid"},
                                {"ARCH", "architecture"},
                                {"CLIENT", "client"},
                                {"NETWORK", "network"},
                                {"RELAY", "relay"},
                                {"RULE", "rule"},
                                {"KNOWN", "known"},
                                {"FIRST ASKED", "first_asked", true},
                                {"LAST ASKED", "last_asked", true},
                                {"TIMES", "asked"}});
  if (!machines.empty()) std::cerr << "slipway: approve one: slipway machine approve MACHINE\n";
  return 0;
}

int SetMachine(Client& client, const Command& command) {
  nlohmann::json body = Given(command, kSetOptions);
  const std::string& set = command.words[3];
  body["image_set"] = set == "-" ? "" : set;
  return PrintDone(client.Put("/api/v1/machines/" + command.words[2], body), command,
                   set == "-" ? Text(command.words[2], ": boots as the rules say from now on")
                              : Text(command.words[2], ": boots ", set, " from now on"));
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

}  // namespace

bool IsMachineOption(std::string_view name) {
  return IsAmong(kSetOptions, name) || IsAmong(kListOptions, name);
}

std::optional<int> RunMachine(Client& client, const Command& command) {
  constexpr std::array<std::string_view, 4> kVerbs = {"approve", "hold", "reset", "rm"};
  const auto& words = command.words;
  if (words[0] != "machine" || words.size() < 2) return std::nullopt;
  if (Is(command, "machine", "list", 2)) return ListMachines(client, command);
  if (Is(command, "machine", "held", 2)) return ListHeld(client, command);
  if (Is(command, "machine", "show", 3)) return ShowMachine(client, command);
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

}  // namespace slipway::control
