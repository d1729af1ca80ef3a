// SPDX-License-Identifier: Apache-2.0
#include "control/cli/parse_command.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "control/cli/access.h"
#include "control/cli/boot.h"
#include "control/cli/capture.h"
#include "control/cli/contexts.h"
#include "control/cli/import.h"
#include "control/cli/machine.h"
#include "control/cli/network.h"
#include "control/cli/pull.h"
#include "control/cli/rollout.h"
#include "control/cli/rule.h"
#include "control/cli/template.h"
#include "control/cli/watch.h"
#include "control/cli/webhook.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr const char* kStateDirectory = "/var/lib/slipway";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void FromEnvironment(std::string& value, const char* name) {
  if (value.empty()) value = Environment(name);
}

// Null: not a flag.
bool* FlagOf(Command& command, std::string_view word) {
  return word == "--json"     ? &command.json
         : word == "--follow" ? &command.follow
         : word == "--once"   ? &command.once
         : word == "--all"    ? &command.all
         : word == "--images" ? &command.images
                              : nullptr;
}

bool IsOptionOfACommand(std::string_view name) {
  constexpr bool (*kAre[])(std::string_view) = {IsAccessOption,   IsBootOption,    IsCaptureOption,
                                                IsImportOption,   IsMachineOption, IsNetworkOption,
                                                IsPullOption,     IsRolloutOption, IsRuleOption,
                                                IsTemplateOption, IsWatchOption,   IsWebhookOption};
  return std::ranges::any_of(kAre, [&](const auto is_one) { return is_one(name); });
}

// Null: not an option.
std::string* ValueOf(Command& command, std::string_view word) {
  if (word == "-w") return &command.options["write"];
  std::string* const value = word == "--state"     ? &command.state
                             : word == "--context" ? &command.context
                             : word == "--server"  ? &command.target.server
                             : word == "--token"   ? &command.target.token
                             : word == "--ca"      ? &command.ca
                             : word == "--since"   ? &command.since
                             : word == "--head"    ? &command.head
                             : word == "--role"    ? &command.role
                             : word == "--expires" ? &command.expires
                             : word == "--cert"    ? &command.target.certificate
                             : word == "--key"     ? &command.target.key
                                                   : nullptr;
  if (value != nullptr || !IsOptionOfACommand(word.substr(2))) return value;
  return &command.options[std::string(word.substr(2))];
}

// Options that narrow what is shown, given to a command that would do without: it would then mean
// more than was said. Empty: there is none.
std::string Misplaced(const Command& command) {
  const std::string noun = command.words.empty() ? "" : command.words[0];
  const bool is_list = command.words.size() >= 2 && command.words[1] == "list";
  constexpr struct {
    const char* option;
    std::string_view nouns;
  } kOfLists[] = {{"selector", "machine boot lease"},
                  {"search", "machine"},
                  {"outcome", "boot"},
                  {"cause", "boot"}};
  for (const auto& each : kOfLists) {
    if (!command.options.contains(each.option)) continue;
    if (is_list && each.nouns.find(noun) != each.nouns.npos) continue;
    return Text("--", each.option, ": is of lists (", each.nouns,
                "); whom a rule, a rollout or a template means is --when, and a token --scope");
  }
  return "";
}

// Which state directory, and whether it is a named appliance's: then nothing of the environment is
// of another.
struct Found {
  std::filesystem::path folder;
  bool is_context = false;
};

absl::StatusOr<Found> ContextNamed(const Contexts& contexts, const std::string& name) {
  auto folder = contexts.FolderOf(name);
  if (!folder.ok()) return folder.status();
  return Found{.folder = *std::move(folder), .is_context = true};
}

absl::StatusOr<Found> StateDirectory(const Command& command) {
  if (!command.state.empty() && !command.context.empty()) {
    return absl::InvalidArgumentError(
        "--state and --context both say where token and CA are; give one of them");
  }
  if (!command.state.empty()) return Found{.folder = command.state};
  std::string name = command.context;
  if (name.empty()) {
    if (const std::string state = Environment("SLIPWAY_STATE"); !state.empty()) {
      return Found{.folder = state};
    }
    name = Environment("SLIPWAY_CONTEXT");
  }
  auto contexts = Contexts::OfUser();
  if (!contexts.ok()) {  // as a service has neither home nor contexts
    if (!name.empty()) return contexts.status();
    return Found{.folder = kStateDirectory};
  }
  if (!name.empty()) return ContextNamed(*contexts, name);
  // Where the environment says which appliance is meant, it is not the one in use.
  name = Environment("SLIPWAY_SERVER").empty() ? contexts->Current() : "";
  if (name.empty()) return Found{.folder = kStateDirectory};
  auto found = ContextNamed(*contexts, name);
  if (found.ok()) return found;
  return absl::NotFoundError(Text(std::string(found.status().message()),
                                  "; it is the one in use, and 'slipway context use -' ends that"));
}

// The last error says why, where it cannot be looked into.
absl::StatusOr<bool> IsThere(const std::filesystem::path& file) {
  std::error_code error;
  const bool is_there = std::filesystem::exists(file, error);
  if (!error) return is_there;
  return absl::PermissionDeniedError(
      Text(file.parent_path().string(), ": ", error.message(),
           "; be who may read it (sudo), or say --context NAME, or --token and --ca"));
}

}  // namespace

std::optional<Command> ParseCommand(int argc, char** argv, std::string& wrong) {
  Command command;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--") && word != "-w") {
      command.words.emplace_back(word);
      continue;
    }
    if (bool* const flag = FlagOf(command, word)) {
      *flag = true;
      continue;
    }
    std::string* const value = ValueOf(command, word);
    if (value == nullptr || i + 1 == argc) {
      wrong = Text(word, value == nullptr ? ": unknown option" : ": its value is missing");
      return std::nullopt;
    }
    *value = argv[++i];
  }
  wrong = Misplaced(command);
  if (!wrong.empty()) return std::nullopt;
  return command;
}

absl::Status FindTarget(Command& command) {
  const auto found = StateDirectory(command);
  if (!found.ok()) return found.status();
  const std::filesystem::path& state = found->folder;
  Target& target = command.target;
  // An appliance by name is that one, whatever the environment says of another.
  if (!found->is_context) {
    FromEnvironment(target.server, "SLIPWAY_SERVER");
    FromEnvironment(command.ca, "SLIPWAY_CA");
    if (target.token.empty() && target.certificate.empty()) {
      FromEnvironment(target.token, "SLIPWAY_TOKEN");
      FromEnvironment(target.certificate, "SLIPWAY_CERT");
    }
    FromEnvironment(target.key, "SLIPWAY_KEY");
  }
  target.ca = command.ca.empty() ? state / "ca.pem" : std::filesystem::path(command.ca);
  if (target.server.empty()) std::ifstream(state / "management") >> target.server;
  if (target.server.empty()) target.server = "127.0.0.1:8443";
  if (!target.token.empty() || !target.certificate.empty()) return absl::OkStatus();
  const auto has_certificate = IsThere(state / "cert.pem");
  if (!has_certificate.ok()) return has_certificate.status();
  if (*has_certificate) {
    target.certificate = state / "cert.pem";
    target.key = state / "key.pem";
  } else {
    std::ifstream(state / "token") >> target.token;
  }
  return absl::OkStatus();
}

}  // namespace slipway::control
