// SPDX-License-Identifier: Apache-2.0
//
// Who may do what, as clients meet it: credentials, roles, lockout, client certificates over real
// TLS, and the audit log of what they did.
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "control/rest/router.h"
#include "tests/unit/control/rest/client_certificates.h"

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
  BePatient(other);
  other.set_basic_auth("anyone", token);
  EXPECT_EQ(other.Get("/api/v1/status")->status, 200);
  other.set_basic_auth(token, "anyone");
  EXPECT_EQ(other.Get("/api/v1/status")->status, 401);
  const httplib::Headers headers = {{"Authorization", "Basic %%%"}};
  httplib::SSLClient third("127.0.0.1", server_->port());
  third.enable_server_certificate_verification(false);
  BePatient(third);
  EXPECT_EQ(third.Get("/api/v1/status", headers)->status, 401);
}

TEST_F(AccessTest, ATokenMayDoWhatItsRoleMayAndNoMore) {
  ImportBootFile("debian:testing");
  const std::string viewer = MakeToken("screen --role viewer");
  const std::string ci = MakeToken("ci --role operator --expires 30d");
  ASSERT_EQ(viewer.size(), 64u);
  const auto as = [this](const std::string& token, const std::string& words) {
    return Slipway("--token " + token + " " + words);
  };
  EXPECT_THAT(as(viewer, "whoami").text, HasSubstr("token screen: viewer"));
  EXPECT_EQ(as(viewer, "machine list").code, 0);
  const Ran set = as(viewer, "machine set 52:54:00:00:00:01 debian:testing");
  EXPECT_EQ(set.code, 1);
  EXPECT_THAT(set.text, HasSubstr("token screen is viewer"));
  EXPECT_THAT(set.text, HasSubstr("needs operator"));
  EXPECT_EQ(as(ci, "machine set 52:54:00:00:00:01 debian:testing").code, 0);
  EXPECT_THAT(as(ci, "token list").text, HasSubstr("needs admin"));
  EXPECT_THAT(as(ci, "backup " + (folder_ / "b.tar").string()).text, HasSubstr("needs admin"));
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("token ci"));
  const auto list = nlohmann::json::parse(client_->Get("/api/v1/tokens")->body);
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[1]["name"], "ci");
  EXPECT_GT(list[1]["last_used"].get<std::int64_t>(), 0);
  EXPECT_NEAR(list[1]["expires"].get<double>() - list[1]["created"].get<double>(), 30 * 86400, 1);
  EXPECT_TRUE(list[2]["expires"].is_null());
  EXPECT_EQ(Slipway("token rm ci").code, 0);
  EXPECT_EQ(as(ci, "machine list").code, 1);
  EXPECT_EQ(Slipway("token rm ci").code, 1);
}

TEST_F(AccessTest, ATokenThatIsThereKeepsItsTextWhereANewOneIsAskedFor) {
  const auto make = [this](const char* name) {
    return client_->Put(Text("/api/v1/tokens/", name), httplib::Headers{{"If-None-Match", "*"}},
                        R"({"role": "viewer"})", "application/json");
  };
  const auto first = make("screen");
  ASSERT_EQ(first->status, 201) << first->body;
  EXPECT_EQ(make("screen")->status, 412);
  EXPECT_EQ(make("admin")->status, 412);
  const std::string text = nlohmann::json::parse(first->body)["token"];
  EXPECT_THAT(Slipway("--token " + text + " whoami").text, HasSubstr("token screen: viewer"));
}

TEST_F(AccessTest, AScopeIsOfLabelsAndNoAdmins) {
  EXPECT_THAT(Slipway("token create t --role admin --scope rack=a1").text,
              HasSubstr("scope: an admin has none"));
  for (const char* told : {"mac=52:54:*", "dhcp-fingerprint=*", "tls-fingerprint=*"}) {
    EXPECT_THAT(Slipway(Text("token create t --role operator --scope '", told, "'")).text,
                HasSubstr("is told by the machine itself"));
  }
  EXPECT_EQ(Slipway("token create t --role operator --scope 'rack in ('").code, 1);
  EXPECT_EQ(Slipway("token list").text.find("rack"), std::string::npos);
}

TEST_F(AccessTest, AnOperatorImportsNoPathOfTheServer) {
  const std::string token = MakeToken("ci --role operator");
  httplib::SSLClient other("127.0.0.1", server_->port());
  other.enable_server_certificate_verification(false);
  BePatient(other);
  other.set_bearer_token_auth(token);
  const nlohmann::json body = {{"path", (folder_ / "state/token").string()}};
  const auto answer = other.Put("/api/v1/images/x:1", body.dump(), "application/json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 403);
  EXPECT_THAT(answer->body, HasSubstr("by an admin only"));
  EXPECT_EQ(client_->Get("/api/v1/images")->body, "[]\n");
}

TEST_F(AccessTest, ATokenIsKeptAsItsHashAlone) {
  const std::string text = MakeToken("ci --role operator");
  ASSERT_EQ(text.size(), 64u);
  EXPECT_THAT(client_->Get("/api/v1/tokens")->body, Not(HasSubstr(text)));
  EXPECT_THAT(client_->Get("/api/v1/audit")->body, Not(HasSubstr(text)));
  End();
  for (const char* name : {"catalog.db", "catalog.db-wal"}) {
    EXPECT_THAT(BytesOf(folder_ / "state" / name), Not(HasSubstr(text))) << name;
  }
  Begin();
  EXPECT_EQ(Slipway("--token " + text + " machine list").code, 0) << "it survives a restart";
}

TEST_F(AccessTest, ATokenIsMadeWithANameARoleAndAnEndOnly) {
  const auto put = [this](const std::string& name, const std::string& body) {
    return client_->Put("/api/v1/tokens/" + name, body, "application/json");
  };
  EXPECT_EQ(put("a%20b", R"({"role": "viewer"})")->status, 400);
  EXPECT_EQ(put("a", R"({"role": "king"})")->status, 400);
  EXPECT_EQ(put("a", R"({"role": "viewer", "expires_in_seconds": 0})")->status, 400);
  const auto unknown = put("a", R"({"role": "viewer", "expires": 5})");
  EXPECT_EQ(unknown->status, 400);
  EXPECT_THAT(unknown->body, HasSubstr(R"(\"expires\" means nothing here)"));
  EXPECT_EQ(put("a", R"({"role": "viewer"})")->status, 201);
  EXPECT_EQ(put("a", R"({"role": "viewer"})")->status, 409);
  EXPECT_EQ(put("admin", R"({"role": "viewer"})")->status, 409);
  EXPECT_EQ(client_->Delete("/api/v1/tokens/admin")->status, 409);
}

TEST_F(AccessTest, WhoShowsWrongTokensIsLockedOutForAWhile) {
  httplib::SSLClient other("127.0.0.1", server_->port());
  other.enable_server_certificate_verification(false);
  BePatient(other);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(other.Get("/api/v1/status")->status, 401);
  EXPECT_EQ(client_->Get("/api/v1/status")->status, 200) << "to show no token is no failure";
  other.set_bearer_token_auth("wrong");
  for (int i = 0; i < 10; ++i) ASSERT_EQ(other.Get("/api/v1/status")->status, 401);
  const auto locked = other.Get("/api/v1/status");
  EXPECT_EQ(locked->status, 429);
  EXPECT_EQ(nlohmann::json::parse(locked->body)["type"], "/problems/too-many-attempts");
  EXPECT_GE(std::stoi(locked->get_header_value("Retry-After")), 1);
  EXPECT_EQ(client_->Get("/api/v1/status")->status, 429) << "the right one from there as well";
  EXPECT_EQ(client_->Get("/api/v1/health")->status, 200);
  const AuditRecord noted = core_->store().Audit({.limit = 1})->front();
  EXPECT_EQ(noted.what, "lockout of 127.0.0.1");
  EXPECT_EQ(noted.who, "slipwayd");
  EXPECT_EQ(noted.address, "127.0.0.1");
  EXPECT_EQ(noted.request, "GET /api/v1/status");
  EXPECT_THAT(noted.after, HasSubstr("seconds"));
}

TEST_F(ClientCertificateTest, AKnownCertificateIsARole) {
  const std::string ci = Arguments(authority_, "ci.example.org");
  EXPECT_THAT(Slipway("whoami" + ci).text, HasSubstr("certificate ci.example.org: operator"));
  ImportBootFile("debian:testing");
  EXPECT_EQ(Slipway("machine set 52:54:00:00:00:01 debian:testing" + ci).code, 0);
  EXPECT_THAT(Slipway("token list" + ci).text, HasSubstr("needs admin"));
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("certificate ci.example.org"));
}

TEST_F(ClientCertificateTest, AnUnknownOneIsNotAndAStrangersEndsTheHandshake) {
  const Ran unknown = Slipway("whoami" + Arguments(authority_, "other.example.org"));
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.text, HasSubstr("other.example.org has no role here"));
  const auto strangers = tls::MakeAuthority({.key_type = tls::KeyType::kEcdsaP256});
  EXPECT_EQ(Slipway("whoami" + Arguments(strangers, "ci.example.org")).code, 1);
  EXPECT_EQ(Slipway("whoami").code, 0) << "tokens go on as before";
}

// The certificate that Arguments() made, signed again to end within `seconds`.
void EndSoon(const std::filesystem::path& folder, int seconds) {
  const auto read = [&](const char* name, auto parse) {
    BIO* bio = BIO_new_file((folder / name).c_str(), "r");
    auto* object = parse(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return object;
  };
  X509* certificate = read("client.pem", PEM_read_bio_X509);
  EVP_PKEY* key = read("signer.key", PEM_read_bio_PrivateKey);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
  EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
  BIO* out = BIO_new_file((folder / "client.pem").c_str(), "w");
  EXPECT_EQ(PEM_write_bio_X509(out, certificate), 1);
  BIO_free(out);
  EVP_PKEY_free(key);
  X509_free(certificate);
}

// Event streams ask the same question at each keep-alive.
TEST_F(ClientCertificateTest, AConnectionThatOutlivesItsCertificateHasNoRoleAnyMore) {
  Arguments(authority_, "ci.example.org");
  EndSoon(folder_, 6);
  httplib::SSLClient other("127.0.0.1", server_->port(), (folder_ / "client.pem").string(),
                           (folder_ / "client.key").string());
  other.enable_server_certificate_verification(false);
  BePatient(other);
  other.set_keep_alive(true);
  EXPECT_EQ(other.Get("/api/v1/whoami")->status, 200);
  const auto socket = other.socket();
  // Over and over: the server ends a connection on which nothing is asked for five seconds.
  auto answer = other.Get("/api/v1/whoami");
  for (int i = 0; i < 300 && answer && answer->status == 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    answer = other.Get("/api/v1/whoami");
  }
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 401);
  EXPECT_EQ(other.socket(), socket) << "another handshake was made";
}

TEST_F(AccessTest, WhoAsksARegistryIsToldToSendAPassword) {
  httplib::SSLClient other("127.0.0.1", server_->port());
  other.enable_server_certificate_verification(false);
  BePatient(other);
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
                                         "image debian:testing", "token admin"));
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

// What was changed is told whether it could be published or not.
TEST_F(AccessTest, AChangeThatCannotBePublishedIsInTheAuditLogAllTheSame) {
  ImportBootFile("debian:stable");
  // From the next verdict on that is written or removed, the catalog has a rule that is none.
  sqlite3* handle = nullptr;
  sqlite3_open((folder_ / "state/catalog.db").c_str(), &handle);
  sqlite3_busy_timeout(handle, 5000);
  const auto run = [&](const std::string& sql) {
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
  };
  for (const char* event : {"INSERT", "DELETE"}) {
    run(Text("CREATE TRIGGER breaks_", event, " AFTER ", event,
             " ON verdicts BEGIN INSERT OR REPLACE INTO rules(name, position, document) "
             "VALUES('broken', 1, 'none'); END"));
  }
  const auto newest = [&] {
    return nlohmann::json::parse(client_->Get("/api/v1/audit?limit=1")->body)[0];
  };
  std::ofstream(folder_ / "other.efi") << std::string(5000, 'y');
  const Ran import =
      Slipway("image import " + (folder_ / "other.efi").string() + " debian:testing");
  EXPECT_EQ(import.code, 1);
  EXPECT_THAT(import.text, HasSubstr("rule broken in the catalog"));
  EXPECT_EQ(newest()["what"], "image debian:testing");
  EXPECT_FALSE(newest()["after"]["digest"].get<std::string>().empty());
  run("DELETE FROM rules");
  const Ran removal = Slipway("image rm debian:testing");
  EXPECT_EQ(removal.code, 1);
  EXPECT_EQ(newest()["what"], "image debian:testing");
  EXPECT_TRUE(newest()["after"].is_null());
  EXPECT_EQ(newest()["who"], "token admin");
  sqlite3_close_v2(handle);
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
