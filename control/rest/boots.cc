// SPDX-License-Identifier: Apache-2.0
//
// Boots: GET /boots (summaries, oldest first; ?mac= for one machine), GET /boots/{MAC} (the last
// one with its steps), GET /boots/{id}. Boots of before the last start come from the store.
#include <charconv>
#include <map>

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

}  // namespace

void AddBoots(httplib::Server& server, Core& core) {
  server.Get("/api/v1/boots",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ListBoots(request, response, core);
             });
  server.Get(R"(/api/v1/boots/([^/]+))",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ShowBoot(request, response, core);
             });
}

}  // namespace slipway::control
