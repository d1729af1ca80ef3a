// SPDX-License-Identifier: Apache-2.0
#include "control/cli/why.h"

#include "control/cli/table.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// The text in lines; the first begins after what stands there already, the others with `indent`.
std::string Wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column + end > width && column > indent) {
      out.back() = '\n';  // instead of the blank before the word
      out.append(indent, ' ');
      column = indent;
    }
    out.append(text.substr(0, end));
    out += ' ';
    column += end + 1;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!out.empty()) out.back() = '\n';
  return out;
}

std::string_view Headline(const std::string& verdict) {
  if (verdict == "failed") return "did not boot";
  return verdict == "pending" ? "not yet" : "nothing is wrong";
}

}  // namespace

std::string WhyText(const nlohmann::json& why, std::size_t width) {
  constexpr std::size_t kIndent = 2;
  std::string out = Text(Cell(why, "mac"), ": ", Headline(Cell(why, "verdict")), "\n\n  ");
  const std::string certainty = Cell(why, "certainty");
  out += Wrapped(Text(certainty == "certain"  ? "It "
                      : certainty == "likely" ? "Probably it "
                                              : "Perhaps it ",
                      Cell(why, "sentence"), ".  [", Cell(why, "cause"), ']'),
                 kIndent, width);
  const auto evidence = why.value("evidence", nlohmann::json::array());
  std::string day;
  if (!evidence.empty()) out += '\n';
  for (const auto& each : evidence) {
    const auto at = each.find("at");
    const bool timed = at != each.end() && at->is_number();
    if (timed) {
      const std::string moment = Moment(static_cast<std::int64_t>(at->get<double>()));
      const std::string its_day = moment.substr(0, moment.find(' '));
      if (its_day != day) out += Text("  ", its_day, " (UTC)\n");
      day = its_day;
    }
    const std::string head = timed ? ClockTime(at->get<double>()) + "  " : "";
    out += "    " + head + Wrapped(Cell(each, "words"), 4 + head.size(), width);
  }
  if (why.value("tries_again", false)) out += "\n  It is trying again now.\n";
  if (Cell(why, "verdict") == "fine") return out;
  out += "\n  What to do:\n";
  for (const auto& line : why.value("remedy", nlohmann::json::array())) {
    out += "    - " + Wrapped(line.get<std::string>(), 6, width);
  }
  if (why.contains("boot") && why["boot"].is_number()) {
    out += Text("\n  Every step: slipway boot show ", Cell(why, "boot"), '\n');
  }
  return out;
}

}  // namespace slipway::control
