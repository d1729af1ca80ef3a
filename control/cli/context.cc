// SPDX-License-Identifier: Apache-2.0
#include "control/cli/context.h"

#include <iostream>
#include <string>

#include "control/cli/contexts.h"
#include "control/text.h"

namespace slipway::control {
namespace {

int Done(const absl::Status& status, const std::string& words) {
  if (!status.ok()) {
    std::cerr << "slipway: " << status.message() << '\n';
    return absl::IsInvalidArgument(status) ? 2 : 1;
  }
  std::cout << words << '\n';
  return 0;
}

int ListContexts(const Contexts& contexts, const Command& command) {
  nlohmann::json list = nlohmann::json::array();
  for (const Contexts::Entry& each : contexts.List()) {
    list.push_back({{"name", each.name},
                    {"server", each.server},
                    {"current", each.current},
                    {"mark", each.current ? "*" : ""}});
  }
  Answer answer;
  answer.good = true;
  if (command.json) {
    for (auto& each : list) each.erase("mark");
  }
  answer.body = list.dump() + "\n";
  return PrintList(answer, command, {{"", "mark"}, {"NAME", "name"}, {"SERVER", "server"}});
}

int SetContext(const Contexts& contexts, const Command& command) {
  const std::string& name = command.words[2];
  ContextSettings settings{.server = command.target.server,
                           .token = command.target.token,
                           .ca = command.ca,
                           .certificate = command.target.certificate,
                           .key = command.target.key};
  if (settings.token == "-" &&
      (!std::getline(std::cin, settings.token) || settings.token.empty())) {
    return Done(absl::InvalidArgumentError("--token -: the input has no line; give it the token"),
                "");
  }
  // The first one is what was meant, without another word.
  const bool first = contexts.List().empty();
  absl::Status status = contexts.Set(name, settings);
  if (status.ok() && first) status = contexts.Use(name);
  return Done(status, Text("context ", name, first ? ": written, and in use" : ": written"));
}

int UseContext(const Contexts& contexts, const std::string& name) {
  if (name != "-") return Done(contexts.Use(name), Text("context ", name, ": in use"));
  contexts.UseNone();
  return Done(absl::OkStatus(), "no context in use");
}

}  // namespace

std::optional<int> RunContext(const Command& command) {
  const auto& words = command.words;
  const bool list = Is(command, "context", "list", 2);
  const bool set = Is(command, "context", "set", 3);
  const bool use = Is(command, "context", "use", 3);
  if (!list && !set && !use && !Is(command, "context", "rm", 3)) return std::nullopt;
  const auto contexts = Contexts::OfUser();
  if (!contexts.ok()) return Done(contexts.status(), "");
  if (list) return ListContexts(*contexts, command);
  if (set) return SetContext(*contexts, command);
  if (use) return UseContext(*contexts, words[2]);
  return Done(contexts->Remove(words[2]), Text("context ", words[2], ": removed"));
}

}  // namespace slipway::control
