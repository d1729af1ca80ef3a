// SPDX-License-Identifier: Apache-2.0
#include "control/access/sessions.h"

#include <gtest/gtest.h>

#include <vector>

namespace slipway::control {
namespace {

constexpr SessionLimits kLimits{.lifetime = 100, .silence = 10, .per_token = 2, .all = 3};

TEST(SessionsTest, ASessionLeadsToItsTokenUntilItIsEnded) {
  Sessions sessions(kLimits);
  const std::string one = sessions.Begin("hash", 0);
  ASSERT_EQ(one.size(), 64u);
  EXPECT_NE(one, sessions.Begin("hash", 0));
  EXPECT_EQ(sessions.Find(one, 5), "hash");
  EXPECT_EQ(sessions.Find("hash", 5), std::nullopt);
  EXPECT_EQ(sessions.Find("", 5), std::nullopt);
  sessions.End(one);
  EXPECT_EQ(sessions.Find(one, 5), std::nullopt);
  EXPECT_EQ(sessions.size(), 1u);
}

TEST(SessionsTest, SilenceEndsIt) {
  Sessions sessions(kLimits);
  const std::string text = sessions.Begin("hash", 0);
  EXPECT_TRUE(sessions.Find(text, 9));
  EXPECT_TRUE(sessions.Find(text, 18)) << "each request begins the time anew";
  EXPECT_FALSE(sessions.Find(text, 28));
  EXPECT_EQ(sessions.size(), 0u);
}

TEST(SessionsTest, ItEndsHoweverOftenItIsUsed) {
  Sessions sessions(kLimits);
  const std::string text = sessions.Begin("hash", 0);
  for (int now = 1; now < 100; ++now) ASSERT_TRUE(sessions.Find(text, now)) << now;
  EXPECT_FALSE(sessions.Find(text, 100));
}

TEST(SessionsTest, OneTooManyOfATokenEndsItsOwnSilentOne) {
  Sessions sessions(kLimits);
  const std::string other = sessions.Begin("other", 0);
  const std::string first = sessions.Begin("hash", 1);
  const std::string second = sessions.Begin("hash", 2);
  EXPECT_TRUE(sessions.Find(first, 3));
  const std::string third = sessions.Begin("hash", 4);
  EXPECT_FALSE(sessions.Find(second, 5)) << "it was silent the longest";
  EXPECT_TRUE(sessions.Find(first, 5));
  EXPECT_TRUE(sessions.Find(third, 5));
  EXPECT_TRUE(sessions.Find(other, 5));
}

TEST(SessionsTest, OneTooManyOfAllEndsTheMostSilentOne) {
  Sessions sessions(kLimits);
  std::vector<std::string> texts;
  for (int i = 0; i < 4; ++i) texts.push_back(sessions.Begin(std::to_string(i), i));
  EXPECT_EQ(sessions.size(), 3u);
  EXPECT_FALSE(sessions.Find(texts[0], 5));
  EXPECT_TRUE(sessions.Find(texts[3], 5));
}

}  // namespace
}  // namespace slipway::control
