// SPDX-License-Identifier: Apache-2.0
//
// A scope is kept whoever has it: the same is asked of a token and of a client certificate.
#include <set>

#include "tests/unit/control/rest/client_certificates.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

enum class Credential : std::uint8_t { kToken, kCertificate };

class ScopedAccessTest : public ClientCertificateTest,
                         public testing::WithParamInterface<Credential> {
 protected:
  // Makes the credential that Scoped() and As() come with: an operator's, with this scope.
  void Have(const std::string& scope) {
    if (GetParam() == Credential::kToken) {
      token_ = MakeToken(Text("rack-a --role operator --scope '", scope, "'"));
      return;
    }
    End();
    management_ += Text("scope = \"", scope, "\"\n");
    Begin();
    certificate_ = Arguments(authority_, "ci.example.org");
  }
  const char* who() const {
    return GetParam() == Credential::kToken ? "token rack-a" : "certificate ci.example.org";
  }
  Ran As(const std::string& words) {
    return Slipway(token_.empty() ? words + certificate_ : Text("--token ", token_, ' ', words));
  }
  std::unique_ptr<httplib::SSLClient> Scoped() {
    auto client = token_.empty()
                      ? std::make_unique<httplib::SSLClient>("127.0.0.1", server_->port(),
                                                             (folder_ / "client.pem").string(),
                                                             (folder_ / "client.key").string())
                      : std::make_unique<httplib::SSLClient>("127.0.0.1", server_->port());
    client->set_ca_cert_path((folder_ / "state/ca.pem").c_str());
    client->enable_server_certificate_verification(true);
    if (!token_.empty()) client->set_bearer_token_auth(token_);
    BePatient(*client);
    return client;
  }

  std::string token_;
  std::string certificate_;
};

INSTANTIATE_TEST_SUITE_P(Credentials, ScopedAccessTest,
                         testing::Values(Credential::kToken, Credential::kCertificate),
                         [](const auto& each) {
                           return each.param == Credential::kToken ? "Token" : "Certificate";
                         });

TEST_P(ScopedAccessTest, ChangesItsMachinesAndNothingElse) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1").code, 0);
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:02 rack=b7").code, 0);
  Have("rack in (a1, a2)");
  EXPECT_THAT(As("whoami").text,
              HasSubstr(Text(who(), ": operator of machines with rack in (a1, a2)")));
  EXPECT_EQ(As("machine set 52:54:00:00:00:01 debian:stable").code, 0);
  EXPECT_EQ(As("machine label 52:54:00:00:00:01 rack=a2").code, 0);
  EXPECT_EQ(As("machine list").code, 0);

  const Ran other = As("machine set 52:54:00:00:00:02 debian:stable");
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.text, HasSubstr("52:54:00:00:00:02 is none of them"));
  // Neither out of the scope nor, of what nobody has entered, past it.
  EXPECT_THAT(As("machine label 52:54:00:00:00:01 rack=b7").text,
              HasSubstr("would be none of them"));
  EXPECT_EQ(As("machine approve 52:54:00:00:00:03").code, 1);
  EXPECT_THAT(As("machine label 52:54:00:00:00:03 rack=a1").text,
              HasSubstr("is not in the catalog"));
  EXPECT_EQ(As("machine rm 52:54:00:00:00:02").code, 1);
  for (const char* shared : {"rule set all --image debian:stable", "image rm debian:stable",
                             "rollout start debian:stable debian:stable"}) {
    const Ran ran = As(shared);
    EXPECT_EQ(ran.code, 1) << shared;
    EXPECT_THAT(ran.text, HasSubstr("needs a token without a scope")) << shared;
  }
  EXPECT_THAT(Slipway("audit list").text, HasSubstr(who()));
  // After a restart too.
  End();
  Begin();
  EXPECT_EQ(As("machine rm 52:54:00:00:00:02").code, 1);
  EXPECT_EQ(As("machine rm 52:54:00:00:00:01").code, 0);
}

TEST_P(ScopedAccessTest, SeesItsMachinesAlone) {
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1").code, 0);
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:02 rack=b7").code, 0);
  Have("rack=a1");
  const auto client = Scoped();
  for (const char* path :
       {"/api/v1/boots/52:54:00:00:00:02", "/api/v1/machines/52:54:00:00:00:02/why",
        "/api/v1/machines/52:54:00:00:00:02/capture", "/api/v1/explain?mac=52:54:00:00:00:02"}) {
    EXPECT_EQ(client->Get(path)->status, 403) << path;
  }
  // As one that is not there: a scope learns of no other machine.
  EXPECT_EQ(client->Get("/api/v1/machines/52:54:00:00:00:02")->status, 404);
  const auto machines = nlohmann::json::parse(client->Get("/api/v1/machines")->body);
  ASSERT_EQ(machines.size(), 1u);
  EXPECT_EQ(machines[0]["mac"], "52:54:00:00:00:01");
  EXPECT_EQ(client->Get("/api/v1/machines/52:54:00:00:00:01")->status, 200);
  EXPECT_EQ(client->Get("/api/v1/audit")->status, 403);
}

// The dataplane asks for a machine by its UUID before its MAC.
TEST_P(ScopedAccessTest, ReachesNoMachineByItsOtherName) {
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:01 rack=a1").code, 0);
  ASSERT_EQ(Slipway("machine label 52:54:00:00:00:02 rack=b1").code, 0);
  Have("rack=a1");
  const auto client = Scoped();
  const auto put = [&](const std::string& name, const nlohmann::json& body) {
    return client->Put("/api/v1/machines/" + name, body.dump(), "application/json");
  };
  // The UUID that the firmware of the other one tells.
  const std::string other = "01234567-89ab-cdef-0123-456789abcdef";
  const auto made = put(other, {{"labels", {{"rack", "a1"}}}, {"image_set", "debian:stable"}});
  EXPECT_EQ(made->status, 403);
  EXPECT_THAT(made->body, HasSubstr("is not in the catalog"));
  const auto claimed = put("52:54:00:00:00:01", {{"uuid", other}, {"image_set", "debian:stable"}});
  EXPECT_EQ(claimed->status, 403);
  EXPECT_THAT(claimed->body, HasSubstr("uuid"));
  EXPECT_EQ(core_->store().Machines()->size(), 2u);
  EXPECT_FALSE(core_->store().Machines()->front()->uuid);
  EXPECT_EQ(put("52:54:00:00:00:01", {{"image_set", "debian:stable"}})->status, 200);
}

TEST_P(ScopedAccessTest, ChangesNoMachineOfTheConfigurationFile) {
  End();
  secure_boot_ =
      "[[machine]]\nname = \"node7\"\nmac = \"52:54:00:00:00:07\"\n"
      "image_set = \"debian:stable\"\n";
  Begin();
  Have("rack=a1");
  const auto answer = Scoped()->Put("/api/v1/machines/52:54:00:00:00:07",
                                    R"({"labels": {"rack": "a1"}})", "application/json");
  EXPECT_EQ(answer->status, 403);
  EXPECT_THAT(*core_->store().Machines(), IsEmpty());
}

TEST_P(ScopedAccessTest, MayAskNothingBeyondReadingButThoseOfAMachine) {
  const std::set<std::string_view> open = {"/api/v1/machines/{machine}",
                                           "/api/v1/machines/{mac}/capture", "/api/v1/captures",
                                           "/api/v1/captures/{capture}"};
  Have("rack=a1");
  const auto client = Scoped();
  for (const Route& route : Routes()) {
    const bool reads = !route.role || route.role == Role::kViewer;
    if (reads || open.contains(route.path)) continue;
    httplib::Request request;
    request.method = route.method;
    request.path = std::regex_replace(std::string(route.path), std::regex(R"(\{\w+\+?\})"), "x");
    if (route.method != "GET") {
      request.body = "{}";
      request.set_header("Content-Type", "application/json");
    }
    const auto answer = client->send(request);
    ASSERT_TRUE(answer) << route.method << ' ' << request.path;
    EXPECT_EQ(answer->status, 403) << route.method << ' ' << request.path << answer->body;
  }
}

// What the configuration says of it is checked as what a token is asked for.
TEST_F(ClientCertificateTest, AScopeIsOfLabelsAndNoAdmins) {
  const std::string client = management_;
  const struct {
    const char* scope;
    const char* says;
  } kCases[] = {
      {"rack in (", "management.client.scope = \"rack in (\": "},
      {"mac=52:54:*", "mac=52:54:*: is told by the machine itself"},
      {"", "means all machines; leave it out for that"},
  };
  for (const auto& each : kCases) {
    management_ = Text(client, "scope = \"", each.scope, "\"\n");
    const ConfigResult parsed = Parsed();
    EXPECT_FALSE(parsed.config.has_value()) << each.scope;
    EXPECT_THAT(Report(parsed, "slipway.toml"), HasSubstr(each.says));
  }
  management_ = client + "scope = \"rack=a1\"\n";
  EXPECT_TRUE(Parsed().config.has_value()) << Report(Parsed(), "slipway.toml");
  const std::size_t role = management_.find("operator");
  management_.replace(role, std::string_view("operator").size(), "admin");
  EXPECT_THAT(Report(Parsed(), "slipway.toml"), HasSubstr("an admin has none"));
}

}  // namespace
}  // namespace slipway::control
