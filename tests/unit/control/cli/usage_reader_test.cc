// SPDX-License-Identifier: Apache-2.0
#include "control/cli/usage_reader.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/cli/usage.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kSmall = R"(Usage: tool [OPTIONS] NOUN VERB

  status                            how it is
  top [--once]                      live
  machine list
  machine set MAC NAME|-            what it boots
                                    [--name TEXT]
  machine approve|rm MAC

Options (and more):
  --state DIR      a folder      --json
)";

TEST(UsageReaderTest, NounsVerbsAndTheirOptions) {
  const UsageText text = ReadUsage(kSmall);
  ASSERT_EQ(text.commands.size(), 5U);
  EXPECT_EQ(text.commands[0].noun, "status");
  EXPECT_TRUE(text.commands[0].verbs.empty());
  EXPECT_THAT(text.commands[1].options, ElementsAre("--once"));
  EXPECT_THAT(text.commands[3].verbs, ElementsAre("set"));
  EXPECT_THAT(text.commands[3].options, ElementsAre("--name"));
  EXPECT_THAT(text.commands[4].verbs, ElementsAre("approve", "rm"));
  EXPECT_THAT(text.options, ElementsAre("--state", "--json"));
}

// What bash would offer, asked of bash.
std::string Offered(const std::string& words, int at) {
  const std::string file = testing::TempDir() + "slipway_completion.bash";
  std::ofstream(file) << BashCompletion(kUsage);
  const std::string command =
      Text("bash -c 'set -u; given=; source ", file, "; COMP_WORDS=(slipway ", words,
           "); COMP_CWORD=", at, "; set +u; _slipway; echo \"${COMPREPLY[@]}\"'");
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  EXPECT_EQ(::pclose(pipe), 0) << command;
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

TEST(UsageReaderTest, BashOffersWhatTheUsageSays) {
  EXPECT_EQ(Offered("ne", 1), "network");
  EXPECT_THAT(Offered("\"\"", 1), HasSubstr("image secure-boot machine"));
  EXPECT_EQ(Offered("network re", 2), "reserve");
  EXPECT_EQ(Offered("machine a", 2), "approve");
  EXPECT_EQ(Offered("network set lab --lease", 4), "--lease-time");
  EXPECT_EQ(Offered("top --on", 2), "--once");
  // An option's value is no word of the command.
  EXPECT_EQ(Offered("--state /tmp --json rollout pro", 5), "promote");
  EXPECT_EQ(Offered("status \"\"", 2), "");
}

TEST(UsageReaderTest, ZshIsGivenTheSameInItsOwnWords) {
  EXPECT_EQ(ZshCompletion(kSmall), R"zsh(#compdef slipway
# zsh completion of slipway(1).
_slipway() {
  local -a given offered
  local each skip=
  for each in "${(@)words[2,CURRENT-1]}"; do
    if [[ -n $skip ]]; then skip=; continue; fi
    case $each in
      --json|--follow|--once|--all|--images) ;;
      --*) skip=1 ;;
      *) given+=("$each") ;;
    esac
  done
  if [[ -n $skip ]]; then _files; return; fi
  if [[ ${words[CURRENT]} == -* ]]; then
    offered=(--state --json)
    case "${given[1]} ${given[2]}" in
      "machine set") offered+=(--name) ;;
      "top "*) offered+=(--once) ;;
    esac
  elif (( ${#given} == 0 )); then
    offered=(status top machine)
  elif (( ${#given} == 1 )); then
    case ${given[1]} in
      machine) offered=(list set approve rm) ;;
    esac
  fi
  if (( ${#offered} )); then compadd -- "${offered[@]}"; else _files; fi
}
if [[ ${funcstack[1]} == _slipway ]]; then _slipway "$@"; else compdef _slipway slipway; fi
)zsh");
}

// What zsh would offer, asked of zsh, where it is installed.
TEST(UsageReaderTest, ZshOffersWhatTheUsageSays) {
  if (std::system("command -v zsh >/dev/null 2>&1") != 0) GTEST_SKIP() << "zsh is not installed";
  const std::string file = testing::TempDir() + "slipway_completion.zsh";
  std::ofstream(file) << ZshCompletion(kUsage);
  const auto offered = [&](const std::string& words, int current) {
    const std::string command = Text(
        "zsh -f -c 'compdef() { : }; _files() { print files };"
        " compadd() { shift; print -r -- ${(M)@:#${words[CURRENT]}*} }; source ",
        file, "; words=(slipway ", words, "); CURRENT=", current, "; _slipway'");
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    std::string text;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
    EXPECT_EQ(::pclose(pipe), 0) << command;
    while (text.ends_with('\n')) text.pop_back();
    return text;
  };
  EXPECT_EQ(offered("ne", 2), "network");
  EXPECT_EQ(offered("network re", 3), "reserve");
  EXPECT_EQ(offered("network set lab --lease", 5), "--lease-time");
  EXPECT_EQ(offered("top --on", 3), "--once");
  EXPECT_EQ(offered("--state /tmp --json rollout pro", 6), "promote");
  EXPECT_EQ(offered("image import \"\"", 4), "files");
  EXPECT_EQ(offered("--ca \"\"", 3), "files");
}

TEST(UsageReaderTest, TheManualIsWhatTheUsageSays) {
  const std::filesystem::path file = std::filesystem::path(SLIPWAY_SOURCE_ROOT) / "docs/slipway.1";
  const std::string page = ManualPage(kUsage);
  if (std::getenv("SLIPWAY_WRITE_EXAMPLE") != nullptr) std::ofstream(file) << page;
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  EXPECT_TRUE(text.str() == page)
      << "docs/slipway.1 is behind the usage text; SLIPWAY_WRITE_EXAMPLE=1 writes it anew";
}

}  // namespace
}  // namespace slipway::control
