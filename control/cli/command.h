// SPDX-License-Identifier: Apache-2.0
//
// What was asked on the command line, and how every command answers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/cli/client.h"
#include "control/cli/table.h"

namespace slipway::control {

struct Command {
  std::vector<std::string> words;
  Target target;
  std::map<std::string, std::string> options;  // without the "--"
  std::string state;  // of --state, --context and --ca alone: FindTarget() looks at the rest
  std::string context;
  std::string ca;
  std::string since;
  std::string head;
  std::string role;
  std::string expires;
  bool all = false;
  bool json = false;
  bool follow = false;
  bool once = false;
  bool images = false;
};

bool Is(const Command& command, std::string_view noun, std::string_view verb, std::size_t count);

// Of Command::options; empty where it was not given.
std::string OptionOf(const Command& command, const std::string& name);

// "90s", "15m", "2h", "7d"; nullopt where it is none.
std::optional<std::int64_t> SecondsOf(std::string_view text);
// "2h", "7d": so long ago; or Unix seconds, which it gives. Nullopt, and told, where it is neither.
std::optional<std::string> SinceOf(const std::string& when);

// Each gives the exit code: 0, or 1 and the error told.
int Fail(const Answer& answer);
int PrintList(const Answer& answer, const Command& command, const std::vector<Column>& columns);
// `words`, or the answer itself for --json.
int PrintDone(const Answer& answer, const Command& command, std::string_view words);

}  // namespace slipway::control
