// SPDX-License-Identifier: Apache-2.0
//
// Boots: GET /boots (summaries, oldest first; ?mac= for one machine), GET /boots/{MAC} (the last
// one with its steps), GET /boots/{id}. Boots of before the last start come from the store.
// GET /queue: machines that wait for their turn.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <vector>

#include "control/boots/boot_json.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Every boot by id, with steps.
absl::StatusOr<std::map<std::int64_t, nlohmann::json>> AllBoots(Core& core) {
  std::map<std::int64_t, nlohmann::json> boots;
  const auto stored = core.store().Boots();
  if (!stored.ok()) return stored.status();
  for (const BootRecord& record : *stored) {
    boots[record.id] = nlohmann::json::parse(record.document, nullptr, false);
  }
  for (const Boot& boot : core.timelines().All()) {
    boots[boot.id] = ToJson(boot, BootDetail::kSteps);
  }
  return boots;
}

void ListBoots(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto mac = MacAddress::Parse(request.get_param_value("mac"));
  if (request.has_param("mac") && !mac) {
    return ReplyProblem(response, 400, "mac is not a MAC such as 52:54:00:12:34:56");
  }
  auto boots = AllBoots(core);
  if (!boots.ok()) return ReplyProblem(response, boots.status());
  nlohmann::json list = nlohmann::json::array();
  for (auto& [id, boot] : *boots) {
    if (mac && boot.value("mac", "") != mac->ToString()) continue;
    boot.erase("steps");
    list.push_back(std::move(boot));
  }
  Reply(response, list);
}

void ShowBoot(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string key = request.matches[1];
  auto boots = AllBoots(core);
  if (!boots.ok()) return ReplyProblem(response, boots.status());
  if (const auto mac = MacAddress::Parse(key)) {
    for (auto boot = boots->rbegin(); boot != boots->rend(); ++boot) {
      if (boot->second.value("mac", "") == mac->ToString()) return Reply(response, boot->second);
    }
  } else {
    std::int64_t id = 0;
    std::from_chars(key.data(), key.data() + key.size(), id);
    if (const auto boot = boots->find(id); boot != boots->end()) {
      return Reply(response, boot->second);
    }
  }
  ReplyProblem(response, 404,
               Text(key,
                    ": no boot of it was seen; see 'slipway boot list', and "
                    "'slipway drops' for frames that were not answered"));
}

// When the machine of a boot came to where it waits; nullptr when it does not wait.
const BootStep* WaitingStep(const Boot& boot) {
  const BootStep* waiting = nullptr;
  for (const BootStep& step : boot.steps) {
    using enum dataplane::EventKind;
    if (step.kind == kAdmissionWaits) waiting = &step;
    if (step.kind == kAdmissionTurn || step.kind == kTlsDone || step.kind == kHttpRequest) {
      waiting = nullptr;
    }
  }
  return boot.outcome == BootOutcome::kUnderWay ? waiting : nullptr;
}

// Machines that wait for their turn, the next one first: as they were told, less what has passed.
void ListQueue(httplib::Response& response, Core& core) {
  struct Waiting {
    Boot boot;
    BootStep step;
    std::int64_t turn = 0;  // expected, Unix nanoseconds
  };
  std::vector<Waiting> waiting;
  for (Boot& boot : core.timelines().All()) {
    const BootStep* step = WaitingStep(boot);
    if (step == nullptr) continue;
    const std::int64_t turn =
        step->unix_nanoseconds + std::max<std::int64_t>(0, step->extra) * 1'000'000;
    waiting.push_back({std::move(boot), *step, turn});
  }
  std::ranges::stable_sort(waiting, {}, &Waiting::turn);
  const std::int64_t now =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  nlohmann::json list = nlohmann::json::array();
  for (const Waiting& each : waiting) {
    nlohmann::json entry = {{"position", list.size() + 1},
                            {"mac", each.boot.mac.ToString()},
                            {"address", each.boot.address.ToString()},
                            {"where", each.step.text},
                            {"waited_seconds", (now - each.step.unix_nanoseconds) / 1'000'000'000},
                            {"expected_seconds", nullptr}};
    if (each.step.extra >= 0) {
      entry["expected_seconds"] = std::max<std::int64_t>(0, (each.turn - now) / 1'000'000'000);
    }
    list.push_back(std::move(entry));
  }
  Reply(response, list);
}

}  // namespace

void AddBoots(Router& router, Core& core) {
  router.Get("/api/v1/queue", [&core](const httplib::Request&, httplib::Response& response) {
    ListQueue(response, core);
  });
  router.Get("/api/v1/boots",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ListBoots(request, response, core);
             });
  router.Get("/api/v1/boots/{boot}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ShowBoot(request, response, core);
             });
}

}  // namespace slipway::control
