// SPDX-License-Identifier: Apache-2.0
#include "control/rest/authenticate.h"

#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

thread_local Actor request_actor;

bool IsOpen(const httplib::Request& request) { return request.path == "/api/v1/health"; }

// The secret of the Authorization header; nullopt where there is none in a scheme of ours.
std::optional<std::string> SecretOf(const httplib::Request& request) {
  constexpr std::string_view kBearer = "Bearer ";
  constexpr std::string_view kBasic = "Basic ";
  const std::string header = request.get_header_value("Authorization");
  if (header.starts_with(kBearer)) return header.substr(kBearer.size());
  if (!header.starts_with(kBasic)) return std::nullopt;
  std::string pair;
  if (!absl::Base64Unescape(header.substr(kBasic.size()), &pair)) return std::nullopt;
  const std::size_t colon = pair.find(':');
  if (colon == pair.npos) return std::nullopt;
  return pair.substr(colon + 1);
}

}  // namespace

absl::StatusOr<Actor> Authenticate(const httplib::Request& request, Core& core) {
  const auto secret = SecretOf(request);
  const auto hash = core.store().TokenHash();
  if (!hash.ok()) return hash.status();
  if (!secret || !hash->has_value() || !SameSecret(HashOf(*secret), **hash)) {
    return absl::UnauthenticatedError(
        "no valid token; send 'Authorization: Bearer ' and the token in the state directory's "
        "file 'token'");
  }
  return Actor{.name = "token admin",
               .role = Role::kAdmin,
               .address = request.remote_addr,
               .request = Text(request.method, ' ', request.path)};
}

bool Admit(const httplib::Request& request, httplib::Response& response, Core& core) {
  request_actor = {.address = request.remote_addr};
  if (IsOpen(request)) return true;
  auto actor = Authenticate(request, core);
  if (actor.ok()) {
    request_actor = *std::move(actor);
    return true;
  }
  // Registry clients ask for the scheme before they send a password.
  const bool registry = request.path == "/v2" || request.path.starts_with("/v2/");
  response.set_header("WWW-Authenticate",
                      registry ? "Basic realm=\"slipway\"" : "Bearer realm=\"slipway\"");
  ReplyProblem(response, actor.status());
  return false;
}

const Actor& RequestActor(const httplib::Request&) { return request_actor; }

}  // namespace slipway::control
