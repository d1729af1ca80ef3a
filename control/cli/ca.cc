// SPDX-License-Identifier: Apache-2.0
#include "control/cli/ca.h"

#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::string_view kPath = "/api/v1/ca";

int Show(Client& client, bool newest) {
  const Answer answer = client.Get(Text(kPath, newest ? "?newest=true" : ""));
  if (!answer.good) return Fail(answer);
  std::cout << answer.body;
  return 0;
}

int WriteEfi(Client& client, const std::string& name) {
  const Answer answer = client.Get(Text(kPath, "/efi"));
  if (!answer.good) return Fail(answer);
  std::ofstream file(name, std::ios::binary);
  file << answer.body;
  file.close();
  if (!file) {
    std::cerr << "slipway: " << name << ": cannot be written; name another file\n";
    return 1;
  }
  std::cout << name << ": written; enrol it in the firmware's TLS CA configuration\n";
  return 0;
}

int PrintRotation(const Answer& answer, const Command& command) {
  if (!answer.good) return Fail(answer);
  if (command.json) {
    std::cout << answer.body;
    return 0;
  }
  const auto rotation = answer.json();
  std::cout << Table(rotation["certificates"], {{"NAME", "name"},
                                                {"KEY", "key"},
                                                {"BEGINS", "not_before", true},
                                                {"ENDS", "not_after", true},
                                                {"DAYS LEFT", "days_left"},
                                                {"SHA-256", "fingerprint"}})
            << Cell(rotation, "phase") << "; next: " << Cell(rotation, "next_step") << '\n';
  return 0;
}

}  // namespace

std::optional<int> RunCa(Client& client, const Command& command) {
  const auto& words = command.words;
  if (words.size() < 2 || words[0] != "ca") return std::nullopt;
  if (Is(command, "ca", "show", 2)) return Show(client, false);
  if (Is(command, "ca", "show", 3) && words[2] == "newest") return Show(client, true);
  if (Is(command, "ca", "efi", 3)) return WriteEfi(client, words[2]);
  if (Is(command, "ca", "status", 2)) {
    return PrintRotation(client.Get(Text(kPath, "/rotation")), command);
  }
  for (const std::string_view step : {"rotate", "withdraw", "activate", "deactivate", "retire"}) {
    if (!Is(command, "ca", step, 2)) continue;
    return PrintRotation(client.Post(Text(kPath, '/', step)), command);
  }
  return std::nullopt;
}

}  // namespace slipway::control
