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

  const std::int64_t now_ = std::time(nullptr);
  ManagementChains chains_{.brought = {},
                           .own = For({.key_type = tls::KeyType::kEcdsaP256,
                                       .dns_names = {"localhost", "old.site.example"},
                                       .ip_addresses = {"127.0.0.1"}})};
};

TEST_F(ManagementChainsTest, WhereNoneWasBroughtOursIsForEverybody) {
  for (const char* host : {"127.0.0.1", "localhost", "slipway.site.example", ""}) {
    EXPECT_THAT(ChainsFor(chains_, host, now_), ElementsAre(&chains_.own)) << host;
  }
}

TEST_F(ManagementChainsTest, WhatIsCoveredByTheOperatorsIsTheirs) {
  chains_.brought = {ForName("slipway.site.example"), ForName("*.site.example")};
  const auto* const first = &chains_.brought[0];
  const auto* const second = &chains_.brought[1];
  EXPECT_THAT(ChainsFor(chains_, "slipway.site.example", now_), ElementsAre(first, second));
  EXPECT_THAT(ChainsFor(chains_, "SLIPWAY.site.example", now_), ElementsAre(first, second));
  EXPECT_THAT(ChainsFor(chains_, "old.site.example", now_), ElementsAre(second))
      << "though ours has it too";
}

TEST_F(ManagementChainsTest, WhatOursAloneCoversIsOurs) {
  chains_.brought = {ForName("slipway.site.example")};
  for (const char* host : {"127.0.0.1", "localhost", "old.site.example"}) {
    EXPECT_THAT(ChainsFor(chains_, host, now_), ElementsAre(&chains_.own)) << host;
  }
}

TEST_F(ManagementChainsTest, WhatNoneCoversIsShownTheOperators) {
  chains_.brought = {ForName("slipway.site.example")};
  for (const char* host : {"other.example", "192.0.2.1", ""}) {
    EXPECT_THAT(ChainsFor(chains_, host, now_), ElementsAre(&chains_.brought.front())) << host;
  }
}

TEST_F(ManagementChainsTest, OneThatIsNotValidIsNotShownWhereOursCoversTheHost) {
  chains_.brought = {ForName("old.site.example"), ForName("slipway.site.example")};
  const std::int64_t ends = now_ + std::int64_t{398} * 86400;  // after every one of them
  const auto* const own = &chains_.own;
  EXPECT_THAT(ChainsFor(chains_, "old.site.example", now_), ElementsAre(chains_.brought.data()));
  EXPECT_THAT(ChainsFor(chains_, "old.site.example", ends), ElementsAre(own));
  EXPECT_THAT(ChainsFor(chains_, "old.site.example", 0), ElementsAre(own)) << "it is yet to begin";
  EXPECT_THAT(ChainsFor(chains_, "slipway.site.example", ends),
              ElementsAre(chains_.brought.data(), chains_.brought.data() + 1))
      << "ours does not cover that";
}

TEST_F(ManagementChainsTest, AnAddressMayBeTheOperatorsToo) {
  chains_.brought = {For({.key_type = tls::KeyType::kEcdsaP256,
                          .dns_names = {"slipway.site.example"},
                          .ip_addresses = {"192.0.2.1"}})};
  EXPECT_THAT(ChainsFor(chains_, "192.0.2.1", now_), ElementsAre(&chains_.brought.front()));
}

}  // namespace
}  // namespace slipway::control
