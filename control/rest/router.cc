// SPDX-License-Identifier: Apache-2.0
#include "control/rest/router.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "control/rest/authenticate.h"
#include "control/rest/bodies.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// What is of one machine, or lists machines: whether they are within the scope is for the handler,
// which reads them.
constexpr std::string_view kScoped[] = {"/api/v1/machines/{machine}",
                                        "/api/v1/machines/{mac}/capture", "/api/v1/captures",
                                        "/api/v1/captures/{capture}"};

// What all machines share may be read, and no more. The audit log, which needs an operator, tells
// of every machine and everybody.
bool IsBeyondScope(const Route& route, const Actor& actor) {
  return !actor.scope.empty() && *route.role != Role::kViewer &&
         std::ranges::find(kScoped, route.path) == std::end(kScoped);
}

bool MayPass(const Route& route, const httplib::Request& request, httplib::Response& response) {
  if (!route.role) return true;
  const Actor& actor = RequestActor(request);
  if (May(actor, *route.role) && IsBeyondScope(route, actor)) {
    ReplyFault(request, response, 403,
               Text(actor.name, " is for machines with ", actor.scope, " and nothing else; ",
                    route.method, ' ', route.path, " needs a token without a scope"));
    return false;
  }
  if (May(actor, *route.role)) return true;
  ReplyFault(request, response, 403,
             Text(actor.name, " is ", NameOf(actor.role), "; ", route.method, ' ', route.path,
                  " needs ", NameOf(*route.role), ": use a token of that role"));
  return false;
}

// The net under the handlers: no change without a record.
void NoteChange(const Route& route, const httplib::Request& request,
                const httplib::Response& response, Core& core) {
  const bool done = response.status < 300;  // -1 stands for 200
  const Actor& actor = RequestActor(request);
  if (route.effect != Effect::kChange || !done || actor.is_noted) return;
  core.Audit(actor, actor.request, nullptr, nullptr);
}

}  // namespace

const Route* Router::Take(std::string_view method, std::string_view path) {
  const Route* route = FindRoute(method, path);
  if (route == nullptr) {
    unknown_.push_back(Text(method, ' ', path));
  } else {
    taken_.insert(route);
  }
  return route;
}

Router::Handler Router::Guard(const Route& route, Handler handler) {
  return [&route, &core = core_, handler = std::move(handler)](const httplib::Request& request,
                                                               httplib::Response& response) {
    if (!MayPass(route, request, response)) return;
    handler(request, response);
    NoteChange(route, request, response, core);
  };
}

Router::ReaderHandler Router::Guard(const Route& route, ReaderHandler handler) {
  streamed_.emplace_back(route.method, PatternOf(route.path));
  return [&route, &core = core_, handler = std::move(handler)](
             const httplib::Request& request, httplib::Response& response,
             const httplib::ContentReader& reader) {
    if (!MayPass(route, request, response)) {
      return SettleBody(request, response);
    }
    handler(request, response, reader);
    NoteChange(route, request, response, core);
  };
}

void Router::Get(std::string_view path, Handler handler) {
  if (const Route* route = Take("GET", path)) {
    server_.Get(PatternOf(path), Guard(*route, std::move(handler)));
  }
}
void Router::Post(std::string_view path, Handler handler) {
  if (const Route* route = Take("POST", path)) {
    server_.Post(PatternOf(path), Guard(*route, std::move(handler)));
  }
}
void Router::Post(std::string_view path, ReaderHandler handler) {
  if (const Route* route = Take("POST", path)) {
    server_.Post(PatternOf(path), Guard(*route, std::move(handler)));
  }
}
void Router::Put(std::string_view path, Handler handler) {
  if (const Route* route = Take("PUT", path)) {
    server_.Put(PatternOf(path), Guard(*route, std::move(handler)));
  }
}
void Router::Put(std::string_view path, ReaderHandler handler) {
  if (const Route* route = Take("PUT", path)) {
    server_.Put(PatternOf(path), Guard(*route, std::move(handler)));
  }
}
void Router::Patch(std::string_view path, Handler handler) {
  if (const Route* route = Take("PATCH", path)) {
    server_.Patch(PatternOf(path), Guard(*route, std::move(handler)));
  }
}
void Router::Patch(std::string_view path, ReaderHandler handler) {
  if (const Route* route = Take("PATCH", path)) {
    server_.Patch(PatternOf(path), Guard(*route, std::move(handler)));
  }
}
void Router::Delete(std::string_view path, Handler handler) {
  if (const Route* route = Take("DELETE", path)) {
    server_.Delete(PatternOf(path), Guard(*route, std::move(handler)));
  }
}
void Router::Delete(std::string_view path, ReaderHandler handler) {
  if (const Route* route = Take("DELETE", path)) {
    server_.Delete(PatternOf(path), Guard(*route, std::move(handler)));
  }
}

absl::Status Router::Finish() const {
  std::vector<std::string> wrong;
  for (const std::string& route : unknown_) wrong.push_back(route + " is not in the route table");
  for (const Route& route : Routes()) {
    if (taken_.contains(&route)) continue;
    wrong.push_back(Text(route.method, ' ', route.path, " has no handler"));
  }
  return wrong.empty() ? absl::OkStatus() : absl::InternalError(Join(wrong, "; "));
}

}  // namespace slipway::control
