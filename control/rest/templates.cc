// SPDX-License-Identifier: Apache-2.0
//
// Templates: GET /templates, PUT|GET|DELETE /templates/{name}, and GET|POST
// .../preview?machine=KEY: the document that a machine gets, or would get by what the body changes.
// A PUT changes what its body mentions and makes the template if there is none; If-Match and ETag
// keep two operators from undoing each other.
#include <algorithm>
#include <limits>
#include <mutex>

#include "control/rest/routes.h"
#include "control/rest/scope.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kFailuresShown = 20;

// Holds from the look at If-Match to the change.
std::mutex writing;

bool IsIn(const MachineScope& scope, const std::string& key) {
  Machine machine;
  if (scope.is_all() || !NameMachine(key, machine)) return scope.is_all();
  return machine.mac ? scope.TakesIn(*machine.mac) : scope.TakesIn(*machine.uuid);
}

// Without the texts, and those that it fails: those are of `scope`, null where it is not asked for.
nlohmann::json Shown(const Template& one, const Documents& documents, const MachineScope* scope) {
  const Documents::Count count = documents.CountOf(one.name);
  nlohmann::json json = {{"name", one.name},
                         {"selector", one.selector.ToString()},
                         {"media_type", one.media_type},
                         {"bytes", one.text.size()},
                         {"documents", count.documents},
                         {"failures", count.failures}};
  if (scope == nullptr) return json;
  json["text"] = one.text;
  json["failing"] = nlohmann::json::array();
  // Those that the reader may not see take nobody's place.
  const std::size_t most =
      scope->is_all() ? kFailuresShown : std::numeric_limits<std::size_t>::max();
  for (const DocumentFailure& each : documents.FailuresOf(one.name, most)) {
    if (!IsIn(*scope, each.machine)) continue;
    json["failing"].push_back({{"machine", each.machine}, {"words", each.words}});
    if (json["failing"].size() == kFailuresShown) break;
  }
  return json;
}

void ReplyTemplate(const httplib::Request& request, httplib::Response& response,
                   const Template& one, Core& core) {
  const auto scope = MachineScope::Of(RequestActor(request), core);
  if (!scope.ok()) return ReplyProblem(response, scope.status());
  response.set_header("ETag", EntityTag(ToJson(one)));
  Reply(response, Shown(one, *core.documents(), &*scope));
}

// As it stands; null where there is none. Nullopt, and a problem replied, where that cannot be
// read.
std::optional<nlohmann::json> Now(const std::string& name, httplib::Response& response,
                                  Core& core) {
  const auto templates = core.Templates();
  if (!templates.ok()) {
    ReplyProblem(response, templates.status());
    return std::nullopt;
  }
  const auto found = std::ranges::find(*templates, name, &Template::name);
  return found == templates->end() ? nlohmann::json() : ToJson(*found);
}

void List(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto templates = core.Templates();
  if (!templates.ok()) return ReplyProblem(response, templates.status());
  const auto documents = core.documents();
  ReplyPage(request, response,
            {.size = templates->size(),
             .key = [&](std::size_t i) { return (*templates)[i].name; },
             .item = [&](std::size_t i) { return Shown((*templates)[i], *documents, nullptr); }});
}

void Show(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string name = request.matches[1];
  const auto templates = core.Templates();
  if (!templates.ok()) return ReplyProblem(response, templates.status());
  const auto found = std::ranges::find(*templates, name, &Template::name);
  if (found == templates->end()) {
    return ReplyProblem(response, 404,
                        Text(name, ": no such template; see 'slipway template list'"));
  }
  ReplyTemplate(request, response, *found, core);
}

void Put(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string name = request.matches[1];
  const auto body = BodyOf(request, response);
  if (!body) return;
  const std::scoped_lock lock(writing);
  const auto before = Now(name, response, core);
  if (!before || !MayChange(request, response, *before)) return;
  if (before->is_null() && !body->contains("text")) {
    return ReplyProblem(response, 400, "text: missing; a new template has one");
  }
  const auto changed = core.ChangeTemplate(name, *body, RequestActor(request));
  if (!changed.ok()) return ReplyProblem(response, changed.status());
  ReplyTemplate(request, response, *changed, core);
}

void Remove(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string name = request.matches[1];
  const std::scoped_lock lock(writing);
  const auto before = Now(name, response, core);
  if (!before || !MayChange(request, response, *before)) return;
  const absl::Status status = core.RemoveTemplate(name, RequestActor(request));
  if (!status.ok()) return ReplyProblem(response, status);
  response.status = 204;
}

void Preview(const httplib::Request& request, httplib::Response& response, Core& core,
             const nlohmann::json& changes) {
  Machine machine;
  const std::string key = request.get_param_value("machine");
  if (!NameMachine(key, machine)) {
    return ReplyProblem(response, 400, Text("machine=", key, ": ", kBadMachineName));
  }
  if (!MayRead(request, response, core, machine)) return;
  const auto preview = core.PreviewTemplate(request.matches[1], changes, machine);
  if (!preview.ok()) return ReplyProblem(response, preview.status());
  Reply(response, {{"name", preview->source.name},
                   {"machine", key},
                   {"path", preview->path},
                   {"media_type", preview->source.media_type},
                   {"digest", preview->digest},
                   {"text", preview->text}});
}

}  // namespace

void AddTemplates(Router& router, Core& core) {
  const auto bound = [&core](auto handler) {
    return Router::Handler(
        [&core, handler](const httplib::Request& request, httplib::Response& response) {
          handler(request, response, core);
        });
  };
  router.Get("/api/v1/templates", bound(List));
  router.Get("/api/v1/templates/{template}", bound(Show));
  router.Put("/api/v1/templates/{template}", bound(Put));
  router.Delete("/api/v1/templates/{template}", bound(Remove));
  router.Get("/api/v1/templates/{template}/preview",
             [&core](const httplib::Request& request, httplib::Response& response) {
               Preview(request, response, core, nlohmann::json::object());
             });
  router.Post(
      "/api/v1/templates/{template}/preview",
      Router::Handler([&core](const httplib::Request& request, httplib::Response& response) {
        const auto body = BodyOf(request, response);
        if (body) Preview(request, response, core, *body);
      }));
}

}  // namespace slipway::control
