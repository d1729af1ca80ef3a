// SPDX-License-Identifier: Apache-2.0
//
// Rules: GET /rules, PUT|GET|DELETE /rules/{name}; and GET /explain, which says what a machine
// would get by them. A PUT replaces the whole rule; If-Match and ETag keep two operators from
// undoing each other.
#include <algorithm>
#include <array>
#include <mutex>

#include "control/rest/routes.h"
#include "control/rest/scope.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Holds from the look at If-Match to the change. What the change needs is loaded before.
std::mutex writing;

// As it stands; null where there is none. Nullopt, and a problem replied, where that cannot be
// read.
std::optional<nlohmann::json> Now(const std::string& name, httplib::Response& response,
                                  Core& core) {
  const auto rules = core.Rules();
  if (!rules.ok()) {
    ReplyProblem(response, rules.status());
    return std::nullopt;
  }
  const auto rule = std::ranges::find(*rules, name, &Rule::name);
  return rule == rules->end() ? nlohmann::json() : ToJson(*rule);
}

void ReplyRule(httplib::Response& response, const nlohmann::json& rule) {
  response.set_header("ETag", EntityTag(rule));
  Reply(response, rule);
}

void ShowRule(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string name = request.matches[1];
  const auto rule = Now(name, response, core);
  if (!rule) return;
  if (!rule->is_null()) return ReplyRule(response, *rule);
  ReplyProblem(response, 404, Text(name, ": no such rule; see 'slipway rule list'"));
}

void PutRule(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto body = BodyOf(request, response);
  if (!body) return;
  const auto rule = ParseRule(request.matches[1], *body);
  if (!rule.ok()) return ReplyProblem(response, rule.status());
  if (rule->image_set) core.LoadAhead(rule->image_set->ToString());
  const std::scoped_lock lock(writing);
  const auto before = Now(rule->name, response, core);
  if (!before || !MayChange(request, response, *before)) return;
  if (absl::Status status = core.PutRule(*rule, RequestActor(request)); !status.ok()) {
    return ReplyProblem(response, status);
  }
  ReplyRule(response, ToJson(*rule));
}

void RemoveRule(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string name = request.matches[1];
  const std::scoped_lock lock(writing);
  const auto before = Now(name, response, core);
  if (!before || !MayChange(request, response, *before)) return;
  const absl::Status status = core.RemoveRule(name, RequestActor(request));
  if (!status.ok()) return ReplyProblem(response, status);
  response.status = 204;
}

// The question from "?mac=...&arch=..."; nullopt, and a problem replied, where it cannot be read.
std::optional<Question> QuestionOf(const httplib::Request& request, httplib::Response& response) {
  Question question;
  const auto mac = MacAddress::Parse(request.get_param_value("mac"));
  if (!mac || !mac->is_station()) {
    ReplyProblem(response, 400, "mac: not a machine's MAC such as 52:54:00:12:34:56");
    return std::nullopt;
  }
  question.mac = *mac;
  struct Part {
    const char* name;
    std::string* text;
  };
  const std::array<Part, 7> parts = {{{"arch", &question.architecture},
                                      {"client", &question.client},
                                      {"network", &question.network},
                                      {"vendor_class", &question.vendor_class},
                                      {"circuit_id", &question.circuit},
                                      {"remote_id", &question.remote},
                                      {"dhcp_fingerprint", &question.dhcp_fingerprint}}};
  for (const auto& [name, value] : request.params) {
    if (name == "mac") continue;
    if (const auto part =
            std::ranges::find(parts, name, [](const Part& each) { return each.name; });
        part != parts.end()) {
      *part->text = value;
    } else if (name == "uuid" && Uuid::Parse(value)) {
      question.uuid = Uuid::Parse(value);
    } else if (name == "client_id" && ParseHex(value)) {
      question.client_identifier = *ParseHex(value);
    } else {
      ReplyProblem(response, 400,
                   Text(name, "=", value,
                        ": not understood; there are mac, uuid, client_id (hexadecimal), arch, "
                        "client, network, vendor_class, circuit_id, remote_id and "
                        "dhcp_fingerprint"));
      return std::nullopt;
    }
  }
  return question;
}

}  // namespace

void AddRules(Router& router, Core& core) {
  router.Get("/api/v1/rules",
             [&core](const httplib::Request& request, httplib::Response& response) {
               const auto rules = core.Rules();
               if (!rules.ok()) return ReplyProblem(response, rules.status());
               nlohmann::json list = nlohmann::json::array();
               for (const Rule& rule : *rules) list.push_back(ToJson(rule));
               ReplyPage(request, response, std::move(list), "name");
             });
  router.Get("/api/v1/rules/{rule+}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ShowRule(request, response, core);
             });
  router.Put("/api/v1/rules/{rule+}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               PutRule(request, response, core);
             });
  router.Delete("/api/v1/rules/{rule+}",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  RemoveRule(request, response, core);
                });
  router.Get("/api/v1/explain",
             [&core](const httplib::Request& request, httplib::Response& response) {
               const auto question = QuestionOf(request, response);
               if (!question) return;
               Machine named;
               named.mac = question->mac;
               named.uuid = question->uuid;
               if (!MayRead(request, response, core, named)) return;
               const auto explanation = core.ExplainMachine(*question);
               if (!explanation.ok()) return ReplyProblem(response, explanation.status());
               Reply(response, ToJson(*explanation));
             });
}

}  // namespace slipway::control
