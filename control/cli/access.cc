// SPDX-License-Identifier: Apache-2.0
#include "control/cli/access.h"

#include <charconv>
#include <ctime>
#include <iostream>
#include <string>

#include "control/text.h"

namespace slipway::control {
namespace {

// "90s", "15m", "2h", "7d": seconds; nullopt when it is none.
std::optional<std::int64_t> SecondsOf(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end + 1 != text.data() + text.size() || number < 0) {
    return std::nullopt;
  }
  switch (*end) {
    case 's':
      return number;
    case 'm':
      return number * 60;
    case 'h':
      return number * 3600;
    case 'd':
      return number * 86400;
    default:
      return std::nullopt;
  }
}

int Misused(std::string_view option, std::string_view value, std::string_view expected) {
  std::cerr << "slipway: " << option << ' ' << value << ": write " << expected << '\n';
  return 2;
}

int ListAudit(Client& client, const Command& command) {
  std::string query;
  if (!command.since.empty()) {
    const auto ago = SecondsOf(command.since);
    const bool digits = command.since.find_first_not_of("0123456789") == std::string::npos;
    if (!ago && !digits) return Misused("--since", command.since, "2h, 7d or Unix seconds");
    query = Text("?since=", ago ? std::to_string(std::time(nullptr) - *ago) : command.since);
  }
  return PrintList(client.Get("/api/v1/audit" + query), command,
                   {{"NUMBER", "id"},
                    {"WHEN", "at", true},
                    {"WHO", "who"},
                    {"FROM", "address"},
                    {"WHAT", "what"},
                    {"BEFORE", "before"},
                    {"AFTER", "after"}});
}

int VerifyAudit(Client& client, const Command& command) {
  const Answer answer =
      client.Get("/api/v1/audit/verify" + (command.head.empty() ? "" : "?head=" + command.head));
  if (!answer.good) return Fail(answer);
  const auto result = answer.json();
  const bool good = result.value("good", false);
  if (command.json) {
    std::cout << answer.body;
  } else if (good) {
    std::cout << "the audit log is whole; its head is " << Cell(result, "head")
              << " (note it elsewhere, for --head)\n";
  } else {
    std::cerr << "slipway: the audit log was tampered with: " << Cell(result, "fault")
              << "; compare it with a backup, and see who can write the state directory\n";
  }
  return good ? 0 : 1;
}

}  // namespace

std::optional<int> RunAudit(Client& client, const Command& command) {
  if (Is(command, "audit", "list", 2)) return ListAudit(client, command);
  if (Is(command, "audit", "verify", 2)) return VerifyAudit(client, command);
  return std::nullopt;
}

}  // namespace slipway::control
