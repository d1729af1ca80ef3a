// SPDX-License-Identifier: Apache-2.0
#include "control/cli/template.h"

#include <fstream>
#include <iostream>
#include <sstream>

#include "control/parse_json.h"
#include "control/text.h"

namespace slipway::control {
namespace {

int Misused(std::string_view what) {
  std::cerr << "slipway: " << what << '\n';
  return 2;
}

// As UTF-8; what is none would be changed on its way.
bool IsUtf8(const std::string& text) {
  const std::string dumped =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return ParseJson(dumped) == text;
}

// What the options change of a template; nullopt, and told, where the file cannot be read.
std::optional<nlohmann::json> Changes(const Command& command) {
  nlohmann::json changes = nlohmann::json::object();
  if (command.options.contains("when")) changes["selector"] = OptionOf(command, "when");
  if (command.options.contains("type")) changes["media_type"] = OptionOf(command, "type");
  const std::string file = OptionOf(command, "file");
  if (file.empty()) return changes;
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream && stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
  if (!stream) {
    std::cerr << "slipway: " << file << ": cannot be read; name the template's text\n";
    return std::nullopt;
  }
  if (!IsUtf8(text.str())) {
    std::cerr << "slipway: " << file << ": is no UTF-8; templates are texts\n";
    return std::nullopt;
  }
  changes["text"] = text.str();
  return changes;
}

std::string Tally(const nlohmann::json& one) {
  const std::string count = Cell(one, "documents");
  return Text(count, count == "1" ? " machine has it" : " machines have it");
}

int Set(Client& client, const Command& command) {
  const std::string& name = command.words[2];
  const auto changes = Changes(command);
  if (!changes) return 1;
  const Answer answer = client.Put("/api/v1/templates/" + name, *changes);
  if (!answer.good) return Fail(answer);
  const auto one = answer.json();
  return PrintDone(answer, command,
                   Text(name, ": ", Tally(one), ", as ", Cell(one, "media_type"),
                        "; anyone on the boot network can read it: no secrets"));
}

int Show(Client& client, const Command& command) {
  const Answer answer = client.Get("/api/v1/templates/" + command.words[2]);
  if (!answer.good || command.json) return PrintDone(answer, command, "");
  const auto one = answer.json();
  const std::string when = Cell(one, "selector");
  std::cout << Cell(one, "name") << ": " << Cell(one, "media_type") << ", for "
            << (when.empty() ? "every machine" : when) << "; " << Tally(one) << '\n';
  for (const auto& each : one["failing"]) {
    std::cout << "not for " << Cell(each, "machine") << ": " << Cell(each, "words") << '\n';
  }
  std::cout << '\n' << one.value("text", "");
  return 0;
}

int Preview(Client& client, const Command& command) {
  const std::string mac = OptionOf(command, "mac");
  const std::string key = mac.empty() ? OptionOf(command, "uuid") : mac;
  if (key.empty()) return Misused("say for which machine: --mac MAC or --uuid UUID");
  const auto changes = Changes(command);
  if (!changes) return 1;
  const std::string path = Text("/api/v1/templates/", command.words[2], "/preview?machine=", key);
  const Answer answer = changes->empty() ? client.Get(path) : client.Post(path, *changes);
  if (!answer.good) return Fail(answer);
  // The document as it is served, byte for byte.
  std::cout << (command.json ? answer.body : answer.json().value("text", ""));
  return 0;
}

}  // namespace

bool IsTemplateOption(std::string_view name) { return name == "file" || name == "type"; }

std::optional<int> RunTemplate(Client& client, const Command& command) {
  const auto& words = command.words;
  if (Is(command, "template", "list", 2)) {
    return PrintList(client.Get("/api/v1/templates"), command,
                     {{"NAME", "name"},
                      {"TYPE", "media_type"},
                      {"BYTES", "bytes"},
                      {"MACHINES", "documents"},
                      {"FAILING", "failures"},
                      {"WHEN", "selector"}});
  }
  if (Is(command, "template", "set", 3)) return Set(client, command);
  if (Is(command, "template", "show", 3)) return Show(client, command);
  if (Is(command, "template", "preview", 3)) return Preview(client, command);
  if (Is(command, "template", "rm", 3)) {
    return PrintDone(client.Delete("/api/v1/templates/" + words[2]), command,
                     Text(words[2], ": removed"));
  }
  return std::nullopt;
}

}  // namespace slipway::control
