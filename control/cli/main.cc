// SPDX-License-Identifier: Apache-2.0
//
// slipway: the command line, noun and verb. Tables for people, --json for programs. Exit codes: 0
// done, 1 refused or failed, 2 a command that cannot be understood. Errors end with the next step.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/cli/access.h"
#include "control/cli/boot.h"
#include "control/cli/ca.h"
#include "control/cli/capture.h"
#include "control/cli/client.h"
#include "control/cli/command.h"
#include "control/cli/context.h"
#include "control/cli/import.h"
#include "control/cli/machine.h"
#include "control/cli/network.h"
#include "control/cli/parse_command.h"
#include "control/cli/policy.h"
#include "control/cli/pull.h"
#include "control/cli/rollout.h"
#include "control/cli/rule.h"
#include "control/cli/secure_boot.h"
#include "control/cli/table.h"
#include "control/cli/tag.h"
#include "control/cli/template.h"
#include "control/cli/top.h"
#include "control/cli/uki.h"
#include "control/cli/usage.h"
#include "control/cli/usage_reader.h"
#include "control/cli/watch.h"
#include "control/cli/webhook.h"
#include "control/cli/why.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Exit code 1 where firmware would not boot it.
int CheckImage(Client& client, const Command& command) {
  const std::filesystem::path file = command.words[2];
  const auto architecture = command.options.find("arch");
  const Answer answer = client.PostFile(
      Text("/api/v1/secure-boot/check?file=", file.filename().string(),
           architecture == command.options.end() ? "" : "&architecture=" + architecture->second),
      file);
  if (!answer.good) return Fail(answer);
  const auto verdict = answer.json();
  std::cout << (command.json ? answer.body : VerdictText(verdict));
  return Cell(verdict, "outcome") == "refused" ? 1 : 0;
}

int Recheck(Client& client, const Command& command) {
  const Answer answer =
      client.Post(Text("/api/v1/secure-boot/recheck", command.all ? "?all=true" : ""));
  if (!answer.good) return Fail(answer);
  const std::string changed = Cell(answer.json(), "changed");
  return PrintDone(answer, command,
                   changed.empty() ? "no outcome changed" : Text("other outcomes: ", changed));
}

// The list with each set's outcome, which lies a level deeper, and where its tag led before as
// columns.
int PrintImages(Answer answer, const Command& command, const std::vector<Column>& columns) {
  if (answer.good && !command.json) {
    auto sets = answer.json();
    for (auto& set : sets) {
      set["outcome"] = OutcomeText(set["secure_boot"]);
      set["before"] = PreviousText(set);
    }
    answer.body = sets.dump();
  }
  return PrintList(answer, command, columns);
}

// Exit code 1 where a failure was diagnosed.
int Why(Client& client, const Command& command) {
  const Answer answer = client.Get(Text("/api/v1/machines/", command.words[1], "/why"));
  if (!answer.good) return Fail(answer);
  const auto why = answer.json();
  std::cout << (command.json ? answer.body : WhyText(why));
  return Cell(why, "verdict") == "failed" ? 1 : 0;
}

int Watch(Client& client, const Command& command) {
  return RunWatch(client, {.mac = command.words.size() == 2 ? command.words[1] : "",
                           .kinds = OptionOf(command, "kind"),
                           .after = OptionOf(command, "after"),
                           .json = command.json});
}

int CaptureMachine(const Command& command) {
  return RunCapture(command.target, {.mac = command.words[1],
                                     .file = OptionOf(command, "write"),
                                     .seconds = OptionOf(command, "seconds"),
                                     .bytes = OptionOf(command, "bytes"),
                                     .snap = OptionOf(command, "snap")});
}

// Each of these: nullopt when it has no such command.
std::optional<int> RunImage(Client& client, const Command& command) {
  const auto& words = command.words;
  if (Is(command, "image", "list", 2)) {
    return PrintImages(client.Get("/api/v1/images"), command,
                       {{"IMAGE SET", "reference"},
                        {"BYTES", "bytes"},
                        {"LOADED", "loaded"},
                        {"SECURE BOOT", "outcome"},
                        {"BEFORE", "before"},
                        {"DIGEST", "digest"}});
  }
  if (Is(command, "image", "show", 3)) {
    const Answer answer = client.Get("/api/v1/images/" + words[2]);
    if (!answer.good || command.json) return PrintDone(answer, command, "");
    std::cout << Table(answer.json()["files"], {{"PATH", "path"},
                                                {"BYTES", "bytes"},
                                                {"ROLE", "role"},
                                                {"ARCH", "architecture"},
                                                {"TYPE", "media_type"}})
              << VerdictText(answer.json()["secure_boot"]);
    if (const std::string text = LayoutText(answer.json()); !text.empty()) {
      std::cout << text.substr(1) << '\n';
    }
    if (const std::string before = PreviousText(answer.json()); !before.empty()) {
      std::cout << "The tag led before to " << before << '\n';
    }
    return 0;
  }
  if (IsImport(command)) return RunImport(client, command);
  if (Is(command, "image", "uki", 3)) return WriteUki(command);
  if (Is(command, "image", "pull", 3) || (Is(command, "image", "pull", 5) && words[3] == "as")) {
    return RunPull(client, {.source = words[2],
                            .reference = words.size() == 5 ? words[4] : "",
                            .ca = OptionOf(command, "registry-ca"),
                            .credentials = OptionOf(command, "registry-credentials"),
                            .json = command.json});
  }
  if (Is(command, "image", "check", 3)) return CheckImage(client, command);
  if (Is(command, "image", "rm", 3)) {
    return PrintDone(client.Delete("/api/v1/images/" + words[2]), command,
                     Text(words[2], ": removed"));
  }
  return std::nullopt;
}

std::optional<int> RunSecureBoot(Client& client, const Command& command) {
  if (Is(command, "secure-boot", "recheck", 2)) return Recheck(client, command);
  if (!Is(command, "secure-boot", "show", 2)) return std::nullopt;
  const Answer answer = client.Get("/api/v1/secure-boot");
  if (!answer.good) return Fail(answer);
  std::cout << (command.json ? answer.body : TrustText(answer.json()));
  return 0;
}

std::optional<int> RunStatus(Client& client, const Command& command) {
  const auto& words = command.words;
  const std::string& noun = words[0];
  if (noun == "status" && words.size() == 1) {
    const Answer answer = client.Get("/api/v1/status");
    if (!answer.good) return Fail(answer);
    if (command.json) return PrintDone(answer, command, "");
    const auto status = answer.json();
    for (const auto& [key, value] : status.items()) {
      std::cout << key << ": " << Cell(status, key) << '\n';
    }
    return 0;
  }
  if (noun == "top" && words.size() == 1) {
    return RunTop(client,
                  {.server = command.target.server, .once = command.once, .json = command.json});
  }
  if (noun == "queue" && words.size() == 1) {
    return PrintList(client.Get("/api/v1/queue"), command,
                     {{"POSITION", "position"},
                      {"MAC", "mac"},
                      {"ADDRESS", "address"},
                      {"WAITS", "where"},
                      {"WAITED S", "waited_seconds"},
                      {"EXPECTED IN S", "expected_seconds"}});
  }
  if (noun == "drops" && words.size() == 1) {
    return PrintList(client.Get("/api/v1/drops"), command,
                     {{"COUNT", "count"}, {"NAME", "name"}, {"WHY", "sentence"}});
  }
  return std::nullopt;
}

std::optional<int> Run(Client& client, const Command& command) {
  const auto& words = command.words;
  for (const auto run : {RunStatus, RunImage, RunSecureBoot, RunTag, RunAccess, RunMachine, RunRule,
                         RunRollout, RunBoot, RunNetwork, RunTemplate, RunWebhook, RunCa}) {
    if (const auto code = run(client, command)) return code;
  }
  if (Is(command, "lease", "list", 2)) {
    return PrintList(
        client.Get("/api/v1/leases", Asked(command, kSelectorOption)), command,
        {{"ADDRESS", "address"}, {"MAC", "mac"}, {"STATE", "state"}, {"EXPIRES", "expires", true}});
  }
  if (words.size() <= 2 && words[0] == "watch") return Watch(client, command);
  if (words.size() == 2 && words[0] == "capture") return CaptureMachine(command);
  if (words.size() == 2 && words[0] == "why") return Why(client, command);
  return std::nullopt;
}

// What needs no appliance; nullopt when it is none of these.
std::optional<int> RunHelp(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  const bool help = std::ranges::any_of(
      words, [](std::string_view word) { return word == "--help" || word == "-h"; });
  if (help || (words.size() == 1 && words[0] == "help")) {
    std::cout << kUsage;
  } else if (words.size() == 2 && words[0] == "completion" && words[1] == "bash") {
    std::cout << BashCompletion(kUsage);
  } else if (words.size() == 2 && words[0] == "completion" && words[1] == "zsh") {
    std::cout << ZshCompletion(kUsage);
  } else if (words.size() == 1 && words[0] == "man") {
    std::cout << ManualPage(kUsage);
  } else {
    return std::nullopt;
  }
  return 0;
}

int Main(int argc, char** argv) {
  if (const auto code = RunHelp(argc, argv)) return *code;
  std::string wrong;
  auto command = ParseCommand(argc, argv, wrong);
  if (!command || command->words.empty()) {
    std::cerr << (wrong.empty() ? "" : "slipway: " + wrong + "\n\n") << kUsage;
    return 2;
  }
  if (const auto code = RunContext(*command)) return *code;
  if (const absl::Status status = FindTarget(*command); !status.ok()) {
    std::cerr << "slipway: " << status.message() << '\n';
    return absl::IsInvalidArgument(status) ? 2 : 1;
  }
  Client client(command->target);
  const auto code = Run(client, *command);
  if (code) return *code;
  std::cerr << "slipway: '" << Join(command->words, " ") << "' is no command\n\n" << kUsage;
  return 2;
}

}  // namespace
}  // namespace slipway::control

int main(int argc, char** argv) { return slipway::control::Main(argc, argv); }
