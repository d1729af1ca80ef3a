// SPDX-License-Identifier: Apache-2.0
#include "control/cli/boot.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <thread>

#include "control/cli/policy.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::array<BodyOption, 3> kListOptions = {
    {{"selector", "selector"}, {"outcome", "outcome"}, {"cause", "cause"}}};

std::string StepLine(const nlohmann::json& step) {
  std::string at = Cell(step, "at");
  at.insert(0, at.size() < 7 ? 7 - at.size() : 0, ' ');
  return Text(at, " s  ", Cell(step, "words"), "\n");
}

int ShowBoot(Client& client, const Command& command) {
  const std::string path = "/api/v1/boots/" + command.words[2];
  std::size_t shown = 0;
  while (true) {
    const Answer answer = client.Get(path);
    // Whoever follows may come before the machine. Nothing else is worth waiting for: a wrong token
    // stays wrong, and asking on with it locks this address out.
    if (!answer.good && !(command.follow && answer.status == 404)) return Fail(answer);
    if (answer.good && command.json && !command.follow) {
      std::cout << answer.body;
      return 0;
    }
    if (answer.good) {
      const auto boot = answer.json();
      const auto& steps = boot["steps"];
      for (; shown < steps.size(); ++shown) std::cout << StepLine(steps[shown]) << std::flush;
      const std::string outcome = Cell(boot, "outcome");
      if (!command.follow || outcome != "under way") {
        if (boot.contains("firmware") && boot["firmware"].is_object()) {
          std::cout << "firmware: " << FirmwareWords(boot["firmware"]) << "\n";
        }
        std::cout << Text(outcome, ": ", Cell(boot, "words"), " (", Cell(boot, "seconds"), " s, ",
                          Cell(boot, "bytes"), " bytes",
                          Cell(boot, "tls").empty() ? "" : ", " + Cell(boot, "tls"), ")\n");
        return command.follow && outcome != "complete" ? 1 : 0;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

// The last hundred that are asked for, the newest at the end, next to the prompt.
int ListBoots(Client& client, const Command& command) {
  const auto& words = command.words;
  auto query = Asked(command, kListOptions);
  if (words.size() == 3) query["mac"] = words[2];
  if (!command.since.empty()) {
    const auto since = SinceOf(command.since);
    if (!since) return 2;
    query["since"] = *since;
  }
  // Since a moment means all of them, and else the last hundred.
  if (!command.since.empty()) query["limit"] = "1000";
  Answer answer = command.since.empty() ? client.GetPage("/api/v1/boots", query)
                                        : client.Get("/api/v1/boots", query);
  if (answer.good && !answer.next.first.empty()) {
    std::cerr << "slipway: older boots are left out; --since 2h has all since then\n";
  }
  if (answer.good && !command.json) {
    auto boots = answer.json();
    std::reverse(boots.begin(), boots.end());
    answer.body = boots.dump();
  }
  return PrintList(answer, command,
                   {{"ID", "id"},
                    {"MAC", "mac"},
                    {"SECONDS", "seconds"},
                    {"OUTCOME", "outcome"},
                    {"CAUSE", "cause"},
                    {"", "words"}});
}

}  // namespace

bool IsBootOption(std::string_view name) { return IsAmong(kListOptions, name); }

std::optional<int> RunBoot(Client& client, const Command& command) {
  if (Is(command, "boot", "list", 2) || Is(command, "boot", "list", 3)) {
    return ListBoots(client, command);
  }
  if (Is(command, "boot", "show", 3)) return ShowBoot(client, command);
  return std::nullopt;
}

}  // namespace slipway::control
