// SPDX-License-Identifier: Apache-2.0
#include "control/cli/rollout.h"

#include <array>
#include <iostream>

#include "control/cli/policy.h"
#include "control/parse_json.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::array<BodyOption, 1> kStartOptions = {{{"when", "selector"}}};

std::string Ended(const nlohmann::json& count) {
  return Text(Cell(count, "complete"), " ok, ", Cell(count, "failed"), " failed");
}

// What a person is to know of it beside the numbers; a line each.
std::string Remarks(const nlohmann::json& rollout) {
  const std::string candidate = Cell(rollout, "candidate");
  const auto& boots = rollout["candidate_boots"];
  std::string text;
  if (const std::string last = Cell(boots, "last_failure"); !last.empty()) {
    text += Text(candidate, ": last failed: ", last, '\n');
  }
  const std::string start =
      Text("slipway rollout start ", Cell(rollout, "stable"), ' ', candidate, '\n');
  const std::string now = Cell(boots, "digest");
  if (!now.empty() && now != Cell(rollout, "candidate_digest")) {
    text += Text(candidate, ": has moved since; to try what it leads to now: ", start);
  }
  const std::string noted = Cell(rollout, "stable_digest");
  const std::string stable = Cell(rollout["stable_boots"], "digest");
  if (!noted.empty() && !stable.empty() && stable != noted) {
    text += Text(Cell(rollout, "stable"), ": was moved meanwhile, to ", stable.substr(0, 12),
                 "; to go on against that: ", start);
  }
  return text;
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
  for (const auto& rollout : rollouts) std::cout << Remarks(rollout);
  return 0;
}

// One rollout is told as it was put; how its boots end, the list says.
int ShowRollout(Client& client, const Command& command) {
  const Answer answer = client.Get("/api/v1/rollouts/" + command.words[2]);
  if (!answer.good) return Fail(answer);
  const Answer list = client.Get("/api/v1/rollouts");
  if (!list.good) return Fail(list);
  auto rollout = answer.json();
  for (const auto states = list.json(); const auto& each : states) {
    if (each["stable"] == rollout["stable"]) rollout.update(each);
  }
  if (command.json) {
    std::cout << rollout.dump() << '\n';
    return 0;
  }
  rollout["stable_ended"] = Ended(rollout["stable_boots"]);
  rollout["candidate_ended"] = Ended(rollout["candidate_boots"]);
  if (Cell(rollout, "selector").empty()) rollout["selector"] = "every machine of the catalog";
  if (rollout["failures_max"] == 0) rollout["failures_max"] = "any number";
  std::cout << Sheet(rollout, {{"TAG", "stable"},
                               {"ITS BOOTS", "stable_ended"},
                               {"CANDIDATE", "candidate"},
                               {"ITS VERSION", "candidate_digest"},
                               {"ITS BOOTS", "candidate_ended"},
                               {"WHO", "selector"},
                               {"PERCENT", "percent"},
                               {"MACHINES", "machines"},
                               {"FAILURES MAX", "failures_max"}})
            << Remarks(rollout);
  return 0;
}

// What the tag of a rollout leads to now; empty: that cannot be told.
std::string StableNow(Client& client, const std::string& stable) {
  const Answer list = client.Get("/api/v1/rollouts");
  if (!list.good) return "";
  for (const auto rollouts = list.json(); const auto& each : rollouts) {
    if (Cell(each, "stable") == stable) return Cell(each["stable_boots"], "digest");
  }
  return "";
}

int StartRollout(Client& client, const Command& command) {
  nlohmann::json given = Given(command, kStartOptions);
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
  // Started again as it is: against what the tag leads to now. Who changes something accepts none.
  const bool is_again = before.good && given.size() == 1;
  const std::string stable = is_again ? StableNow(client, command.words[2]) : "";
  if (!stable.empty()) rollout["stable_digest"] = stable;
  return PrintDone(client.PutOver(before, path, rollout), command,
                   Text(command.words[2], ": its canary boots ", command.words[3],
                        " from now on; see 'slipway rollout list'"));
}

}  // namespace

bool IsRolloutOption(std::string_view name) {
  return name == "percent" || name == "failures-max" || IsAmong(kStartOptions, name);
}

std::optional<int> RunRollout(Client& client, const Command& command) {
  const auto& words = command.words;
  if (Is(command, "rollout", "list", 2)) return ListRollouts(client, command);
  if (Is(command, "rollout", "show", 3)) return ShowRollout(client, command);
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

}  // namespace slipway::control
