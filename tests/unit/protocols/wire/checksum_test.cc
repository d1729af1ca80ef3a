// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace slipway {
namespace {

// RFC 1071 read literally: two bytes at a time, the last one padded with zero.
std::uint16_t Literal(Bytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const std::uint32_t high = bytes[i];
    const std::uint32_t low = i + 1 < bytes.size() ? bytes[i + 1] : 0;
    sum += high << 8 | low;
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

std::vector<std::uint8_t> RandomBytes(std::mt19937& random, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

TEST(Checksum, OfTheExampleInRfc1071) {
  const std::vector<std::uint8_t> bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(ChecksumOf(bytes), static_cast<std::uint16_t>(~0xddf2));
}

TEST(Checksum, OfNothingIsAllOnes) { EXPECT_EQ(Checksum().Finish(), 0xffff); }

TEST(Checksum, EqualsTheLiteralSumForEveryLength) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size <= 200; ++size) {
    const auto bytes = RandomBytes(random, size);
    EXPECT_EQ(ChecksumOf(bytes), Literal(bytes)) << size;
  }
}

TEST(Checksum, DoesNotDependOnWherePiecesEnd) {
  std::mt19937 random(2);
  for (std::size_t size = 0; size <= 24; ++size) {
    const auto bytes = RandomBytes(random, size);
    for (std::size_t first = 0; first <= size; ++first) {
      for (std::size_t second = first; second <= size; ++second) {
        Checksum checksum;
        checksum.Add(Bytes(bytes).first(first));
        checksum.Add(Bytes(bytes).subspan(first, second - first));
        checksum.Add(Bytes(bytes).subspan(second));
        ASSERT_EQ(checksum.Finish(), Literal(bytes)) << size << ' ' << first << ' ' << second;
      }
    }
  }
}

TEST(Checksum, NumbersCountAsTheirBytesAtEvenAndOddPlaces) {
  for (const std::size_t before : {0U, 1U, 2U, 3U}) {
    std::vector<std::uint8_t> bytes(before, 0xab);
    Checksum checksum;
    checksum.Add(bytes);
    checksum.Add16(0x1234);
    checksum.Add32(0x56789abc);
    for (const int byte : {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc}) {
      bytes.push_back(static_cast<std::uint8_t>(byte));
    }
    EXPECT_EQ(checksum.Finish(), Literal(bytes)) << before;
  }
}

TEST(Checksum, CarriesAllTheWayRoundOverAllOnes) {
  const std::vector<std::uint8_t> bytes(65535, 0xff);
  EXPECT_EQ(ChecksumOf(bytes), Literal(bytes));
}

TEST(Checksum, VerifiesToZeroOverItself) {
  std::mt19937 random(3);
  for (std::size_t size = 2; size <= 100; size += 2) {
    auto bytes = RandomBytes(random, size);
    bytes[0] = bytes[1] = 0;
    const std::uint16_t value = ChecksumOf(bytes);
    bytes[0] = static_cast<std::uint8_t>(value >> 8);
    bytes[1] = static_cast<std::uint8_t>(value);
    EXPECT_EQ(ChecksumOf(bytes), 0) << size;
  }
}

}  // namespace
}  // namespace slipway
