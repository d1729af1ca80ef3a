// SPDX-License-Identifier: Apache-2.0
#include "control/state/certificate_state.h"

#include <gtest/gtest.h>

#include <ctime>

namespace slipway::control {
namespace {

TEST(CertificateStateTest, ItEndsWithItsIssuerWhereThatEndsFirst) {
  const tls::Authority authority =
      tls::MakeAuthority({.key_type = tls::KeyType::kEcdsaP256, .days = 5});
  auto certificate = std::get<tls::Certificate>(tls::IssueServerCertificate(
      authority, {.key_type = tls::KeyType::kEcdsaP256, .dns_names = {"a.test"}, .days = 90}));
  const std::int64_t now = std::time(nullptr);
  EXPECT_NEAR(static_cast<double>(DaysLeft(StateOf(certificate, false), now)), 90, 1);
  certificate.chain_pem += authority.certificate_pem;
  const CertificateState state = StateOf(certificate, false);
  EXPECT_NEAR(static_cast<double>(DaysLeft(state, now)), 5, 1);
  EXPECT_EQ(state.subject, "CN=a.test") << "all else is of the server's own";
}

}  // namespace
}  // namespace slipway::control
