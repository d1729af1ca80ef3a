// SPDX-License-Identifier: Apache-2.0
#include "control/cli/command.h"

#include <iostream>

namespace slipway::control {

bool Is(const Command& command, std::string_view noun, std::string_view verb, std::size_t count) {
  return command.words.size() == count && command.words[0] == noun && command.words[1] == verb;
}

std::string OptionOf(const Command& command, const std::string& name) {
  const auto found = command.options.find(name);
  return found == command.options.end() ? std::string() : found->second;
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
