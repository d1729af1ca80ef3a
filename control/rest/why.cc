// SPDX-License-Identifier: Apache-2.0
//
// GET /machines/{MAC}/why: the diagnosis of the machine's last boots; GET /causes: the table.
#include "control/rest/routes.h"
#include "control/rest/scope.h"
#include "control/serve/boots_of.h"
#include "control/serve/surroundings.h"
#include "control/text.h"

namespace slipway::control {
namespace {

nlohmann::json Lines(std::string_view text) {
  nlohmann::json lines = nlohmann::json::array();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFine:
      return "fine";
    case Verdict::kPending:
      return "pending";
    case Verdict::kFailed:
      break;
  }
  return "failed";
}

void ReplyWhy(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string key = request.matches[1];
  const auto mac = MacAddress::Parse(key);
  if (!mac || !mac->is_station()) {
    return ReplyProblem(
        response, 400, Text(key, ": not a MAC such as 52:54:00:12:34:56; see 'slipway boot list'"));
  }
  if (!MayRead(request, response, core, *mac)) return;
  const auto known = BootsOf(core, *mac);
  if (!known.ok()) return ReplyProblem(response, known.status());
  const std::vector<Boot>& boots = *known;
  const Surroundings around = SurroundingsOf(core, *mac, boots);
  Diagnosis diagnosis = Diagnose(boots, around);
  // A remark: a program that ends for want of memory may be a complete boot to the wire.
  if (diagnosis.boot != 0) {
    for (const std::string& need : around.unmet_needs) {
      diagnosis.evidence.push_back({0, Text("what it boots ", need)});
    }
  }
  const Cause& cause = Describe(diagnosis.cause);
  nlohmann::json evidence = nlohmann::json::array();
  for (const Evidence& each : diagnosis.evidence) {
    nlohmann::json at;  // null: not an event
    if (each.unix_nanoseconds != 0) at = static_cast<double>(each.unix_nanoseconds) / 1e9;
    evidence.push_back({{"at", at}, {"words", each.words}});
  }
  nlohmann::json outcomes = nlohmann::json::object();
  for (const Boot& boot : boots) {
    const std::string outcome(Name(boot.outcome));
    outcomes[outcome] = outcomes.value(outcome, 0) + 1;
  }
  Reply(response,
        {{"mac", mac->ToString()},
         {"cause", cause.id},
         {"verdict", Name(cause.verdict)},
         {"certainty", Name(diagnosis.certainty)},
         {"sentence", diagnosis.Sentence()},
         {"detail", diagnosis.detail},
         {"evidence", evidence},
         {"remedy", Lines(cause.remedy)},
         {"boot", diagnosis.boot == 0 ? nlohmann::json() : nlohmann::json(diagnosis.boot)},
         {"tries_again", diagnosis.tries_again},
         {"outcomes", outcomes}});
}

}  // namespace

void AddWhy(Router& router, Core& core) {
  router.Get("/api/v1/machines/{machine}/why",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ReplyWhy(request, response, core);
             });
  router.Get("/api/v1/causes", [](const httplib::Request& request, httplib::Response& response) {
    nlohmann::json list = nlohmann::json::array();
    for (const Cause& cause : Causes()) {
      list.push_back({{"id", cause.id},
                      {"verdict", Name(cause.verdict)},
                      {"sentence", cause.sentence},
                      {"seen", cause.seen},
                      {"remedy", Lines(cause.remedy)}});
    }
    ReplyPage(request, response, std::move(list), "id");
  });
}

}  // namespace slipway::control
