// SPDX-License-Identifier: Apache-2.0
#include "control/cli/access.h"

#include <iostream>
#include <string>

#include "control/cli/transfer.h"
#include "control/text.h"

namespace slipway::control {
namespace {

int Misused(std::string_view option, std::string_view value, std::string_view expected) {
  std::cerr << "slipway: " << option << ' ' << value << ": write " << expected << '\n';
  return 2;
}

int ListAudit(Client& client, const Command& command) {
  std::string query;
  if (!command.since.empty()) {
    const auto since = SinceOf(command.since);
    if (!since) return 2;
    query = "?since=" + *since;
  }
  // The newest hundred, or everything since then.
  const std::string path = "/api/v1/audit" + query;
  return PrintList(query.empty() ? client.GetPage(path) : client.Get(path), command,
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

int MakeToken(Client& client, const Command& command) {
  nlohmann::json body = {{"role", command.role}};
  if (!command.expires.empty()) {
    const auto seconds = SecondsOf(command.expires);
    if (!seconds) return Misused("--expires", command.expires, "12h, 30d or the like");
    body["expires_in_seconds"] = *seconds;
  }
  if (const std::string scope = OptionOf(command, "scope"); !scope.empty()) body["scope"] = scope;
  const Answer answer = client.Put("/api/v1/tokens/" + command.words[2], body);
  if (!answer.good) return Fail(answer);
  if (!command.json) std::cerr << "slipway: shown this once only; keep it as you keep passwords\n";
  return PrintDone(answer, command, Cell(answer.json(), "token"));
}

std::optional<int> RunToken(Client& client, const Command& command) {
  const auto& words = command.words;
  if (Is(command, "token", "list", 2)) {
    return PrintList(client.Get("/api/v1/tokens"), command,
                     {{"NAME", "name"},
                      {"ROLE", "role"},
                      {"SCOPE", "scope"},
                      {"CREATED", "created", true},
                      {"EXPIRES", "expires", true},
                      {"LAST USED", "last_used", true}});
  }
  if (Is(command, "token", "create", 3)) return MakeToken(client, command);
  if (Is(command, "token", "rm", 3)) {
    return PrintDone(client.Delete("/api/v1/tokens/" + words[2]), command,
                     Text(words[2], ": removed; whoever has it is refused from now on"));
  }
  if (words.size() != 1 || words[0] != "whoami") return std::nullopt;
  const Answer answer = client.Get("/api/v1/whoami");
  if (!answer.good) return Fail(answer);
  const auto actor = answer.json();
  const std::string scope = Cell(actor, "scope");
  return PrintDone(answer, command,
                   Text(Cell(actor, "name"), ": ", Cell(actor, "role"),
                        scope.empty() ? "" : " of machines with ", scope));
}

std::optional<int> RunCertificates(Client& client, const Command& command) {
  const bool rotate = Is(command, "cert", "rotate", 2);
  if (!rotate && !Is(command, "cert", "show", 2)) return std::nullopt;
  return PrintList(
      rotate ? client.Post("/api/v1/certificates/rotate") : client.Get("/api/v1/certificates"),
      command,
      {{"NAME", "name"},
       {"KEY", "key"},
       {"ENDS", "not_after", true},
       {"DAYS LEFT", "days_left"},
       {"STATE", "state"},
       {"RENEWED BY ITSELF", "renewed_by_itself"},
       {"FOR", "names"}});
}

Answer FetchBackup(Client& client, const Command& command) {
  const Transfer shown(client, !command.json,
                       {.doing = "is written", .before = "the appliance puts it together"});
  return client.GetFile(Text("/api/v1/backup", command.images ? "?images=true" : ""),
                        command.words[1]);
}

int MakeBackup(Client& client, const Command& command) {
  const std::string& file = command.words[1];
  const Answer answer = FetchBackup(client, command);
  if (!answer.good) return Fail(answer);
  std::cout << file << ": written; it holds the CA's key and the first token. To restore it: "
            << "slipwayd --restore " << file << " --state DIR\n";
  return 0;
}

}  // namespace

bool IsAccessOption(std::string_view name) { return name == "scope"; }

std::optional<int> RunAccess(Client& client, const Command& command) {
  if (const auto code = RunToken(client, command)) return code;
  if (const auto code = RunCertificates(client, command)) return code;
  if (command.words.size() == 2 && command.words[0] == "backup") return MakeBackup(client, command);
  if (Is(command, "audit", "list", 2)) return ListAudit(client, command);
  if (Is(command, "audit", "verify", 2)) return VerifyAudit(client, command);
  return std::nullopt;
}

}  // namespace slipway::control
