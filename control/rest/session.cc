// SPDX-License-Identifier: Apache-2.0
//
// A browser's session: POST /session with a token, as any request shows it, gives a cookie that may
// do the same from then on; DELETE /session ends it. access/sessions.h bounds it.
#include <ctime>

#include "control/rest/actor_json.h"
#include "control/rest/routes.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// Never without TLS, never to scripts, never along with what another site began.
std::string CookieOf(std::string_view value, std::int64_t seconds) {
  return Text(kSessionCookie, '=', value, "; Path=/; Max-Age=", seconds,
              "; Secure; HttpOnly; SameSite=Strict");
}

void SignIn(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto token = TokenOf(request, core);
  if (!token.ok()) {
    return ReplyProblem(response, 400,
                        "a session is begun with a token: send it as 'Authorization: Bearer '; a "
                        "client certificate needs none");
  }
  const std::string text = core.sessions().Begin(token->sha256, std::time(nullptr));
  if (text.empty()) return ReplyProblem(response, 500, "the system gives no random bits");
  core.Audit(RequestActor(request), "session", nullptr, {{"signed_in", true}});
  response.set_header("Set-Cookie", CookieOf(text, core.sessions().limits().lifetime));
  response.set_header("Cache-Control", "no-store");
  Reply(response, ToJson(RequestActor(request)), 201);
}

}  // namespace

void AddSession(Router& router, Core& core) {
  router.Post("/api/v1/session",
              [&core](const httplib::Request& request, httplib::Response& response) {
                SignIn(request, response, core);
              });
  router.Delete("/api/v1/session",
                [&core](const httplib::Request& request, httplib::Response& response) {
                  const std::string text = SessionTextOf(request);
                  if (core.sessions().Find(text, std::time(nullptr))) {
                    core.Audit(RequestActor(request), "session", {{"signed_in", true}}, nullptr);
                  }
                  core.sessions().End(text);
                  response.set_header("Set-Cookie", CookieOf("", 0));
                  response.status = 204;
                });
}

}  // namespace slipway::control
