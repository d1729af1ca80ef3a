// SPDX-License-Identifier: Apache-2.0
//
// Which chains are shown to whom.
#include "control/state/management_chains.h"

#include <gmock/gmock.h>

#include <ctime>

namespace slipway::control {
namespace {

using testing::ElementsAre;

class ManagementChainsTest : public testing::Test {
 protected:
  static tls::Certificate For(const tls::ServerRequest& request) {
    static const tls::Authority authority =
        tls::MakeAuthority({.common_name = "Test CA", .key_type = tls::KeyType::kEcdsaP256});
    return std::get<tls::Certificate>(tls::IssueServerCertificate(authority, request));
  }
  static tls::Certificate ForName(const std::string& name) {
    return For({.key_type = tls::KeyType::kEcdsaP256, .dns_names = {name}, .ip_addresses = {}});
  }
  // "own", or the number of the operator's.
  std::vector<std::string> Shown(const std::string& host, std::int64_t now) const {
    const ShownChains chains(chains_);
    std::vector<std::string> shown;
    for (const ShownChain* each : ChainsFor(chains, host, now)) {
      EXPECT_FALSE(each->certificates.empty());
      EXPECT_NE(each->key, nullptr);
      shown.push_back(each == &chains.own ? "own" : std::to_string(each - chains.brought.data()));
    }
    return shown;
  }

  const std::int64_t now_ = std::time(nullptr);
  ManagementChains chains_{.brought = {},
                           .own = For({.key_type = tls::KeyType::kEcdsaP256,
                                       .dns_names = {"localhost", "old.site.example"},
                                       .ip_addresses = {"127.0.0.1"}})};
};

TEST_F(ManagementChainsTest, WhereNoneWasBroughtOursIsForEverybody) {
  for (const char* host : {"127.0.0.1", "localhost", "slipway.site.example", ""}) {
    EXPECT_THAT(Shown(host, now_), ElementsAre("own")) << host;
  }
}

TEST_F(ManagementChainsTest, WhatIsCoveredByTheOperatorsIsTheirs) {
  chains_.brought = {ForName("slipway.site.example"), ForName("*.site.example")};
  EXPECT_THAT(Shown("slipway.site.example", now_), ElementsAre("0", "1"));
  EXPECT_THAT(Shown("SLIPWAY.site.example", now_), ElementsAre("0", "1"));
  EXPECT_THAT(Shown("old.site.example", now_), ElementsAre("1")) << "though ours has it too";
}

TEST_F(ManagementChainsTest, WhatOursAloneCoversIsOurs) {
  chains_.brought = {ForName("slipway.site.example")};
  for (const char* host : {"127.0.0.1", "localhost", "old.site.example"}) {
    EXPECT_THAT(Shown(host, now_), ElementsAre("own")) << host;
  }
}

TEST_F(ManagementChainsTest, WhatNoneCoversIsShownTheOperators) {
  chains_.brought = {ForName("slipway.site.example")};
  for (const char* host : {"other.example", "192.0.2.1", ""}) {
    EXPECT_THAT(Shown(host, now_), ElementsAre("0")) << host;
  }
}

TEST_F(ManagementChainsTest, OneThatIsNotValidIsNotShownWhereOursCoversTheHost) {
  chains_.brought = {ForName("old.site.example"), ForName("slipway.site.example")};
  const std::int64_t ends = now_ + std::int64_t{398} * 86400;  // after every one of them
  EXPECT_THAT(Shown("old.site.example", now_), ElementsAre("0"));
  EXPECT_THAT(Shown("old.site.example", ends), ElementsAre("own"));
  EXPECT_THAT(Shown("old.site.example", 0), ElementsAre("own")) << "it is yet to begin";
  EXPECT_THAT(Shown("slipway.site.example", ends), ElementsAre("0", "1"))
      << "ours does not cover that";
}

TEST_F(ManagementChainsTest, AnAddressMayBeTheOperatorsToo) {
  chains_.brought = {For({.key_type = tls::KeyType::kEcdsaP256,
                          .dns_names = {"slipway.site.example"},
                          .ip_addresses = {"192.0.2.1"}})};
  EXPECT_THAT(Shown("192.0.2.1", now_), ElementsAre("0"));
}

// Handshakes come to it; none of it is shown.
TEST_F(ManagementChainsTest, WhatCannotBeReadCoversNothing) {
  chains_.brought = {{.name = "torn", .chain_pem = "-----BEGIN CERTIFICATE-----\n"}};
  const ShownChains chains(chains_);
  EXPECT_TRUE(chains.brought.front().certificates.empty());
  EXPECT_FALSE(IsValidAt(chains.brought.front(), now_));
  EXPECT_THAT(ChainsFor(chains, "localhost", now_), ElementsAre(&chains.own));
}

}  // namespace
}  // namespace slipway::control
