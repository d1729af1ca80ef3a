// SPDX-License-Identifier: Apache-2.0
//
// Browsers: the page's files and what guards them, sessions, and requests that another site made a
// browser send.
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class SessionTest : public RestTest {
 protected:
  // The cookie for the token, as a browser sends it back.
  std::string SignIn(const std::string& token) {
    const auto answer =
        client_->Post("/api/v1/session", {{"Authorization", "Bearer " + token}}, "", "text/plain");
    EXPECT_EQ(answer->status, 201) << answer->body;
    const std::string cookie = answer->get_header_value("Set-Cookie");
    EXPECT_THAT(cookie, AllOf(StartsWith("__Host-slipway="), HasSubstr("; Secure"),
                              HasSubstr("; HttpOnly"), HasSubstr("; SameSite=Strict"),
                              HasSubstr("; Path=/"), Not(HasSubstr(token))));
    return cookie.substr(0, cookie.find(';'));
  }
  // A client without a token of its own.
  void Browser() {
    token_ = core_->token().text;
    client_ = std::make_unique<httplib::SSLClient>("127.0.0.1", server_->port());
    client_->enable_server_certificate_verification(false);
    BePatient(*client_);
  }
  std::string Origin() const { return Text("https://127.0.0.1:", server_->port()); }
  int Approve(const httplib::Headers& headers) {
    return client_
        ->Put("/api/v1/machines/52:54:00:00:00:01", headers, R"({"approved": true})",
              "application/json")
        ->status;
  }
  std::string token_;
};

TEST_F(SessionTest, ACookieDoesWhatItsTokenMay) {
  const std::string viewer = MakeToken("screen --role viewer");
  Browser();
  const std::string cookie = SignIn(viewer);
  const auto who = client_->Get("/api/v1/whoami", {{"Cookie", cookie}});
  EXPECT_EQ(nlohmann::json::parse(who->body)["role"], "viewer");
  EXPECT_EQ(client_->Get("/api/v1/whoami", {{"Cookie", "a=b; " + cookie + "; c=d"}})->status, 200);
  EXPECT_EQ(client_->Get("/api/v1/whoami", {{"Cookie", cookie + "0"}})->status, 401);
  EXPECT_EQ(client_->Get("/api/v1/whoami", {{"Cookie", "x" + cookie}})->status, 401);
  EXPECT_EQ(Approve({{"Cookie", cookie}, {"Origin", Origin()}}), 403) << "a viewer";
  EXPECT_EQ(Approve({{"Cookie", SignIn(token_)}, {"Origin", Origin()}}), 200);
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("token admin"));
}

TEST_F(SessionTest, ItEndsWithItsToken) {
  const std::string viewer = MakeToken("screen --role viewer");
  Browser();
  const std::string cookie = SignIn(viewer);
  ASSERT_EQ(client_->Get("/api/v1/status", {{"Cookie", cookie}})->status, 200);
  ASSERT_EQ(Slipway("token rm screen").code, 0);
  const auto refused = client_->Get("/api/v1/status", {{"Cookie", cookie}});
  EXPECT_EQ(refused->status, 401);
  EXPECT_THAT(refused->body, HasSubstr("sign in again"));
}

TEST_F(SessionTest, SigningOutEndsItAndTakesTheCookieAway) {
  Browser();
  const std::string cookie = SignIn(token_);
  const auto out = client_->Delete("/api/v1/session", {{"Cookie", cookie}, {"Origin", Origin()}});
  EXPECT_EQ(out->status, 204);
  EXPECT_THAT(out->get_header_value("Set-Cookie"), HasSubstr("Max-Age=0"));
  EXPECT_EQ(client_->Get("/api/v1/status", {{"Cookie", cookie}})->status, 401);
}

TEST_F(SessionTest, WhoSignsInAndOutIsInTheAuditLog) {
  const std::string viewer = MakeToken("screen --role viewer");
  Browser();
  const auto newest = [this] { return core_->store().Audit({.limit = 1})->front(); };
  const std::string cookie = SignIn(viewer);
  EXPECT_EQ(newest().what, "session");
  EXPECT_EQ(newest().who, "token screen");
  EXPECT_EQ(newest().before, "null");
  const std::int64_t signed_in = newest().id;
  const auto out = [&] {
    return client_->Delete("/api/v1/session", {{"Cookie", cookie}, {"Origin", Origin()}})->status;
  };
  EXPECT_EQ(out(), 204);
  EXPECT_EQ(newest().id, signed_in + 1);
  EXPECT_EQ(newest().who, "token screen");
  EXPECT_EQ(newest().after, "null");
  EXPECT_EQ(out(), 401);
  const auto none = client_->Delete("/api/v1/session", {{"Authorization", "Bearer " + viewer}});
  EXPECT_EQ(none->status, 204);
  EXPECT_EQ(newest().id, signed_in + 1) << "nobody was signed in by that";
}

TEST_F(SessionTest, WhatAnotherSiteMadeTheBrowserSendIsRefused) {
  Browser();
  const std::string cookie = SignIn(token_);
  EXPECT_EQ(Approve({{"Cookie", cookie}}), 403) << "browsers say where a change was begun";
  EXPECT_EQ(Approve({{"Cookie", cookie}, {"Origin", "https://evil.example"}}), 403);
  EXPECT_EQ(Approve({{"Cookie", cookie}, {"Origin", "null"}}), 403);
  EXPECT_EQ(Approve({{"Cookie", cookie}, {"Origin", Origin() + "0"}}), 403);
  // Browsers add this one unasked too, once it was typed.
  const auto basic = httplib::make_basic_authentication_header("any", token_);
  EXPECT_EQ(Approve({basic, {"Origin", "https://evil.example"}}), 403);
  EXPECT_EQ(client_->Get("/api/v1/machines", {{"Cookie", cookie}})->body, "[]\n");
  EXPECT_EQ(Approve({{"Cookie", cookie}, {"Origin", Origin()}}), 200);
  // A program with a token has no such thing done to it.
  EXPECT_EQ(Approve({{"Authorization", "Bearer " + token_}}), 200);
}

TEST_F(SessionTest, ACookieMakesNoOtherSession) {
  Browser();
  const std::string cookie = SignIn(token_);
  const auto again = client_->Post("/api/v1/session", {{"Cookie", cookie}, {"Origin", Origin()}},
                                   "", "text/plain");
  EXPECT_EQ(again->status, 400) << again->body;
  EXPECT_FALSE(again->has_header("Set-Cookie"));
}

TEST_F(SessionTest, WrongTokensAreCountedHereToo) {
  Browser();
  const httplib::Headers wrong = {{"Authorization", "Bearer 0123"}};
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(client_->Post("/api/v1/session", wrong, "", "text/plain")->status, 401);
  }
  EXPECT_EQ(client_->Post("/api/v1/session", wrong, "", "text/plain")->status, 429);
}

TEST_F(SessionTest, ThePageNeedsNoTokenAndAllowsNothingElse) {
  Browser();
  const auto page = client_->Get("/");
  ASSERT_EQ(page->status, 200);
  EXPECT_THAT(page->body, AllOf(StartsWith("<!doctype html>"), HasSubstr("/web/app.js")));
  EXPECT_THAT(page->body, Not(HasSubstr("<style"))) << "nor an inline script";
  for (const char* path : {"/", "/web/app.js", "/web/style.css", "/web/icon.svg"}) {
    const auto answer = client_->Get(path);
    ASSERT_EQ(answer->status, 200) << path;
    EXPECT_THAT(answer->get_header_value("Content-Security-Policy"),
                AllOf(StartsWith("default-src 'none'"), HasSubstr("frame-ancestors 'none'"),
                      Not(HasSubstr("unsafe"))))
        << path;
    EXPECT_EQ(answer->get_header_value("X-Content-Type-Options"), "nosniff") << path;
    EXPECT_EQ(answer->get_header_value("Referrer-Policy"), "no-referrer") << path;
    const httplib::Headers known = {{"If-None-Match", answer->get_header_value("ETag")}};
    EXPECT_EQ(client_->Get(path, known)->status, 304) << path;
    EXPECT_EQ(client_->Get(path, {{"If-None-Match", "\"0\""}})->status, 200) << path;
  }
}

TEST_F(SessionTest, ARangeOfThePageIsTheWholeOfItAndNothingBesideIt) {
  Browser();
  const std::string whole = client_->Get("/web/icon.svg")->body;
  for (const char* range :
       {"bytes=0-9", "bytes=0-9999999", "bytes=50000-900000", "bytes=9999999-99999999", "bytes=-5",
        "bytes=-9999999", "bytes=0-1,5-6", "bytes=0-1,50000-900000"}) {
    const auto answer = client_->Get("/web/icon.svg", {{"Range", range}});
    ASSERT_TRUE(answer) << range;
    EXPECT_EQ(answer->status, 200) << range;
    EXPECT_EQ(answer->body, whole) << range;
    EXPECT_EQ(client_->Get("/api/v1/health", {{"Range", range}})->status, 200) << range;
  }
}

TEST_F(SessionTest, TheSameBytesComeByGzip) {
  Browser();
  const auto plain = client_->Get("/web/app.js");
  const auto packed = client_->Get("/web/app.js", {{"Accept-Encoding", "gzip, br"}});
  EXPECT_FALSE(plain->has_header("Content-Encoding"));
  EXPECT_EQ(packed->get_header_value("Content-Encoding"), "gzip");
  EXPECT_EQ(packed->body, plain->body) << "as the client unpacked it";
  EXPECT_LT(std::stoul(packed->get_header_value("Content-Length")), plain->body.size() / 2);
}

TEST_F(SessionTest, JsonIsNotCompressedAtEachRequest) {
  const auto answer = client_->Get("/api/v1/causes", {{"Accept-Encoding", "gzip, br"}});
  EXPECT_EQ(answer->status, 200);
  EXPECT_FALSE(answer->has_header("Content-Encoding"));
}

}  // namespace
}  // namespace slipway::control
