// SPDX-License-Identifier: Apache-2.0
#include "control/cli/command.h"

#include <charconv>
#include <ctime>
#include <iostream>

#include "control/text.h"

namespace slipway::control {

bool Is(const Command& command, std::string_view noun, std::string_view verb, std::size_t count) {
  return command.words.size() == count && command.words[0] == noun && command.words[1] == verb;
}

std::string OptionOf(const Command& command, const std::string& name) {
  const auto found = command.options.find(name);
  return found == command.options.end() ? std::string() : found->second;
}

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

std::optional<std::string> SinceOf(const std::string& when) {
  if (const auto ago = SecondsOf(when)) return std::to_string(std::time(nullptr) - *ago);
  if (!when.empty() && when.find_first_not_of("0123456789") == std::string::npos) return when;
  std::cerr << "slipway: --since " << when << ": write 2h, 7d or Unix seconds\n";
  return std::nullopt;
}

int Fail(const Answer& answer) {
  std::cerr << "slipway: " << answer.error << '\n';
  return 1;
}

int PrintList(const Answer& answer, const Command& command, const std::vector<Column>& columns) {
  if (!answer.good) return Fail(answer);
  std::cout << (command.json ? answer.body : Table(answer.json(), columns));
  return 0;
}

int PrintDone(const Answer& answer, const Command& command, std::string_view words) {
  if (!answer.good) return Fail(answer);
  if (command.json) {
    std::cout << answer.body;
  } else {
    std::cout << words << '\n';
  }
  return 0;
}

}  // namespace slipway::control
