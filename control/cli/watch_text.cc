// SPDX-License-Identifier: Apache-2.0
#include "control/cli/watch_text.h"

#include "control/cli/table.h"
#include "control/parse_json.h"
#include "control/text.h"

namespace slipway::control {
namespace {

std::string BootWords(const nlohmann::json& boot) {
  const std::string outcome = Cell(boot, "outcome");
  const std::string words = Cell(boot, "words");
  const std::string cause = Cell(boot, "cause");
  if (outcome == "under way") return Text("boots: ", words.empty() ? "begins" : words);
  const bool named = outcome != "complete" && !cause.empty();
  return Text(outcome, " after ", Cell(boot, "seconds"), " s: ", words,
              named ? Text("  [", cause, ']') : "");
}

// Who or what it is about, and what happened.
std::pair<std::string, std::string> WordsOf(const ServerEvent& event, const nlohmann::json& data) {
  if (event.type == "step") return {Cell(data, "mac"), Cell(data, "words")};
  if (event.type == "boot") return {Cell(data, "mac"), BootWords(data)};
  if (event.type == "link") {
    return {Text("port ", Cell(data, "port")),
            data.value("up", false) ? "link is up" : "link is down"};
  }
  if (event.type == "change") return {"", Text(Cell(data, "what"), ": was changed")};
  if (event.type == "held") {
    const std::string untold = Cell(data, "untold");
    return {Cell(data, "mac"),
            Text("waits to be approved, held by rule ", Cell(data, "rule"),
                 untold == "0" ? "" : Text("; ", untold, " more began to: slipway machine held"))};
  }
  if (event.type == "audit") {
    const std::string address = Cell(data, "address");
    return {"", Text(Cell(data, "who"), address.empty() ? "" : " from ", address, ": ",
                     Cell(data, "what"))};
  }
  return {"", Text(event.type, ": ", event.data)};
}

}  // namespace

std::string WatchLine(const ServerEvent& event) {
  const auto data = ParseJson(event.data);
  if (!data.is_object()) return Text(event.type, ": ", event.data);
  if (event.type == "gap") {
    const std::string lost = Cell(data, "lost");
    return lost.empty() ? "--- slipwayd started anew: what happened meanwhile is not known ---"
                        : Text("--- ", lost, " events were missed ---");
  }
  // A boot's document has its begin and how long it has taken.
  double at = 0;
  for (const char* part : {"at", "began", "seconds"}) {
    const auto found = data.find(part);
    if (found != data.end() && found->is_number()) at += found->get<double>();
  }
  auto [who, words] = WordsOf(event, data);
  constexpr std::size_t kMacSize = 17;
  who.resize(std::max(who.size(), kMacSize), ' ');
  return Text(ClockTime(at), "  ", who, "  ", words);
}

std::string WatchJson(const ServerEvent& event) {
  const auto data = ParseJson(event.data);
  return nlohmann::json({{"id", event.id}, {"event", event.type}, {"data", data}}).dump();
}

}  // namespace slipway::control
