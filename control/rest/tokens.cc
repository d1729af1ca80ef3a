// SPDX-License-Identifier: Apache-2.0
//
// Tokens: GET /tokens, PUT /tokens/{name} ({"role": ..., "scope": ..., "expires_in_seconds": ...};
// the answer is the only one with the text), DELETE /tokens/{name}. GET /whoami: who asks, with
// which role. A PUT gives a token that is there another text; with If-None-Match: * it makes new
// ones only.
#include <algorithm>
#include <ctime>
#include <mutex>
#include <optional>

#include "control/policy/access_scope.h"
#include "control/rest/actor_json.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::int64_t kLongest = 10LL * 366 * 86400;

// Null for a moment that never was or never comes.
nlohmann::json Moment(std::int64_t unix_seconds) {
  return unix_seconds == 0 ? nlohmann::json() : nlohmann::json(unix_seconds);
}

nlohmann::json ToJson(const TokenRecord& token) {
  return {{"name", token.name},
          {"role", NameOf(token.role)},
          {"scope", token.scope},
          {"created", token.created},
          {"expires", Moment(token.expires)},
          {"last_used", Moment(token.last_used)}};
}

void ListTokens(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto tokens = core.store().Tokens();
  if (!tokens.ok()) return ReplyProblem(response, tokens.status());
  nlohmann::json list = nlohmann::json::array();
  for (const TokenRecord& token : *tokens) list.push_back(ToJson(token));
  ReplyPage(request, response, std::move(list), "name");
}

// Holds from the look at If-None-Match to the change.
std::mutex writing;

// As it is listed; null where there is none. Nullopt, and a problem replied, where that cannot be
// read.
std::optional<nlohmann::json> Now(const std::string& name, httplib::Response& response,
                                  Core& core) {
  const auto tokens = core.store().Tokens();
  if (!tokens.ok()) {
    ReplyProblem(response, tokens.status());
    return std::nullopt;
  }
  const auto token = std::ranges::find(*tokens, name, &TokenRecord::name);
  return token == tokens->end() ? nlohmann::json() : ToJson(*token);
}

void MakeToken(const httplib::Request& request, httplib::Response& response, Core& core) {
  TokenRecord token{.name = request.matches[1], .created = std::time(nullptr)};
  if (!IsTokenName(token.name)) {
    return ReplyProblem(response, 400,
                        Text(token.name,
                             ": a token's name is 1 to 64 letters, digits, '.', '-' "
                             "and '_'"));
  }
  const auto body = BodyOf(request, response, {"role", "expires_in_seconds", "scope"});
  if (!body) return;
  const auto role = RoleOf(body->value("role", ""));
  if (!role) return ReplyProblem(response, 400, "role is not viewer, operator or admin");
  token.role = *role;
  const auto scope = ParseScope(body->value("scope", ""), *role);
  if (!scope.ok()) {
    const auto message = scope.status().message();
    return ReplyProblem(response, 400,
                        Text("scope: ", std::string_view(message.data(), message.size())));
  }
  token.scope = *scope;
  if (body->contains("expires_in_seconds")) {
    const auto seconds = body->value("expires_in_seconds", std::int64_t{0});
    if (seconds < 1 || seconds > kLongest) {
      return ReplyProblem(response, 400,
                          "expires_in_seconds is not between 1 and ten years; leave it out for a "
                          "token without an end");
    }
    token.expires = token.created + seconds;
  }
  const std::string text = MakeTokenText();
  if (text.empty()) return ReplyProblem(response, 503, "no randomness for a token; try again");
  token.sha256 = HashOf(text);
  const std::scoped_lock lock(writing);
  const auto before = Now(token.name, response, core);
  if (!before || !MayChange(request, response, *before)) return;
  if (absl::Status status = core.store().AddToken(token, RequestActor(request)); !status.ok()) {
    return ReplyProblem(response, status);
  }
  nlohmann::json answer = ToJson(token);
  answer["token"] = text;
  response.set_header("Cache-Control", "no-store");
  Reply(response, answer, 201);
}

void RemoveToken(const httplib::Request& request, httplib::Response& response, Core& core) {
  const std::string name = request.matches[1];
  if (name == kFirstToken) {
    return ReplyProblem(response, 409,
                        "the first token is the one in the state directory's file 'token'; to "
                        "change it, remove that file and start slipwayd again");
  }
  if (absl::Status status = core.store().RemoveToken(name, RequestActor(request)); !status.ok()) {
    return ReplyProblem(response, status);
  }
  response.status = 204;
}

}  // namespace

void AddTokens(Router& router, Core& core) {
  router.Get("/api/v1/whoami", [](const httplib::Request& request, httplib::Response& response) {
    Reply(response, ToJson(RequestActor(request)));
  });
  router.Get("/api/v1/tokens",
             [&core](const httplib::Request& request, httplib::Response& response) {
               ListTokens(request, response, core);
             });
  router.Put("/api/v1/tokens/{name}",
             [&core](const httplib::Request& request, httplib::Response& response) {
               MakeToken(request, response, core);
             });
  router.Delete("/api/v1/tokens/{name}",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  RemoveToken(request, response, core);
                });
}

}  // namespace slipway::control
