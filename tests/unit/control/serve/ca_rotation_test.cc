// SPDX-License-Identifier: Apache-2.0
//
// The CA's rotation where the boot servers' certificates are ours: what machines are shown, and
// what becomes of a step that cannot be published.
#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "control/whole_file.h"
#include "tests/unit/control/serve/boot_site.h"
#include "tls/pem.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

class CaOfMachinesTest : public BootSite {
 protected:
  CaOfMachinesTest() {
    EXPECT_TRUE(StoreAuthorities(state(), old_).ok());
    Open();
  }

  std::string Step(CaStep step) {
    const absl::Status status = core_->certificates().StepCa(step, DaemonActor());
    return std::string(status.message());
  }
  // Of the published snapshot: whether both of its chains have so many certificates.
  void ExpectChains(int certificates) const {
    SSL_CTX* const context = snapshot_->tls->native();
    int chains = 0;
    for (long more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_FIRST); more == 1;
         more = SSL_CTX_set_current_cert(context, SSL_CERT_SET_NEXT)) {
      STACK_OF(X509)* others = nullptr;
      SSL_CTX_get0_chain_certs(context, &others);
      EXPECT_EQ(1 + std::max(sk_X509_num(others), 0), certificates);
      ++chains;
    }
    EXPECT_EQ(chains, 2) << "an RSA and an ECDSA one";
  }
  CaPhase OnDisk() const { return LoadAuthorities(state())->phase; }

  const Authorities old_ = {
      .issuing = tls::MakeAuthority({.key_type = tls::KeyType::kEcdsaP256, .days = 100}),
      .other = {},
      .cross_pem = {}};
};

TEST_F(CaOfMachinesTest, BothChainsHaveTheCrossCertificateWhileTwoCasAreBelieved) {
  ExpectChains(1);
  EXPECT_EQ(Step(CaStep::kRotate), "");
  ExpectChains(1);
  EXPECT_EQ(OnDisk(), CaPhase::kPrepared);
  EXPECT_EQ(Step(CaStep::kActivate), "");
  ExpectChains(2);
  EXPECT_EQ(OnDisk(), CaPhase::kActive);
  EXPECT_TRUE(core_->certificates().Rotate(DaemonActor()).ok());
  ExpectChains(2);
  const auto all = core_->certificates().All();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[1].name, "ca-previous");
  // The cross certificate ends with the old CA, which is no end of what is ours.
  core_->certificates().Renew(std::time(nullptr) + 90LL * 86400);
  EXPECT_EQ(core_->certificates().All()[2].fingerprint, all[2].fingerprint);
  EXPECT_EQ(Step(CaStep::kRetire), "");
  ExpectChains(1);
  EXPECT_EQ(OnDisk(), CaPhase::kSteady);
  EXPECT_EQ(core_->store().Audit({.limit = 1}).value().front().what, "certificates ca retire");
}

TEST_F(CaOfMachinesTest, ANextCaIsWithdrawnAndMachinesGoOnWithTheOldOne) {
  const std::string bundle = BundleOf(old_);
  ASSERT_EQ(Step(CaStep::kRotate), "");
  EXPECT_EQ(Step(CaStep::kWithdraw), "");
  ExpectChains(1);
  EXPECT_EQ(OnDisk(), CaPhase::kSteady);
  EXPECT_FALSE(std::filesystem::exists(state() / "ca.rotation"));
  EXPECT_EQ(ReadFile(state() / "ca.pem").value_or(""), bundle);
  EXPECT_EQ(BundleOf(*core_->certificates().authorities()), bundle);
  const auto noted = core_->store().Audit({.limit = 1}).value();
  EXPECT_EQ(noted.front().what, "certificates ca withdraw");
  // Sent twice it is no change, and no record.
  EXPECT_EQ(Step(CaStep::kWithdraw), "");
  EXPECT_EQ(core_->store().Audit({.limit = 1}).value().front().id, noted.front().id);
  // From where the next one signs, by the way back alone.
  ASSERT_EQ(Step(CaStep::kRotate), "");
  ASSERT_EQ(Step(CaStep::kActivate), "");
  EXPECT_THAT(Step(CaStep::kWithdraw), HasSubstr("'slipway ca deactivate'"));
  ExpectChains(2);
  ASSERT_EQ(Step(CaStep::kDeactivate), "");
  EXPECT_EQ(Step(CaStep::kWithdraw), "");
  ExpectChains(1);
  EXPECT_EQ(BundleOf(*core_->certificates().authorities()), bundle);
}

TEST_F(CaOfMachinesTest, WhatCannotBePublishedIsTakenBackFromDisk) {
  ASSERT_EQ(Step(CaStep::kRotate), "");
  const auto before = core_->certificates().authorities();
  const auto shown = snapshot_->tls;
  const std::string bundle = ReadFile(state() / "ca.pem").value_or("");
  // What no door lets in: it does not fit beside the file's network.
  const NetworkDocument unfit{"near", {{"subnet", "10.77.0.0/25"}}};
  ASSERT_TRUE(core_->store().PutNetwork(unfit, DaemonActor()).ok());
  EXPECT_THAT(Step(CaStep::kActivate), HasSubstr("do not fit together"));
  EXPECT_EQ(core_->certificates().authorities(), before);
  EXPECT_EQ(OnDisk(), CaPhase::kPrepared);
  EXPECT_EQ(ReadFile(state() / "ca.pem").value_or(""), bundle);
  EXPECT_EQ(snapshot_->tls, shown);
  ASSERT_TRUE(core_->store().RemoveNetwork("near", DaemonActor()).ok());
  EXPECT_EQ(Step(CaStep::kActivate), "");
  EXPECT_EQ(OnDisk(), CaPhase::kActive);
  EXPECT_NE(snapshot_->tls, shown);
}

TEST_F(CaOfMachinesTest, WhatCannotBeStoredIsNotServed) {
  const auto shown = snapshot_->tls;
  // A folder where the file would be.
  std::filesystem::create_directories(state() / "ca.rotation.new/in the way");
  EXPECT_THAT(Step(CaStep::kRotate), HasSubstr("ca.rotation.new: cannot be written"));
  EXPECT_EQ(core_->certificates().authorities()->phase, CaPhase::kSteady);
  EXPECT_EQ(snapshot_->tls, shown);
}

}  // namespace
}  // namespace slipway::control
