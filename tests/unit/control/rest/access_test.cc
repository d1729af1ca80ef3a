// SPDX-License-Identifier: Apache-2.0
//
// Who may do what, as clients meet it: credentials, roles, and the audit log of what they did.
#include <nlohmann/json.hpp>

#include "control/rest/router.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::Not;

using AccessTest = RestTest;

TEST_F(AccessTest, ARouteThatTheTableDoesNotHaveCannotBeRegistered) {
  httplib::Server server;
  Router router(server, *core_);
  router.Get("/api/v1/secret", [](const httplib::Request&, httplib::Response&) {});
  router.Get("/api/v1/status", [](const httplib::Request&, httplib::Response&) {});
  const std::string words(router.Finish().message());
  EXPECT_THAT(words, HasSubstr("GET /api/v1/secret is not in the route table"));
  EXPECT_THAT(words, HasSubstr("GET /api/v1/machines has no handler"));
  EXPECT_THAT(words, Not(HasSubstr("/api/v1/status")));
}

TEST_F(AccessTest, EveryRouteThatChangesSomethingNeedsMoreThanAViewer) {
  for (const Route& route : Routes()) {
    if (route.effect == Effect::kNone) continue;
    ASSERT_TRUE(route.role.has_value()) << route.path;
    EXPECT_GE(*route.role, Role::kOperator) << route.method << ' ' << route.path;
    EXPECT_NE(route.method, "GET") << route.path;
  }
}

TEST_F(AccessTest, ATokenMayComeAsThePasswordOfBasic) {
  const std::string token = core_->token().text;
  httplib::SSLClient other("127.0.0.1", server_->port());
  other.enable_server_certificate_verification(false);
  other.set_basic_auth("anyone", token);
  EXPECT_EQ(other.Get("/api/v1/status")->status, 200);
  other.set_basic_auth(token, "anyone");
  EXPECT_EQ(other.Get("/api/v1/status")->status, 401);
  const httplib::Headers headers = {{"Authorization", "Basic %%%"}};
  httplib::SSLClient third("127.0.0.1", server_->port());
  third.enable_server_certificate_verification(false);
  EXPECT_EQ(third.Get("/api/v1/status", headers)->status, 401);
}

TEST_F(AccessTest, WhoAsksARegistryIsToldToSendAPassword) {
  httplib::SSLClient other("127.0.0.1", server_->port());
  other.enable_server_certificate_verification(false);
  const auto refused = other.Get("/v2/");
  EXPECT_EQ(refused->status, 401);
  EXPECT_EQ(refused->get_header_value("WWW-Authenticate"), "Basic realm=\"slipway\"");
  EXPECT_EQ(other.Get("/api/v1/status")->get_header_value("WWW-Authenticate"),
            "Bearer realm=\"slipway\"");
}

TEST_F(AccessTest, EveryChangeIsInTheAuditLog) {
  ImportBootFile("debian:testing");
  ASSERT_EQ(Slipway("machine set 52:54:00:00:00:01 debian:testing").code, 0);
  ASSERT_EQ(Slipway("machine rm 52:54:00:00:00:01").code, 0);
  ASSERT_EQ(Slipway("image rm debian:testing").code, 0);
  ASSERT_EQ(Slipway("secure-boot recheck").code, 0);
  EXPECT_EQ(Slipway("machine rm 52:54:00:00:00:01").code, 1);
  const auto audit = nlohmann::json::parse(client_->Get("/api/v1/audit")->body);
  std::vector<std::string> told;
  for (const auto& record : audit) told.push_back(record["what"]);
  EXPECT_THAT(told, testing::ElementsAre("secure-boot recheck", "image debian:testing",
                                         "machine 52:54:00:00:00:01", "machine 52:54:00:00:00:01",
                                         "image debian:testing"));
  EXPECT_EQ(audit[2]["who"], "token admin");
  EXPECT_EQ(audit[2]["address"], "127.0.0.1");
  EXPECT_EQ(audit[2]["request"], "DELETE /api/v1/machines/52:54:00:00:00:01");
  EXPECT_EQ(audit[2]["before"]["image_set"], "debian:testing");
  EXPECT_TRUE(audit[2]["after"].is_null());
  EXPECT_EQ(audit[4]["after"]["digest"], audit[1]["before"]["digest"]);
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("machine 52:54:00:00:00:01"));
  EXPECT_THAT(Slipway("audit list --since 1h").text, HasSubstr("debian:testing"));
  EXPECT_EQ(Slipway("audit list --since yesterday").code, 2);
}

TEST_F(AccessTest, TheAuditLogPages) {
  for (int i = 1; i <= 5; ++i) core_->Audit(DaemonActor(), Text("change ", i), nullptr, i);
  const auto first = client_->Get("/api/v1/audit?limit=2");
  EXPECT_EQ(nlohmann::json::parse(first->body)[1]["what"], "change 4");
  const std::string link = first->get_header_value("Link");
  ASSERT_THAT(link, HasSubstr("rel=\"next\""));
  const auto second = client_->Get(link.substr(1, link.find('>') - 1));
  EXPECT_EQ(nlohmann::json::parse(second->body)[0]["what"], "change 3");
  EXPECT_EQ(client_->Get("/api/v1/audit?limit=x")->status, 400);
}

TEST_F(AccessTest, ATamperedAuditLogIsToldByItsFirstWrongRecord) {
  for (int i = 1; i <= 5; ++i) core_->Audit(DaemonActor(), Text("change ", i), nullptr, i);
  const Ran whole = Slipway("--json audit verify");
  EXPECT_EQ(whole.code, 0) << whole.text;
  const std::string head = nlohmann::json::parse(whole.text)["head"];
  EXPECT_EQ(Slipway("audit verify --head " + head).code, 0);
  EXPECT_EQ(Slipway("audit verify --head nonsense").code, 1);
  End();
  sqlite3* handle = nullptr;
  sqlite3_open((folder_ / "state/catalog.db").c_str(), &handle);
  ASSERT_EQ(sqlite3_exec(handle,
                         "DROP TRIGGER audit_keeps; "
                         "UPDATE audit SET who='token mallory' WHERE id=3",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close_v2(handle);
  Begin();
  const Ran broken = Slipway("audit verify");
  EXPECT_EQ(broken.code, 1);
  EXPECT_THAT(broken.text, HasSubstr("record 3 was changed"));
}

}  // namespace
}  // namespace slipway::control
