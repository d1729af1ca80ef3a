// SPDX-License-Identifier: Apache-2.0
#include "control/rest/authenticate.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "control/rest/routes.h"
#include "control/rest/tls_server.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Routes are regular expressions, which recurse for each character.
constexpr std::size_t kPathMax = 1024;

thread_local Actor request_actor;

bool ShowsSecret(const httplib::Request& request) { return request.has_header("Authorization"); }

// Routes that need no role are open; they have no variables in their paths but the last segment.
bool IsOpen(const httplib::Request& request) {
  return std::ranges::any_of(Routes(), [&](const Route& route) {
    if (route.role) return false;
    const std::size_t fixed = std::min(route.path.find('{'), route.path.size());
    return fixed == route.path.size() ? request.path == route.path
                                      : request.path.starts_with(route.path.substr(0, fixed));
  });
}

// The secret of the Authorization header; empty where it has none in a scheme of ours.
std::string SecretOf(const httplib::Request& request) {
  constexpr std::string_view kBearer = "Bearer ";
  constexpr std::string_view kBasic = "Basic ";
  const std::string header = request.get_header_value("Authorization");
  if (header.starts_with(kBearer)) return header.substr(kBearer.size());
  std::string pair;
  if (!header.starts_with(kBasic) || !absl::Base64Unescape(header.substr(kBasic.size()), &pair)) {
    return "";
  }
  const std::size_t colon = pair.find(':');
  return colon == pair.npos ? "" : pair.substr(colon + 1);
}

Actor ActorOf(const httplib::Request& request, std::string name, Role role) {
  return {.name = std::move(name),
          .role = role,
          .address = request.remote_addr,
          .request = Text(request.method, ' ', request.path)};
}

absl::StatusOr<Actor> ByToken(const httplib::Request& request, Core& core) {
  const auto tokens = core.store().Tokens();
  if (!tokens.ok()) return tokens.status();
  const std::int64_t now = std::time(nullptr);
  const auto found = FindToken(*tokens, SecretOf(request), now);
  if (const auto* fault = std::get_if<TokenFault>(&found)) {
    return absl::UnauthenticatedError(
        *fault == TokenFault::kExpired
            ? "the token has expired; ask an admin for another: slipway token create NAME"
            : "no valid token; send 'Authorization: Bearer ' and one that 'slipway token create' "
              "gave, or that in the state directory's file 'token'");
  }
  const TokenRecord& token = *std::get<const TokenRecord*>(found);
  if (now - token.last_used >= kUseGranularity) {
    // Whether it can be noted or not, the token is valid.
    static_cast<void>(core.store().TouchToken(token.name, now));
  }
  return ActorOf(request, "token " + token.name, token.role);
}

absl::StatusOr<Actor> ByCertificate(const httplib::Request& request, Core& core) {
  const auto names = ClientNames(request.ssl);
  if (names.empty()) {
    return absl::UnauthenticatedError(
        "no valid token; send 'Authorization: Bearer ' and one that 'slipway token create' gave, "
        "or come with a certificate of management.client_ca");
  }
  for (const ManagementClient& client : core.config().management_clients) {
    if (std::ranges::find(names, client.name) == names.end()) continue;
    return ActorOf(request, "certificate " + client.name,
                   RoleOf(client.role).value_or(Role::kViewer));
  }
  return absl::UnauthenticatedError(
      Text("the certificate of ", names.front(),
           " has no role here; write a [[management.client]] for it, or send a token"));
}

void Refuse(const httplib::Request& request, httplib::Response& response,
            const absl::Status& status) {
  // Registry clients ask for the scheme before they send a password.
  const bool registry = IsOfTheRegistry(request.path);
  response.set_header("WWW-Authenticate",
                      registry ? "Basic realm=\"slipway\"" : "Bearer realm=\"slipway\"");
  if (registry) {
    const auto message = status.message();
    return ReplyRegistryError(response, 401, "UNAUTHORIZED", {message.data(), message.size()});
  }
  ReplyProblem(response, status);
}

}  // namespace

absl::StatusOr<Actor> Authenticate(const httplib::Request& request, Core& core) {
  return ShowsSecret(request) ? ByToken(request, core) : ByCertificate(request, core);
}

bool Admit(const httplib::Request& request, httplib::Response& response, Core& core) {
  request_actor = {.address = request.remote_addr,
                   .request = Text(request.method, ' ', request.path)};
  if (request.path.size() > kPathMax) {
    ReplyProblem(response, 414, "no path here is as long");
    return false;
  }
  if (IsOpen(request)) return true;
  const std::string& address = request.remote_addr;
  const auto now = std::chrono::steady_clock::now();
  if (const auto left = core.throttle().LockedFor(address, now); left && ShowsSecret(request)) {
    response.set_header("Retry-After", std::to_string(left->count()));
    ReplyProblem(response, 429,
                 Text("too many wrong tokens from ", address, "; try again in ", left->count(),
                      " seconds, and look for a script with an old one"));
    return false;
  }
  auto actor = Authenticate(request, core);
  if (actor.ok()) {
    if (ShowsSecret(request)) core.throttle().Succeed(address);
    request_actor = *std::move(actor);
    return true;
  }
  const bool wrong = actor.status().code() == absl::StatusCode::kUnauthenticated;
  if (wrong && ShowsSecret(request) && core.throttle().Fail(address, now)) {
    std::cerr << "slipwayd: " << address << " showed too many wrong tokens; locked out for "
              << core.throttle().LockedFor(address, now)->count() << " s\n";
  }
  if (wrong) {
    Refuse(request, response, actor.status());
  } else {
    ReplyProblem(response, actor.status());
  }
  return false;
}

const Actor& RequestActor(const httplib::Request&) { return request_actor; }

}  // namespace slipway::control
