// SPDX-License-Identifier: Apache-2.0
//
// Templates: GET /templates, PUT|GET|DELETE /templates/{name}, and GET|POST
// .../preview?machine=KEY: the document that a machine gets, or would get by what the body changes.
// A PUT changes what its body mentions and makes the template if there is none; If-Match and ETag
// keep two operators from undoing each other.
#include <algorithm>
#include <mutex>

#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kFailuresShown = 20;

// Holds from the look at If-Match to the change.
std::mutex writing;

nlohmann::json Shown(const Template& one, const Documents& documents, bool whole) {
  const Documents::Count count = documents.CountOf(one.name);
  nlohmann::json json = {{"name", one.name},
                         {"selector", one.selector.ToString()},
                         {"media_type", one.media_type},
                         {"bytes", one.text.size()},
                         {"documents", count.documents},
                         {"failures", count.failures}};
  if (!whole) return json;
  json["text"] = one.text;
  json["failing"] = nlohmann::json::array();
  for (const DocumentFailure& each : documents.FailuresOf(one.name, kFailuresShown)) {
    json["failing"].push_back({{"machine", each.machine}, {"words", each.words}});
  }
  return json;
}

void ReplyTemplate(httplib::Response& response, const Template& one, Core& core) {
  response.set_header("ETag", EntityTag(ToJson(one)));
  Reply(response, Shown(one, *core.documents(), true));
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
             .item = [&](std::size_t i) { return Shown((*templates)[i], *documents, false); }});
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
  ReplyTemplate(response, *found, core);
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
  ReplyTemplate(response, *changed, core);
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
