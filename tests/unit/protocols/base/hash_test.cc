// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "protocols/base/siphash.h"
#include "protocols/base/siphash_words.h"

namespace slipway {
namespace {

// The vectors of the SipHash paper's reference code: key 00..0f, message 00..(n-1).
TEST(SipHash, MatchesThePublishedVectors) {
  const SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::array<std::uint8_t, 16> message{};
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(SipHash(key, Bytes(message).first(0)), 0x726fdb47dd0e0e31U);
  EXPECT_EQ(SipHash(key, Bytes(message).first(1)), 0x74f839c593dc67fdU);
  EXPECT_EQ(SipHash(key, Bytes(message).first(8)), 0x93f5f5799a932462U);
  EXPECT_EQ(SipHash(key, Bytes(message).first(15)), 0xa129ca6149be45e5U);
}

TEST(SipHash, IsTheSameOfAMessageInRegisters) {
  const SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  EXPECT_EQ(SipHashOf<1>(key, {0x0706050403020100}, 0, 8), 0x93f5f5799a932462U);
  EXPECT_EQ(SipHashOf<1>(key, {0x0706050403020100}, 0x0e0d0c0b0a0908, 15), 0xa129ca6149be45e5U);
}

TEST(SeededEntropy, TheSameSeedGivesTheSameBytes) {
  SeededEntropy a(7), b(7), c(8);
  EXPECT_EQ(a.Next64(), b.Next64());
  EXPECT_NE(b.Next64(), c.Next64());
}

}  // namespace
}  // namespace slipway
