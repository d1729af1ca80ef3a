// SPDX-License-Identifier: Apache-2.0
#include "control/access/tokens.h"

#include <gmock/gmock.h>

#include <set>
#include <vector>

#include "control/access/digest.h"

namespace slipway::control {
namespace {

TEST(Tokens, AreTwoHundredFiftySixBitsAndNeverTheSame) {
  std::set<std::string> texts;
  for (int i = 0; i < 100; ++i) texts.insert(MakeTokenText());
  EXPECT_EQ(texts.size(), 100u);
  for (const std::string& text : texts) EXPECT_EQ(text.size(), 64u);
}

// FIPS 180-4's example, and of nothing.
TEST(Tokens, AreKeptAsTheirSha256) {
  EXPECT_EQ(HashOf("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HashOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Tokens, AreFoundByTheirHashUntilTheirEnd) {
  const std::vector<TokenRecord> tokens = {
      {.name = "a", .role = Role::kViewer, .sha256 = HashOf("one")},
      {.name = "b", .role = Role::kAdmin, .sha256 = HashOf("two"), .expires = 100}};
  const auto a = FindToken(tokens, "one", 1'000'000);
  EXPECT_EQ(std::get<const TokenRecord*>(a)->name, "a");
  EXPECT_EQ(std::get<const TokenRecord*>(FindToken(tokens, "two", 99))->name, "b");
  EXPECT_EQ(std::get<TokenFault>(FindToken(tokens, "two", 100)), TokenFault::kExpired);
  EXPECT_EQ(std::get<TokenFault>(FindToken(tokens, "", 0)), TokenFault::kUnknown);
  EXPECT_EQ(std::get<TokenFault>(FindToken({}, "one", 0)), TokenFault::kUnknown);
  EXPECT_EQ(std::get<TokenFault>(FindToken(tokens, HashOf("one"), 0)), TokenFault::kUnknown)
      << "what the database holds lets nobody in";
}

TEST(Tokens, HaveNamesThatFitInAPath) {
  for (const char* good : {"ci", "a.b-c_D9"}) EXPECT_TRUE(IsTokenName(good)) << good;
  for (const char* bad : {"", "a b", "a/b", "\xc3\xa4", "a\n"}) EXPECT_FALSE(IsTokenName(bad));
  EXPECT_TRUE(IsTokenName(std::string(64, 'x')));
  EXPECT_FALSE(IsTokenName(std::string(65, 'x')));
}

TEST(Roles, EachMayDoWhatThoseBelowMay) {
  for (const Role own : {Role::kViewer, Role::kOperator, Role::kAdmin}) {
    EXPECT_EQ(RoleOf(NameOf(own)), own);
    for (const Role needed : {Role::kViewer, Role::kOperator, Role::kAdmin}) {
      EXPECT_EQ(May({.name = "x", .role = own}, needed), own >= needed);
    }
  }
  EXPECT_FALSE(RoleOf("king").has_value());
}

}  // namespace
}  // namespace slipway::control
