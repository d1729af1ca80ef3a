// SPDX-License-Identifier: Apache-2.0
//
// What the usage text says, for shells and for `man`: the text is written once, by hand, and
// neither completion nor the manual can fall behind it.
//
// The text's form: commands stand behind two blanks, "  noun verb|verb ARGUMENTS   what it does";
// lines that begin deeper go on with the command above; "Options" ends them, and each "--name"
// behind that is an option of every command.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::control {

struct UsageEntry {
  std::string noun;
  std::vector<std::string> verbs;    // empty: the noun alone is the command
  std::vector<std::string> options;  // "--name"
};

struct UsageText {
  std::vector<UsageEntry> commands;  // in the text's order
  std::vector<std::string> options;  // of every command
};

UsageText ReadUsage(std::string_view usage);
// For `source <(slipway completion bash)`.
std::string BashCompletion(std::string_view usage);
// For `source <(slipway completion zsh)` behind compinit, or as the file _slipway of $fpath.
std::string ZshCompletion(std::string_view usage);
// slipway(1), as roff.
std::string ManualPage(std::string_view usage);

}  // namespace slipway::control
