// SPDX-License-Identifier: Apache-2.0
#include "control/cli/usage_reader.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>

#include "control/text.h"

namespace slipway::control {
namespace {

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end != 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// Small letters and hyphens: what is typed as it stands. Capitals stand for something else.
bool IsWord(std::string_view text) {
  return !text.empty() && text.front() != '-' && std::ranges::all_of(text, [](unsigned char c) {
    return std::islower(c) != 0 || c == '-';
  });
}

// "--name" anywhere in the line.
void TakeOptions(std::string_view line, std::vector<std::string>& options) {
  for (std::size_t at = line.find("--"); at != line.npos; at = line.find("--", at)) {
    std::size_t end = at + 2;
    while (end < line.size() &&
           (std::islower(static_cast<unsigned char>(line[end])) != 0 || line[end] == '-')) {
      ++end;
    }
    std::string option(line.substr(at, end - at));
    at = end;
    if (option.size() > 2 && std::ranges::find(options, option) == options.end()) {
      options.push_back(std::move(option));
    }
  }
}

// What is told behind a gap of several blanks belongs to nobody's words.
UsageEntry CommandOf(std::string_view line) {
  const auto words = Split(line.substr(0, line.find("   ", 2)), ' ');
  UsageEntry entry{.noun = words.empty() ? "" : words[0], .verbs = {}, .options = {}};
  if (words.size() < 2) return entry;
  const auto verbs = Split(words[1], '|');
  if (std::ranges::all_of(verbs, IsWord)) entry.verbs = verbs;
  return entry;
}

// What a shell offers, in the text's order where that is not by name.
struct Offers {
  std::vector<std::string> nouns;
  std::map<std::string, std::vector<std::string>> verbs;
  std::map<std::string, std::set<std::string>> options;  // of "noun verb", or of a noun alone
};

Offers OffersOf(const UsageText& text) {
  Offers offers;
  auto& [nouns, verbs, options] = offers;
  for (const UsageEntry& entry : text.commands) {
    if (std::ranges::find(nouns, entry.noun) == nouns.end()) nouns.push_back(entry.noun);
    auto& known = verbs[entry.noun];
    for (const std::string& verb : entry.verbs) {
      if (std::ranges::find(known, verb) == known.end()) known.push_back(verb);
      options[Text(entry.noun, ' ', verb)].insert(entry.options.begin(), entry.options.end());
    }
    if (entry.verbs.empty()) options[entry.noun].insert(entry.options.begin(), entry.options.end());
  }
  return offers;
}

// Of case, in both shells: what was typed, and "top" with whatever follows it.
std::string Pattern(const std::string& command) {
  return command.find(' ') == command.npos ? Text('"', command, " \"*") : Text('"', command, '"');
}

// Of both: `each` is a word of the command, an option, or what the option before it takes.
constexpr std::string_view kSortWords =
    "    if [[ -n $skip ]]; then skip=; continue; fi\n"
    "    case $each in\n"
    "      --json|--follow|--once|--all|--images) ;;\n"
    "      --*) skip=1 ;;\n"
    "      *) given+=(\"$each\") ;;\n"
    "    esac\n"
    "  done\n";

std::string Quoted(const std::vector<std::string>& words) {
  return Text('"', Join(words, " "), '"');
}

// roff's own: a backslash, a hyphen that is typed, and a line that would be a request.
std::string Roff(std::string_view line) {
  std::string text;
  for (const char c : line) {
    if (c == '\\') {
      text += "\\e";
    } else if (c == '-') {
      text += "\\-";
    } else {
      text += c;
    }
  }
  return text.starts_with('.') || text.starts_with('\'') ? "\\&" + text : text;
}

}  // namespace

UsageText ReadUsage(std::string_view usage) {
  UsageText text;
  bool commands = true;
  for (const std::string& line : Split(usage, '\n')) {
    if (line.starts_with("Options")) commands = false;
    if (!commands) {
      TakeOptions(line, text.options);
    } else if (line.starts_with("  ") && line.size() > 2 && line[2] != ' ') {
      text.commands.push_back(CommandOf(line));
    }
    if (commands && line.starts_with("  ") && !text.commands.empty()) {
      TakeOptions(line, text.commands.back().options);
    }
  }
  return text;
}

std::string BashCompletion(std::string_view usage) {
  const UsageText text = ReadUsage(usage);
  const auto [nouns, verbs, options] = OffersOf(text);
  std::string script =
      "# bash completion of slipway(1).\n"
      "_slipway() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} given=() each skip=\n"
      "  for each in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n" +
      std::string(kSortWords) +
      "  local words=\n"
      "  if [[ -n $skip ]]; then COMPREPLY=($(compgen -f -- \"$word\")); return; fi\n"
      "  if [[ $word == -* ]]; then\n"
      "    words=" +
      Quoted(text.options) +
      "\n"
      "    case \"${given[0]} ${given[1]}\" in\n";
  for (const auto& [command, its] : options) {
    if (its.empty()) continue;
    const std::vector<std::string> list(its.begin(), its.end());
    script += Text("      ", Pattern(command), ") words+=\" ", Join(list, " "), "\" ;;\n");
  }
  script += Text("    esac\n  elif ((${#given[@]} == 0)); then\n    words=", Quoted(nouns),
                 "\n  elif ((${#given[@]} == 1)); then\n    case ${given[0]} in\n");
  for (const auto& [noun, its] : verbs) {
    if (!its.empty()) script += Text("      ", noun, ") words=", Quoted(its), " ;;\n");
  }
  script +=
      "    esac\n"
      "  fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "}\n"
      "complete -o default -F _slipway slipway\n";
  return script;
}

// zsh's own: `words` and CURRENT are what was typed, and arrays begin with 1.
std::string ZshCompletion(std::string_view usage) {
  const UsageText text = ReadUsage(usage);
  const auto [nouns, verbs, options] = OffersOf(text);
  std::string script = Text(
      "#compdef slipway\n"
      "# zsh completion of slipway(1).\n"
      "_slipway() {\n"
      "  local -a given offered\n"
      "  local each skip=\n"
      "  for each in \"${(@)words[2,CURRENT-1]}\"; do\n",
      kSortWords,
      "  if [[ -n $skip ]]; then _files; return; fi\n"
      "  if [[ ${words[CURRENT]} == -* ]]; then\n"
      "    offered=(",
      Join(text.options, " "), ")\n    case \"${given[1]} ${given[2]}\" in\n");
  for (const auto& [command, its] : options) {
    if (its.empty()) continue;
    const std::vector<std::string> list(its.begin(), its.end());
    script += Text("      ", Pattern(command), ") offered+=(", Join(list, " "), ") ;;\n");
  }
  script += Text("    esac\n  elif (( ${#given} == 0 )); then\n    offered=(", Join(nouns, " "),
                 ")\n  elif (( ${#given} == 1 )); then\n    case ${given[1]} in\n");
  for (const auto& [noun, its] : verbs) {
    if (!its.empty()) script += Text("      ", noun, ") offered=(", Join(its, " "), ") ;;\n");
  }
  // As a file of $fpath it is the function's body, and runs when it is first wanted.
  script +=
      "    esac\n"
      "  fi\n"
      "  if (( ${#offered} )); then compadd -- \"${offered[@]}\"; else _files; fi\n"
      "}\n"
      "if [[ ${funcstack[1]} == _slipway ]]; then _slipway \"$@\"; else compdef _slipway slipway; "
      "fi\n";
  return script;
}

std::string ManualPage(std::string_view usage) {
  std::string page =
      ".TH SLIPWAY 1 \"\" \"Slipway\" \"User Commands\"\n"
      ".SH NAME\nslipway \\- manage a Slipway network\\-boot appliance\n"
      ".SH SYNOPSIS\n.B slipway\n[\\fIOPTIONS\\fR] \\fINOUN\\fR \\fIVERB\\fR "
      "[\\fIARGUMENTS\\fR]\n"
      ".SH DESCRIPTION\nA client of the appliance's REST interface. Tables by default, JSON for "
      "programs with \\fB\\-\\-json\\fR.\n.SH COMMANDS\n.nf\n";
  bool first = true;
  for (const std::string& line : Split(usage, '\n')) {
    if (std::exchange(first, false)) continue;  // the synopsis
    if (line.starts_with("Options")) page += ".fi\n.SH OPTIONS\n.nf\n";
    page += Roff(line) + "\n";
  }
  page +=
      ".fi\n.SH EXIT STATUS\n0 done; 1 refused or failed, and the error says what to do; 2 the "
      "command line was not understood.\n"
      ".SH FILES\n.TP\n.I /var/lib/slipway\nthe state directory: \\fItoken\\fR, \\fIca.pem\\fR and "
      "\\fImanagement\\fR, which says where the interface listens.\n.TP\n"
      ".I ~/.config/slipway/contexts/NAME\nthe same of another appliance, by its name.\n"
      ".SH SEE ALSO\nThe appliance's docs/operating.md, and docs/api.md for the interface "
      "itself.\n";
  return page;
}

}  // namespace slipway::control
