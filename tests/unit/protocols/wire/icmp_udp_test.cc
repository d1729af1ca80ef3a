// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "protocols/wire/icmp.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/udp.h"

namespace slipway {
namespace {

constexpr udp::Addresses kAddresses{Ipv4Address(10, 0, 0, 2), Ipv4Address(10, 0, 0, 1)};

std::vector<std::uint8_t> Numbered(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + 1);
  return bytes;
}

std::vector<std::uint8_t> UdpBytes(const udp::Datagram& datagram) {
  std::vector<std::uint8_t> bytes(datagram.size());
  udp::Emit(datagram, kAddresses, bytes);
  return bytes;
}

TEST(Udp, ParsesWhatItEmittedForEveryPayloadLength) {
  for (std::size_t size = 0; size <= 64; ++size) {
    const auto payload = Numbered(size);
    const udp::Datagram datagram{Port(68), Port(67), payload};
    EXPECT_EQ(*udp::Parse(UdpBytes(datagram), kAddresses), datagram);
  }
}

TEST(Udp, NoticesEverySingleBitFlipped) {
  const auto payload = Numbered(9);
  const auto good = UdpBytes({Port(68), Port(67), payload});
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(udp::Parse(bytes, kAddresses).ok()) << bit;
  }
  EXPECT_EQ(udp::Parse(good, {kAddresses.source, Ipv4Address(10, 0, 0, 9)}).drop(),
            Drop::kUdpChecksum);
}

TEST(Udp, AcceptsADatagramWithoutChecksum) {
  const auto payload = Numbered(9);
  auto bytes = UdpBytes({Port(68), Port(67), payload});
  bytes[6] = bytes[7] = 0;
  EXPECT_TRUE(udp::Parse(bytes, kAddresses).ok());
}

TEST(Udp, SendsAComputedZeroAsAllOnes) {
  // A payload of two bytes takes every value; for one of them the sum comes to zero.
  int all_ones = 0;
  for (std::uint32_t value = 0; value <= 0xffff; ++value) {
    const std::vector<std::uint8_t> payload{static_cast<std::uint8_t>(value >> 8),
                                            static_cast<std::uint8_t>(value)};
    const auto bytes = UdpBytes({Port(68), Port(67), payload});
    ASSERT_NE(bytes[6] << 8 | bytes[7], 0) << value;
    ASSERT_TRUE(udp::Parse(bytes, kAddresses).ok()) << value;
    if (bytes[6] == 0xff && bytes[7] == 0xff) ++all_ones;
  }
  EXPECT_EQ(all_ones, 1);
}

TEST(Udp, AcceptsExactlyTheLengthsThatFit) {
  for (std::size_t size = 0; size <= 20; ++size) {
    for (std::size_t length = 0; length <= 24; ++length) {
      std::vector<std::uint8_t> bytes(size, 0);
      for (const std::size_t at : {1U, 3U}) {
        if (at < size) bytes[at] = 9;
      }
      if (size > 5) bytes[5] = static_cast<std::uint8_t>(length);
      const bool fits = size >= 8 && length >= 8 && length <= size;
      const auto datagram = udp::Parse(bytes, kAddresses);
      EXPECT_EQ(datagram.drop(), fits ? Drop::kNone : Drop::kUdpTruncated);
      if (fits) {
        EXPECT_EQ(datagram->payload.size(), length - 8);
      }
    }
  }
}

TEST(Udp, RefusesPortZeroAtEitherEnd) {
  EXPECT_EQ(udp::Parse(UdpBytes({Port(0), Port(67), {}}), kAddresses).drop(), Drop::kUdpPortZero);
  EXPECT_EQ(udp::Parse(UdpBytes({Port(68), Port(0), {}}), kAddresses).drop(), Drop::kUdpPortZero);
}

TEST(Udp, EmitsAroundAPayloadThatAlreadyStandsThere) {
  std::vector<std::uint8_t> out(udp::kHeaderSize + 5);
  const auto payload = Numbered(5);
  Copy(payload, MutableBytes(out).subspan(udp::kHeaderSize));
  udp::Emit({Port(1), Port(2), Bytes(out).subspan(udp::kHeaderSize)}, kAddresses, out);
  EXPECT_EQ(out, UdpBytes({Port(1), Port(2), payload}));
}

TEST(Icmp, ParsesWhatItEmittedAndNoticesEverySingleBitFlipped) {
  for (std::size_t size = 0; size <= 33; ++size) {
    const auto body = Numbered(size);
    const icmp::Message message{icmp::kEcho, 0, 0x12345678, body};
    std::vector<std::uint8_t> bytes(message.size());
    icmp::Emit(message, bytes);
    EXPECT_EQ(*icmp::Parse(bytes), message);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      auto flipped = bytes;
      flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1 << bit % 8);
      ASSERT_EQ(icmp::Parse(flipped).drop(), Drop::kIcmpChecksum) << bit;
    }
    if (size == 0) {
      for (std::size_t cut = 0; cut < 8; ++cut) {
        EXPECT_EQ(icmp::Parse(Bytes(bytes).first(cut)).drop(), Drop::kIcmpTruncated);
      }
    }
  }
}

}  // namespace
}  // namespace slipway
