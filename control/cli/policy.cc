// SPDX-License-Identifier: Apache-2.0
#include "control/cli/policy.h"

#include <algorithm>
#include <iostream>

#include "control/cli/table.h"
#include "control/text.h"

namespace slipway::control {

bool IsAmong(std::span<const BodyOption> options, std::string_view name) {
  return std::ranges::find(options, name, &BodyOption::name) != options.end();
}

nlohmann::json Given(const Command& command, std::span<const BodyOption> options) {
  nlohmann::json body = nlohmann::json::object();
  for (const BodyOption& option : options) {
    const auto value = command.options.find(std::string(option.name));
    if (value != command.options.end()) body[option.member] = value->second;
  }
  return body;
}

std::map<std::string, std::string> Asked(const Command& command,
                                         std::span<const BodyOption> options) {
  std::map<std::string, std::string> query;
  const nlohmann::json given = Given(command, options);
  for (const auto& [name, value] : given.items()) query[name] = value.get<std::string>();
  return query;
}

int Misused(std::string_view what) {
  std::cerr << "slipway: " << what << '\n';
  return 2;
}

bool IsUnread(const Answer& before) { return !before.good && before.status != 404; }

std::string FirmwareWords(const nlohmann::json& firmware) {
  std::string words = Cell(firmware, "client");
  const char* between = ": ";
  for (const char* part : {"dhcp", "tcp", "tls"}) {
    const std::string text = Cell(firmware, part);
    if (text.empty()) continue;
    words += Text(between, part, ' ', text);
    between = ", ";
  }
  if (const std::string like = Cell(firmware, "like"); !like.empty()) {
    words += Text(" (like ", like, ')');
  }
  const std::string since = Cell(firmware, Column{.title = {}, .key = "since", .moment = true});
  return since.empty() ? words : Text(words, ", since ", since);
}

std::string Listed(const nlohmann::json& texts) {
  std::string line;
  for (const auto& [key, value] : texts.items()) {
    line += Text(line.empty() ? "" : ",", key, "=", value.get<std::string>());
  }
  return line;
}

int ChangeTexts(const Command& command, nlohmann::json& texts) {
  for (std::size_t i = 3; i < command.words.size(); ++i) {
    const std::string& word = command.words[i];
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos) {
      texts[word.substr(0, equals)] = word.substr(equals + 1);
    } else if (word.ends_with('-')) {
      texts.erase(word.substr(0, word.size() - 1));
    } else {
      return Misused(Text(word, ": neither KEY=VALUE nor KEY-, which removes it"));
    }
  }
  return 0;
}

}  // namespace slipway::control
