// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/ipv4.h"

#include <gtest/gtest.h>

#include <vector>

namespace slipway {
namespace {

using ipv4::Packet;

std::vector<std::uint8_t> BytesOf(const Packet& packet) {
  std::vector<std::uint8_t> bytes(packet.size());
  ipv4::Emit(packet, bytes);
  return bytes;
}

const std::vector<std::uint8_t> kPayload{1, 2, 3, 4, 5, 6, 7, 8};

Packet Example() {
  return {.source = Ipv4Address(10, 0, 0, 2),
          .destination = Ipv4Address(10, 0, 0, 1),
          .protocol = ipv4::kUdp,
          .payload = kPayload};
}

// Makes a header's checksum right again after a test changed something else.
void Reseal(std::vector<std::uint8_t>& bytes, std::size_t header_size) {
  bytes[10] = bytes[11] = 0;
  const std::uint16_t checksum = ChecksumOf(Bytes(bytes).first(header_size));
  bytes[10] = static_cast<std::uint8_t>(checksum >> 8);
  bytes[11] = static_cast<std::uint8_t>(checksum);
}

TEST(Ipv4, ParsesWhatItEmittedForEveryFlagAndOptionsLength) {
  std::vector<std::uint8_t> options(ipv4::kOptionsSizeMax, 1);
  for (std::size_t size = 0; size <= options.size(); size += 4) {
    for (const bool dont_fragment : {false, true}) {
      for (const bool more_fragments : {false, true}) {
        for (std::uint32_t offset = 0; offset <= 65528; offset += 8) {
          Packet packet = Example();
          packet.identification = 0xabcd;
          packet.service = 0xb9;
          packet.dont_fragment = dont_fragment;
          packet.more_fragments = more_fragments;
          packet.fragment_offset = static_cast<std::uint16_t>(offset);
          packet.options = Bytes(options).first(size);
          const auto bytes = BytesOf(packet);
          const auto parsed = ipv4::Parse(bytes);
          ASSERT_TRUE(parsed.ok());
          ASSERT_EQ(*parsed, packet);
          ASSERT_EQ(parsed->is_fragment(), more_fragments || offset != 0);
        }
      }
    }
  }
}

// Every header length with every total length over a packet of every small size.
TEST(Ipv4, AcceptsExactlyTheLengthsThatFit) {
  for (std::size_t size = 0; size <= 72; ++size) {
    for (std::size_t words = 0; words < 16; ++words) {
      for (std::size_t total = 0; total <= 80; ++total) {
        std::vector<std::uint8_t> bytes(size, 1);
        const std::size_t header = words * 4;
        if (size > 0) bytes[0] = static_cast<std::uint8_t>(0x40 | words);
        if (size > 3) {
          bytes[2] = 0;
          bytes[3] = static_cast<std::uint8_t>(total);
        }
        if (size >= 20 && header >= 20 && header <= size) Reseal(bytes, header);
        const auto parsed = ipv4::Parse(bytes);
        const Drop expected = size < 20                      ? Drop::kIpTruncated
                              : header < 20 || header > size ? Drop::kIpHeaderLength
                              : total < header               ? Drop::kIpHeaderLength
                              : total > size                 ? Drop::kIpTruncated
                                                             : Drop::kNone;
        ASSERT_EQ(parsed.drop(), expected) << size << ' ' << words << ' ' << total;
        if (!parsed) continue;
        ASSERT_EQ(parsed->payload.size(), total - header);
        ASSERT_EQ(parsed->options.size(), header - 20);
      }
    }
  }
}

TEST(Ipv4, RefusesEveryOtherVersion) {
  for (int version = 0; version < 16; ++version) {
    auto bytes = BytesOf(Example());
    bytes[0] = static_cast<std::uint8_t>(version << 4 | 5);
    Reseal(bytes, 20);
    EXPECT_EQ(ipv4::Parse(bytes).drop(), version == 4 ? Drop::kNone : Drop::kIpVersion);
  }
}

TEST(Ipv4, NoticesEverySingleBitFlippedInItsHeaderUnlessThePortVouches) {
  const auto good = BytesOf(Example());
  for (std::size_t bit = 0; bit < 20 * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(ipv4::Parse(bytes).ok()) << bit;
  }
  auto blank = good;
  blank[10] = blank[11] = 0;
  EXPECT_EQ(ipv4::Parse(blank).drop(), Drop::kIpHeaderChecksum);
  EXPECT_TRUE(ipv4::Parse(blank, ChecksumState::kKnownGood).ok());
}

TEST(Ipv4, CutsWhatEthernetPadded) {
  auto bytes = BytesOf(Example());
  bytes.resize(46);
  EXPECT_EQ(*ipv4::Parse(bytes), Example());
}

// All option kinds that matter, at every length an option of four bytes' room can claim.
TEST(Ipv4, RefusesOptionsThatRunOverTheHeader) {
  for (int kind = 0; kind < 256; ++kind) {
    for (int length = 0; length < 256; ++length) {
      const std::vector<std::uint8_t> options{static_cast<std::uint8_t>(kind),
                                              static_cast<std::uint8_t>(length), 0, 0};
      Packet packet = Example();
      packet.options = options;
      const auto bytes = BytesOf(packet);
      // After a no-operation the "length" is the next option's kind; kinds above 1 then say the
      // length 0, which is impossible.
      const bool fits = kind == 0 ? true : kind == 1 ? length <= 1 : length >= 2 && length <= 4;
      EXPECT_EQ(ipv4::Parse(bytes).drop(), fits ? Drop::kNone : Drop::kIpOptionMalformed)
          << kind << ' ' << length;
    }
  }
}

TEST(Ipv4, AnOptionOfOneByteAtTheEndIsMalformed) {
  const std::vector<std::uint8_t> options{1, 1, 1, 7};
  Packet packet = Example();
  packet.options = options;
  EXPECT_EQ(ipv4::Parse(BytesOf(packet)).drop(), Drop::kIpOptionMalformed);
}

TEST(Ipv4, AQuoteMayBeCutAndItsChecksumChanged) {
  auto bytes = BytesOf(Example());
  bytes[8] = 1;
  const auto quoted = ipv4::ParseQuoted(Bytes(bytes).first(24));
  ASSERT_TRUE(quoted.ok());
  EXPECT_EQ(quoted->source, Example().source);
  EXPECT_TRUE(Equal(quoted->payload, Bytes(kPayload).first(4)));
  EXPECT_EQ(ipv4::ParseQuoted(Bytes(bytes).first(19)).drop(), Drop::kIpTruncated);
}

}  // namespace
}  // namespace slipway
