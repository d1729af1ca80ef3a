// SPDX-License-Identifier: Apache-2.0
#include "control/rest/authenticate.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "control/log.h"
#include "control/rest/routes.h"
#include "control/rest/tls_server.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Routes are regular expressions, which recurse for each character.
constexpr std::size_t kPathMax = 1024;

thread_local Actor request_actor;

bool ShowsSecret(const httplib::Request& request) { return request.has_header("Authorization"); }
bool ShowsBearer(const httplib::Request& request) {
  return request.get_header_value("Authorization").starts_with("Bearer ");
}

// Routes that need no role are open; they have no variables in their paths but the last segment.
// Another method there is as closed as everywhere: httplib would take in its body.
bool IsOpen(const httplib::Request& request) {
  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  return std::ranges::any_of(Routes(), [&](const Route& route) {
    if (route.role || route.method != method) return false;
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

Actor ActorOf(const httplib::Request& request, std::string name, Role role,
              std::string scope = "") {
  return {.name = std::move(name),
          .role = role,
          .scope = std::move(scope),
          .address = request.remote_addr,
          .request = Text(request.method, ' ', request.path)};
}

void NoteUse(const TokenRecord& token, std::int64_t now, Core& core) {
  if (now - token.last_used < kUseGranularity) return;
  // Whether it can be noted or not, the token is valid.
  static_cast<void>(core.store().TouchToken(token.name, now));
}

absl::StatusOr<Actor> ByToken(const httplib::Request& request, Core& core) {
  const auto token = TokenOf(request, core);
  if (!token.ok()) return token.status();
  NoteUse(*token, std::time(nullptr), core);
  return ActorOf(request, "token " + token->name, token->role, token->scope);
}

void NoteLockout(Actor locked_out, std::int64_t seconds, Core& core) {
  LogWarning(
      Text(locked_out.address, " showed too many wrong tokens; locked out for ", seconds, " s"),
      {{"client", locked_out.address}, {"seconds", seconds}});
  const std::string what = "lockout of " + locked_out.address;
  locked_out.name = DaemonActor().name;  // whose decision it is
  core.Audit(locked_out, what, nullptr, {{"seconds", seconds}});
}

// The token of the session is looked for each time: it may be gone, expired, or another's now.
absl::StatusOr<Actor> BySession(const httplib::Request& request, Core& core) {
  const std::int64_t now = std::time(nullptr);
  const auto hash = core.sessions().Find(SessionTextOf(request), now);
  const auto tokens = core.store().Tokens();
  if (!tokens.ok()) return tokens.status();
  const auto token = std::ranges::find_if(*tokens, [&](const TokenRecord& each) {
    return hash && each.sha256 == *hash && (each.expires == 0 || each.expires > now);
  });
  if (token == tokens->end()) {
    return absl::UnauthenticatedError("the session is over; sign in again with your token");
  }
  NoteUse(*token, now, core);
  return ActorOf(request, "token " + token->name, token->role, token->scope);
}

bool ShowsSession(const httplib::Request& request) { return !SessionTextOf(request).empty(); }

// What browsers add to what they send says where it was begun (RFC 6454, Fetch Metadata). A client
// that is no browser sends neither header, and no cookie.
bool IsFromElsewhere(const httplib::Request& request) {
  if (request.method == "GET" || request.method == "HEAD") return false;
  if (!request.has_header("Origin")) return ShowsSession(request);
  return request.get_header_value("Origin") != "https://" + request.get_header_value("Host");
}

}  // namespace

std::string SessionTextOf(const httplib::Request& request) {
  const std::string cookies = request.get_header_value("Cookie");
  std::string_view rest = cookies;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t name = pair.find_first_not_of(' ');
    if (name == pair.npos || !pair.substr(name).starts_with(kSessionCookie)) continue;
    const std::string_view value = pair.substr(name + kSessionCookie.size());
    if (value.starts_with('=')) return std::string(value.substr(1));
  }
  return "";
}

absl::StatusOr<TokenRecord> TokenOf(const httplib::Request& request, Core& core) {
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
  return *std::get<const TokenRecord*>(found);
}

namespace {

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
                   RoleOf(client.role).value_or(Role::kViewer), client.scope);
  }
  return absl::UnauthenticatedError(
      Text("the certificate of ", names.front(),
           " has no role here; write a [[management.client]] for it, or send a token"));
}

// False, and 429 replied, where `who` has made too many requests. What follows on the connection is
// answered as ever.
bool IsWithinLimit(const std::string& who, const httplib::Request& request,
                   httplib::Response& response, Core& core) {
  const Time now(std::chrono::steady_clock::now().time_since_epoch());
  if (core.request_limit().Take(who, now)) return true;
  const std::string detail =
      Text("more than ", core.config().management_requests_per_second, " requests a second of ",
           who, "; ask less often, or raise management.requests_per_second");
  response.set_header("Retry-After", "1");
  ReplyFault(request, response, 429, detail);
  return false;
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
  if (ShowsSecret(request)) return ByToken(request, core);
  return ShowsSession(request) ? BySession(request, core) : ByCertificate(request, core);
}

bool Admit(const httplib::Request& request, httplib::Response& response, Core& core) {
  request_actor = {.address = request.remote_addr,
                   .request = Text(request.method, ' ', request.path)};
  if (request.path.size() > kPathMax) {
    ReplyFault(request, response, 414, "no path here is as long");
    return false;
  }
  const std::string& address = request.remote_addr;
  if (IsOpen(request)) return IsWithinLimit(address, request, response, core);
  const auto now = std::chrono::steady_clock::now();
  if (const auto left = core.throttle().LockedFor(address, now); left && ShowsSecret(request)) {
    response.set_header("Retry-After", std::to_string(left->count()));
    ReplyFault(request, response, 429,
               Text("too many wrong tokens from ", address, "; try again in ", left->count(),
                    " seconds, and look for a script with an old one"));
    return false;
  }
  auto actor = Authenticate(request, core);
  // A browser that was once asked for Basic adds it unasked, as it does cookies.
  if (actor.ok() && !ShowsBearer(request) && IsFromElsewhere(request)) {
    ReplyFault(request, response, 403,
               "this was not sent by Slipway's own page, so what the browser added to it does "
               "not count; a program shows its token itself: 'Authorization: Bearer '");
    return false;
  }
  if (actor.ok()) {
    if (ShowsSecret(request)) core.throttle().Succeed(address);
    if (!IsWithinLimit(actor->name, request, response, core)) return false;
    request_actor = *std::move(actor);
    return true;
  }
  const bool wrong = actor.status().code() == absl::StatusCode::kUnauthenticated;
  if (wrong && ShowsSecret(request) && core.throttle().Fail(address, now)) {
    NoteLockout(request_actor, core.throttle().LockedFor(address, now)->count(), core);
  }
  if (wrong) {
    if (IsWithinLimit(address, request, response, core)) {
      Refuse(request, response, actor.status());
    }
  } else {
    ReplyProblem(response, actor.status());
  }
  return false;
}

const Actor& RequestActor(const httplib::Request&) { return request_actor; }

}  // namespace slipway::control
