// SPDX-License-Identifier: Apache-2.0
#include "control/cli/parse_command.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
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

absl::StatusOr<std::filesystem::path> StateDirectory(const Command& command) {
  if (!command.state.empty() && !command.context.empty()) {
    return absl::InvalidArgumentError(
        "--state and --context both say where token and CA are; give one of them");
  }
  if (!command.state.empty()) return std::filesystem::path(command.state);
  std::string name = command.context;
  if (name.empty()) {
    if (const std::string state = Environment("SLIPWAY_STATE"); !state.empty()) {
      return std::filesystem::path(state);
    }
    name = Environment("SLIPWAY_CONTEXT");
  }
  auto contexts = Contexts::OfUser();
  if (!contexts.ok()) {  // as a service has neither home nor contexts
    if (!name.empty()) return contexts.status();
    return std::filesystem::path(kStateDirectory);
  }
  if (name.empty()) name = contexts->Current();
  if (name.empty()) return std::filesystem::path(kStateDirectory);
  return contexts->FolderOf(name);
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
  return command;
}

absl::Status FindTarget(Command& command) {
  const auto state = StateDirectory(command);
  if (!state.ok()) return state.status();
  Target& target = command.target;
  // An appliance by name is that one, whatever the environment says of another.
  if (command.context.empty()) {
    FromEnvironment(target.server, "SLIPWAY_SERVER");
    FromEnvironment(command.ca, "SLIPWAY_CA");
    if (target.token.empty() && target.certificate.empty()) {
      FromEnvironment(target.token, "SLIPWAY_TOKEN");
      FromEnvironment(target.certificate, "SLIPWAY_CERT");
    }
    FromEnvironment(target.key, "SLIPWAY_KEY");
  }
  target.ca = command.ca.empty() ? *state / "ca.pem" : std::filesystem::path(command.ca);
  if (target.server.empty()) std::ifstream(*state / "management") >> target.server;
  if (target.server.empty()) target.server = "127.0.0.1:8443";
  if (!target.token.empty() || !target.certificate.empty()) return absl::OkStatus();
  if (std::filesystem::exists(*state / "cert.pem")) {
    target.certificate = *state / "cert.pem";
    target.key = *state / "key.pem";
  } else {
    std::ifstream(*state / "token") >> target.token;
  }
  return absl::OkStatus();
}

}  // namespace slipway::control
