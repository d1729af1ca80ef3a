// SPDX-License-Identifier: Apache-2.0
//
// Certificates that are read again while the daemon runs: those that machines would not take, and
// publications that fail.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "control/text.h"
#include "control/whole_file.h"
#include "tests/unit/control/serve/boot_site.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

class RotationTest : public BootSite {
 protected:
  // With a chain of the operator's own for boot.example.
  RotationTest() {
    // As a first start leaves it; an RSA key would take a second.
    EXPECT_TRUE(WriteFile(state() / "ca.key", authority_.private_key_pem, 0600).ok());
    EXPECT_TRUE(WriteFile(state() / "ca.pem", authority_.certificate_pem, 0644).ok());
    Bring("boot.example", 397);
    Open("[[tls.certificate]]\nchain = \"own.pem\"\nkey = \"own.key\"\n");
    before_ = core_->certificates().All();
  }

  // Puts a new chain into its files, which ends so many days from now.
  void Bring(const std::string& name, int days) {
    const auto issued =
        tls::IssueServerCertificate(authority_, {.key_type = tls::KeyType::kEcdsaP256,
                                                 .dns_names = {name},
                                                 .ip_addresses = {},
                                                 .days = days});
    const auto& chain = std::get<tls::Certificate>(issued);
    std::ofstream(folder_ / "own.pem") << chain.chain_pem;
    std::ofstream(folder_ / "own.key") << chain.private_key_pem;
  }
  // The words of the error; empty: they are new.
  std::string Rotate() {
    const absl::Status status = core_->certificates().Rotate(DaemonActor());
    return std::string(status.message());
  }
  static std::vector<std::string> Fingerprints(const std::vector<CertificateState>& all) {
    std::vector<std::string> fingerprints;
    for (const CertificateState& each : all) fingerprints.push_back(each.fingerprint);
    return fingerprints;
  }
  void ExpectAsItWas() {
    EXPECT_EQ(Fingerprints(core_->certificates().All()), Fingerprints(before_));
    EXPECT_EQ(published_, 0);
    const auto noted = core_->store().Audit({.limit = 10}).value();
    for (const AuditRecord& record : noted) EXPECT_NE(record.what, "certificates");
  }

  static constexpr std::size_t kOwn = 1, kManagement = 2;  // behind the CA

  const tls::Authority authority_ =
      tls::MakeAuthority({.common_name = "Test CA", .key_type = tls::KeyType::kEcdsaP256});
  std::vector<CertificateState> before_;
};

TEST_F(RotationTest, AChainThatFitsIsServedFromThenOn) {
  const auto old = snapshot_->tls;
  Bring("boot.example", 90);
  EXPECT_EQ(Rotate(), "");
  const auto after = core_->certificates().All();
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[0].fingerprint, before_[0].fingerprint);
  EXPECT_NE(after[kOwn].fingerprint, before_[kOwn].fingerprint);
  EXPECT_NE(after[kManagement].fingerprint, before_[kManagement].fingerprint);
  EXPECT_NE(snapshot_->tls, old);
  EXPECT_EQ(published_, 1);
  EXPECT_EQ(core_->store().Audit({.limit = 1}).value().front().what, "certificates");
}

TEST_F(RotationTest, AChainThatHasEndedIsNotServed) {
  Bring("boot.example", -1);
  const std::string words = Rotate();
  EXPECT_THAT(words, HasSubstr((folder_ / "own.pem").string() + ": the certificate has expired"));
  EXPECT_THAT(words, HasSubstr("; bring a new one"));
  ExpectAsItWas();
  EXPECT_EQ(core_->certificates().refusal(), words);
  const AuditRecord noted = core_->store().Audit({.limit = 1}).value().front();
  EXPECT_EQ(noted.what, "certificates refused");
  EXPECT_THAT(noted.after, HasSubstr("has expired"));
  Bring("boot.example", 90);
  EXPECT_EQ(Rotate(), "");
  EXPECT_EQ(core_->certificates().refusal(), "");
}

TEST_F(RotationTest, AChainThatCoversNoBootNameIsNotServed) {
  Bring("other.example", 90);
  const std::string words = Rotate();
  EXPECT_THAT(words, HasSubstr((folder_ / "own.pem").string() +
                               ": does not cover the boot name boot.example; bring a certificate "
                               "with DNS:boot.example in its subjectAltName"));
  ExpectAsItWas();
}

TEST_F(RotationTest, WhatCannotBePublishedLeavesAllCertificatesAsTheyWere) {
  const auto old = snapshot_->tls;
  const auto management = core_->certificates().management_certificate();
  // What no door lets in: it does not fit beside the file's network.
  const NetworkDocument unfit{"near", {{"subnet", "10.77.0.0/25"}}};
  ASSERT_TRUE(core_->store().PutNetwork(unfit, DaemonActor()).ok());
  Bring("boot.example", 90);
  EXPECT_THAT(Rotate(), HasSubstr("do not fit together"));
  ExpectAsItWas();
  EXPECT_EQ(core_->certificates().management_certificate(), management);
  ASSERT_TRUE(core_->store().RemoveNetwork("near", DaemonActor()).ok());
  ASSERT_TRUE(core_->Republish().ok());
  EXPECT_EQ(snapshot_->tls, old) << "nor does the next publication bring them";
  EXPECT_EQ(Rotate(), "");
  EXPECT_NE(snapshot_->tls, old);
  EXPECT_NE(core_->certificates().management_certificate(), management);
}

TEST_F(RotationTest, OursIsRenewedThoughAChainOfOthersHasEnded) {
  Bring("boot.example", -1);
  core_->certificates().Renew(before_[kManagement].not_after - 31 * 86400);
  ExpectAsItWas();
  core_->certificates().Renew(before_[kManagement].not_after - 29 * 86400);
  const auto after = core_->certificates().All();
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[kManagement].name, "management");
  EXPECT_TRUE(after[kManagement].is_ours);
  EXPECT_NE(after[kManagement].fingerprint, before_[kManagement].fingerprint);
  EXPECT_EQ(after[kOwn].fingerprint, before_[kOwn].fingerprint);
  EXPECT_EQ(published_, 0) << "no machine sees it";
  EXPECT_EQ(core_->store().Audit({.limit = 1}).value().front().what, "certificates");
}

TEST_F(RotationTest, TheCasOwnRotationLeavesChainsOfOthersAlone) {
  Bring("boot.example", -1);  // nor is it read
  ASSERT_TRUE(core_->certificates().StepCa(CaStep::kRotate, DaemonActor()).ok());
  ASSERT_TRUE(core_->certificates().StepCa(CaStep::kActivate, DaemonActor()).ok());
  EXPECT_EQ(published_, 0) << "no machine sees it";
  const auto after = core_->certificates().All();
  ASSERT_EQ(after.size(), 4u);
  EXPECT_EQ(after[1].fingerprint, before_[0].fingerprint) << "the CA before";
  EXPECT_EQ(after[1 + kOwn].fingerprint, before_[kOwn].fingerprint);
  EXPECT_NE(after[1 + kManagement].fingerprint, before_[kManagement].fingerprint);
}

}  // namespace
}  // namespace slipway::control
