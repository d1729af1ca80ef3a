// SPDX-License-Identifier: Apache-2.0
#include "control/cli/webhook.h"

#include <fstream>
#include <iostream>
#include <sstream>

#include "control/text.h"

namespace slipway::control {
namespace {

int Add(Client& client, const Command& command) {
  const auto& words = command.words;
  nlohmann::json body = {{"url", words[3]}};
  std::istringstream kinds(OptionOf(command, "kind"));
  for (std::string kind; std::getline(kinds, kind, ',');) body["kinds"].push_back(kind);
  if (const std::string mac = OptionOf(command, "mac"); !mac.empty()) body["mac"] = mac;
  if (const std::string file = OptionOf(command, "receiver-ca"); !file.empty()) {
    const std::ifstream stream(file);
    std::ostringstream pem;
    pem << stream.rdbuf();
    if (!stream || pem.str().empty()) {
      std::cerr << "slipway: " << file << ": cannot be read; name the receiver's CA certificate\n";
      return 1;
    }
    body["ca"] = pem.str();
  }
  const Answer answer = client.Put("/api/v1/webhooks/" + words[2], body);
  if (!answer.good) return Fail(answer);
  const auto made = answer.json();
  return PrintDone(answer, command,
                   Text(Cell(made, "name"), ": is told of ", Cell(made, "kinds"),
                        "\nsecret (shown once; the receiver verifies signatures by it): ",
                        Cell(made, "secret"), "\nTry it: slipway webhook test ", words[2]));
}

// Exit code 1 where it did not arrive.
int Test(Client& client, const Command& command) {
  const std::string& name = command.words[2];
  const Answer answer = client.Post(Text("/api/v1/webhooks/", name, "/test"));
  if (!answer.good) return Fail(answer);
  const auto attempt = answer.json();
  const bool delivered = attempt.value("delivered", false);
  if (command.json) {
    std::cout << answer.body;
  } else if (delivered) {
    std::cout << name << ": delivered, answered " << Cell(attempt, "status") << '\n';
  } else {
    std::cerr << "slipway: " << name << ": not delivered: " << Cell(attempt, "error")
              << "; look at the receiver, its URL and --receiver-ca\n";
  }
  return delivered ? 0 : 1;
}

}  // namespace

bool IsWebhookOption(std::string_view name) { return name == "receiver-ca"; }

std::optional<int> RunWebhook(Client& client, const Command& command) {
  const auto& words = command.words;
  if (words[0] != "webhook") return std::nullopt;
  if (Is(command, "webhook", "list", 2)) {
    return PrintList(client.Get("/api/v1/webhooks"), command,
                     {{"NAME", "name"},
                      {"URL", "url"},
                      {"KINDS", "kinds"},
                      {"DELIVERED", "delivered"},
                      {"WAITING", "waiting"},
                      {"FAILURES", "failures"},
                      {"GIVEN UP", "given_up"}});
  }
  if (Is(command, "webhook", "add", 4)) return Add(client, command);
  if (Is(command, "webhook", "test", 3)) return Test(client, command);
  if (Is(command, "webhook", "rm", 3) || Is(command, "webhook", "remove", 3)) {
    return PrintDone(client.Delete("/api/v1/webhooks/" + words[2]), command,
                     Text(words[2], ": removed; it is told of nothing more"));
  }
  return std::nullopt;
}

}  // namespace slipway::control
