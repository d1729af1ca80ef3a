// SPDX-License-Identifier: Apache-2.0
//
// The rotation of the CA as an operator takes it, with the command line, and as clients meet it
// that pinned the CA before, the one after, or both.
#include <thread>

#include "control/backup/backup.h"
#include "tests/unit/control/rest/rest_fixture.h"
#include "tls/pem.h"

namespace slipway::control {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// The boot servers have chains of an operator's own, as in most tests here; management's is ours.
class CaRotationTest : public RestTest {
 protected:
  CaRotationTest() {
    old_ = Pin("old", core_->certificates().authorities()->issuing.certificate_pem);
  }

  std::filesystem::path Pin(const std::string& name, const std::string& pem) {
    const auto file = folder_ / (name + ".pem");
    std::ofstream(file) << pem;
    return file;
  }
  bool Answers(const std::filesystem::path& trusted) {
    httplib::SSLClient client("127.0.0.1", server_->port());
    client.set_ca_cert_path(trusted.c_str());
    client.enable_server_certificate_verification(true);
    BePatient(client);
    const auto result = client.Get("/api/v1/health");
    return result && result->status == 200;
  }
  nlohmann::json Step(const std::string& step, int status = 200) {
    const auto answer = client_->Post("/api/v1/ca/" + step);
    EXPECT_TRUE(answer && answer->status == status) << step << ": " << answer->body;
    return nlohmann::json::parse(answer->body);
  }
  std::string Phase() {
    return nlohmann::json::parse(client_->Get("/api/v1/ca/rotation")->body)["phase"];
  }
  std::string Shown(const std::string& words) {
    const Ran ran = Slipway(words);
    EXPECT_EQ(ran.code, 0) << ran.text;
    return ran.text;
  }
  // Days that pass are no change: a new certificate has all of them for its first second alone.
  static nlohmann::json WithoutDaysLeft(nlohmann::json rotation) {
    for (auto& certificate : rotation["certificates"]) certificate.erase("days_left");
    return rotation;
  }
  std::size_t CertificatesIn(const std::string& pem) { return tls::ReadCertificates(pem).size(); }

  std::filesystem::path old_;
};

TEST_F(CaRotationTest, ThreeStepsTakeEveryClientToTheNewCa) {
  const int published = published_;
  EXPECT_THAT(Shown("ca status"), HasSubstr("steady; next: 'slipway ca rotate'"));
  EXPECT_EQ(CertificatesIn(Shown("ca show")), 1U);
  const std::string list = client_->Get("/api/v1/ca/efi")->body;

  EXPECT_THAT(Shown("ca rotate"), HasSubstr("'slipway ca activate'"));
  const std::string both_pem = Shown("ca show");
  EXPECT_EQ(CertificatesIn(both_pem), 2U);
  EXPECT_EQ(both_pem, BytesOf(folder_ / "state/ca.pem")) << "as the appliance's own command line";
  const auto both = Pin("both", both_pem);
  const auto fresh = Pin("fresh", Shown("ca show newest"));
  EXPECT_EQ(CertificatesIn(BytesOf(fresh)), 1U);
  EXPECT_EQ(client_->Get("/api/v1/ca/efi")->body, [&] {
    const auto lists = tls::FirmwareEnrolment(both_pem);
    return std::string(lists.begin(), lists.end());
  }());
  EXPECT_THAT(client_->Get("/api/v1/ca/efi")->body, testing::StartsWith(list));
  EXPECT_TRUE(Answers(old_));
  EXPECT_TRUE(Answers(both));
  EXPECT_FALSE(Answers(fresh)) << "it signs nothing yet";
  EXPECT_THAT(Shown("cert show"), HasSubstr("ca-next"));

  EXPECT_THAT(Shown("ca activate"), HasSubstr("'slipway ca retire'"));
  EXPECT_TRUE(Answers(old_)) << "by the certificate that the old CA gave the new one";
  EXPECT_TRUE(Answers(both));
  EXPECT_TRUE(Answers(fresh));
  EXPECT_EQ(CertificatesIn(Shown("ca show")), 2U);
  EXPECT_EQ(Shown("ca show newest"), BytesOf(fresh));
  EXPECT_THAT(Shown("cert show"), HasSubstr("ca-previous"));
  EXPECT_EQ(Slipway("--ca " + old_.string() + " status").code, 0) << "a context of before goes on";

  EXPECT_THAT(Shown("ca retire"), HasSubstr("steady"));
  EXPECT_FALSE(Answers(old_));
  EXPECT_TRUE(Answers(both));
  EXPECT_TRUE(Answers(fresh));
  EXPECT_EQ(Shown("ca show"), BytesOf(fresh));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "state/ca.rotation"));
  const std::string log = Shown("audit list");
  for (const char* step : {"rotate", "activate", "retire"}) {
    EXPECT_THAT(log, HasSubstr(Text("certificates ca ", step)));
  }
  EXPECT_EQ(published_, published) << "machines are shown the operator's chains, as before";
}

TEST_F(CaRotationTest, ActivationHasAWayBack) {
  Step("rotate");
  const auto fresh = Pin("fresh", client_->Get("/api/v1/ca?newest=true")->body);
  Step("activate");
  EXPECT_TRUE(Answers(fresh));
  EXPECT_EQ(Step("deactivate")["phase"], "prepared");
  EXPECT_FALSE(Answers(fresh));
  EXPECT_TRUE(Answers(old_));
  EXPECT_EQ(client_->Get("/api/v1/ca?newest=true")->body, BytesOf(fresh)) << "the same as before";
  Step("activate");
  EXPECT_TRUE(Answers(fresh));
}

TEST_F(CaRotationTest, ANextCaIsGivenUpBeforeItSigns) {
  const std::string old_pem = Shown("ca show");
  Step("rotate");
  const auto fresh = Pin("fresh", client_->Get("/api/v1/ca?newest=true")->body);
  const auto both = Pin("both", Shown("ca show"));
  EXPECT_THAT(Shown("ca status"), HasSubstr("'slipway ca withdraw'"));
  const std::string told = Shown("ca withdraw");
  EXPECT_THAT(told, HasSubstr("steady; next: "));
  EXPECT_THAT(told, HasSubstr("goes on believing it")) << "of who enrolled it";
  EXPECT_THAT(told, HasSubstr("'slipway ca rotate'"));
  EXPECT_THAT(Shown("audit list"), HasSubstr("certificates ca withdraw"));
  EXPECT_EQ(Shown("ca show"), old_pem);
  EXPECT_EQ(Shown("ca show newest"), old_pem);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "state/ca.rotation"));
  EXPECT_TRUE(Answers(old_));
  EXPECT_TRUE(Answers(both)) << "one that it needs no more does no harm";
  EXPECT_FALSE(Answers(fresh));
  // What it is given up for: another, which is not the same.
  Step("rotate");
  EXPECT_NE(client_->Get("/api/v1/ca?newest=true")->body, BytesOf(fresh));
  Step("activate");
  EXPECT_TRUE(Answers(both)) << "by the certificate that the old CA gave the new one";
  EXPECT_FALSE(Answers(fresh));
}

TEST_F(CaRotationTest, NoConnectionIsRefusedMeanwhile) {
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  std::thread asking([&] {
    while (!stop) ++(Answers(old_) ? answered : refused);
  });
  const auto lasting = client_->Get("/api/v1/status");
  EXPECT_EQ(lasting->status, 200);
  for (const char* step : {"rotate", "activate", "deactivate", "activate"}) {
    Step(step);
    // Each is met by a connection that began since.
    const int asked = answered + refused;
    while (answered + refused < asked + 2) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  stop = true;
  asking.join();
  EXPECT_GT(answered, 0);
  EXPECT_EQ(refused, 0);
}

TEST_F(CaRotationTest, EachStateOutlivesTheProcess) {
  for (const char* step : {"rotate", "activate"}) {
    const auto before = Step(step);
    End();
    Begin();
    const auto after = nlohmann::json::parse(client_->Get("/api/v1/ca/rotation")->body);
    EXPECT_EQ(WithoutDaysLeft(after), WithoutDaysLeft(before)) << step;
    EXPECT_TRUE(Answers(old_)) << step;
  }
}

TEST_F(CaRotationTest, ABackupHoldsBothAndComesBackInTheSameState) {
  Step("rotate");
  Step("activate");
  const auto before = *core_->certificates().authorities();
  ASSERT_EQ(Slipway("backup " + (folder_ / "backup.tar").string()).code, 0);
  End();
  std::filesystem::rename(folder_ / "state", folder_ / "lost");
  const auto restored = Restore(folder_ / "backup.tar", folder_ / "state");
  ASSERT_TRUE(restored.ok()) << restored.status();
  const auto mode = std::filesystem::status(folder_ / "state/ca.rotation").permissions();
  EXPECT_EQ(mode & std::filesystem::perms::all, std::filesystem::perms(0600));
  Begin();
  EXPECT_EQ(core_->certificates().authorities()->phase, CaPhase::kActive);
  EXPECT_EQ(BundleOf(*core_->certificates().authorities()), BundleOf(before));
  EXPECT_TRUE(Answers(old_));
}

TEST_F(CaRotationTest, AStepOutOfTurnIsRefusedAndSaysWhichIsNext) {
  for (const char* step : {"activate", "deactivate", "retire"}) Step(step, 409);
  const Ran early = Slipway("ca activate");
  EXPECT_EQ(early.code, 1);
  EXPECT_THAT(early.text, HasSubstr("'slipway ca rotate'"));
  const auto first = Step("rotate");
  const auto noted = core_->store().Audit({})->size();
  EXPECT_EQ(WithoutDaysLeft(Step("rotate")), WithoutDaysLeft(first)) << "sent twice, the same";
  EXPECT_EQ(core_->store().Audit({})->size(), noted) << "and no change";
  const auto withdrawn = Step("withdraw");
  EXPECT_EQ(withdrawn["phase"], "steady");
  EXPECT_EQ(WithoutDaysLeft(Step("withdraw")), WithoutDaysLeft(withdrawn));
  EXPECT_EQ(core_->store().Audit({})->size(), noted + 1);
  Step("rotate");
  EXPECT_THAT(std::string(Step("retire", 409)["detail"]), HasSubstr("'slipway ca activate'"));
  Step("activate");
  EXPECT_THAT(std::string(Step("rotate", 409)["detail"]), HasSubstr("'slipway ca retire'"));
  EXPECT_THAT(std::string(Step("withdraw", 409)["detail"]), HasSubstr("'slipway ca deactivate'"));
  EXPECT_EQ(Phase(), "active");
  EXPECT_EQ(Slipway("ca turn").code, 2);
}

TEST_F(CaRotationTest, AStepThatAnotherCameBeforeIsRefusedWhereItSaysSo) {
  const std::string tag = client_->Get("/api/v1/ca/rotation")->get_header_value("ETag");
  const httplib::Headers match = {{"If-Match", tag}};
  const auto rotated = client_->Post("/api/v1/ca/rotate", match, "", "application/json");
  EXPECT_EQ(rotated->status, 200) << rotated->body;
  EXPECT_EQ(client_->Post("/api/v1/ca/activate", match, "", "application/json")->status, 412);
  EXPECT_EQ(Phase(), "prepared");
  const httplib::Headers now = {{"If-Match", rotated->get_header_value("ETag")}};
  EXPECT_EQ(client_->Post("/api/v1/ca/activate", now, "", "application/json")->status, 200);
}

TEST_F(CaRotationTest, OnlyAnAdminRotates) {
  const std::string operators = MakeToken("shift --role operator");
  client_->set_bearer_token_auth(operators);
  for (const char* step : {"rotate", "withdraw", "activate", "deactivate", "retire"}) {
    Step(step, 403);
  }
  EXPECT_EQ(Phase(), "steady") << "to see it, a viewer is enough";
}

TEST_F(CaRotationTest, TheCasEndIsWarnedOfInTimeWithTheStepThatHelps) {
  End();
  const auto soon = tls::MakeAuthority({.key_type = tls::KeyType::kEcdsaP256, .days = 80});
  ASSERT_TRUE(
      StoreAuthorities(folder_ / "state", {.issuing = soon, .other = {}, .cross_pem = {}}).ok());
  Begin();
  const auto warnings = [this] { return client_->Get("/api/v1/status")->body; };
  EXPECT_THAT(warnings(),
              ContainsRegex("certificate ca ends in (79|80) days; 'slipway ca rotate'"));
  Step("rotate");
  EXPECT_THAT(warnings(), HasSubstr("'slipway ca activate'"));
  Step("activate");
  EXPECT_THAT(warnings(), ContainsRegex("certificate ca-previous ends in (79|80) days"));
  EXPECT_THAT(warnings(), HasSubstr("'slipway ca retire'"));
  Step("retire");
  httplib::SSLClient fresh("127.0.0.1", server_->port());  // the other one knows the old CA alone
  fresh.set_ca_cert_path((folder_ / "state/ca.pem").c_str());
  fresh.enable_server_certificate_verification(true);
  fresh.set_bearer_token_auth(core_->token().text);
  BePatient(fresh);
  const auto status = fresh.Get("/api/v1/status");
  ASSERT_TRUE(status);
  EXPECT_THAT(status->body, Not(HasSubstr("certificate ca")));
}

}  // namespace
}  // namespace slipway::control
