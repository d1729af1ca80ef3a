// SPDX-License-Identifier: Apache-2.0
//
// Reading and writing messages: pieces, overload, limits, hostile lengths.
#include "protocols/dhcp/message.h"

#include <gtest/gtest.h>

#include "protocols/base/entropy.h"
#include "protocols/dhcp/reply.h"
#include "tests/unit/protocols/dhcp/bench.h"

namespace slipway::dhcp {
namespace {

using Octets = std::vector<std::uint8_t>;

Drop DropOf(const Octets& bytes) {
  OptionScratch scratch;
  return Parse(bytes, scratch).drop();
}

Octets Discover() { return Said(DhcpMessageType::kDiscover).Bytes(); }

Octets With(std::size_t at, std::uint8_t value) {
  Octets bytes = Discover();
  bytes[at] = value;
  return bytes;
}

TEST(Parse, NamesWhatIsWrong) {
  EXPECT_EQ(DropOf(Discover()), Drop::kNone);
  EXPECT_EQ(DropOf({}), Drop::kDhcpTruncated);
  EXPECT_EQ(DropOf(Octets(239)), Drop::kDhcpTruncated);
  EXPECT_EQ(DropOf(With(0, 3)), Drop::kDhcpNotRequest);
  EXPECT_EQ(DropOf(With(1, 6)), Drop::kDhcpHardwareType);
  EXPECT_EQ(DropOf(With(2, 16)), Drop::kDhcpHardwareType);
  EXPECT_EQ(DropOf(With(28, 0x53)), Drop::kDhcpHardwareType) << "a group address is no client";
  EXPECT_EQ(DropOf(With(236, 0)), Drop::kDhcpCookie);
  EXPECT_EQ(DropOf(With(3, 17)), Drop::kDhcpHopsExceeded);
  EXPECT_EQ(DropOf(With(242, 9)), Drop::kDhcpTypeUnexpected);
  EXPECT_EQ(DropOf(With(242, 0)), Drop::kDhcpTypeUnexpected);
  EXPECT_EQ(DropOf(With(241, 200)), Drop::kDhcpOptionMalformed);
  EXPECT_EQ(DropOf(With(240, 55)), Drop::kDhcpTypeMissing);
  EXPECT_EQ(DropOf(Said(DhcpMessageType::kDiscover).Option(52, {4}).Bytes()),
            Drop::kDhcpOptionMalformed);
}

TEST(Parse, EveryTruncationIsEitherADropOrAForgivenMissingEnd) {
  const Octets whole = Said(DhcpMessageType::kDiscover).Http().Text(12, "name").Bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const Drop drop = DropOf(cut);
    EXPECT_TRUE(drop == Drop::kDhcpTruncated || drop == Drop::kDhcpTypeMissing ||
                drop == Drop::kDhcpOptionMalformed || drop == Drop::kNone)
        << size;
    if (size < 243) {
      EXPECT_NE(drop, Drop::kNone) << size;
    }
  }
}

TEST(Parse, JoinsPiecesAcrossOptionsFileAndSnameInThatOrder) {
  Said said(DhcpMessageType::kDiscover);
  said.Text(77, "ab").Text(60, "PXE").Text(77, "cd").Text(60, "Client").Option(52, {3});
  Octets bytes = said.Bytes();
  const auto put = [&](std::size_t at, const Octets& option) {
    std::copy(option.begin(), option.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(108, {0, 77, 2, 'e', 'f', 12, 1, 'n', 255});
  put(44, {77, 2, 'g', 'h', 52, 1, 3, 255});
  OptionScratch scratch;
  const auto message = Parse(bytes, scratch);
  ASSERT_TRUE(message) << Describe(message.drop()).sentence;
  EXPECT_EQ(AsText(message->options[DhcpOption::kUserClass]), "abcdefgh");
  EXPECT_EQ(AsText(message->options[DhcpOption::kVendorClass]), "PXEClient");
  EXPECT_EQ(AsText(message->options[DhcpOption::kHostName]), "n");
  EXPECT_TRUE(message->file.empty()) << "it held options";
}

TEST(Parse, OptionsInAnOverloadedFieldThatRunOverItAreMalformed) {
  Octets bytes = Said(DhcpMessageType::kDiscover).Option(52, {1}).Bytes();
  bytes[108] = 77;
  bytes[109] = 127;
  EXPECT_EQ(DropOf(bytes), Drop::kDhcpOptionMalformed);
}

TEST(Parse, PiecesBeyondTheScratchAreMalformedNotOverrun) {
  Said said(DhcpMessageType::kDiscover);
  for (int i = 0; i < 8; ++i) said.Option(77, Octets(250, 'x'));
  EXPECT_EQ(DropOf(said.Bytes()), Drop::kDhcpOptionMalformed);
}

TEST(Parse, RelaySubOptionsAreFoundAndMalformedOnesAreNot) {
  OptionScratch scratch;
  const Octets good =
      Said(DhcpMessageType::kDiscover).Option(82, {1, 2, 'e', '0', 5, 4, 10, 1, 2, 3}).Bytes();
  const auto message = Parse(good, scratch);
  EXPECT_EQ(message->RelayAddress(RelaySubOption::kLinkSelection), Ipv4Address(10, 1, 2, 3));
  EXPECT_EQ(message->RelayAddress(RelaySubOption::kServerIdentifierOverride), std::nullopt);
  for (const Octets& bad : {Octets{5, 3, 1, 2, 3}, Octets{5, 9, 1, 2, 3, 4}, Octets{5}, Octets{}}) {
    const Octets bytes = Said(DhcpMessageType::kDiscover).Option(82, bad).Bytes();
    EXPECT_EQ(Parse(bytes, scratch)->RelayAddress(RelaySubOption::kLinkSelection), std::nullopt);
  }
}

TEST(Fingerprint, TellsTheKindsApart) {
  const auto kind = [](const Said& said) {
    const Octets bytes = said.Bytes();
    OptionScratch scratch;
    return ClientOf(*Parse(bytes, scratch)).kind;
  };
  const auto discover = [] { return Said(DhcpMessageType::kDiscover); };
  EXPECT_EQ(kind(discover()), ClientKind::kPlain);
  EXPECT_EQ(kind(discover().Text(60, "MSFT 5.0")), ClientKind::kPlain);
  EXPECT_EQ(kind(discover().Pxe()), ClientKind::kPxe);
  EXPECT_EQ(kind(discover().Http()), ClientKind::kHttp);
  EXPECT_EQ(kind(discover().Pxe().Text(77, "iPXE")), ClientKind::kIpxe);
  EXPECT_EQ(kind(discover().Pxe().Text(77, "\x03gPX\x04iPXE")), ClientKind::kIpxe) << "RFC 3004";
  EXPECT_EQ(kind(discover().Pxe().Text(77, "\x09iPXE")), ClientKind::kPxe);
  EXPECT_EQ(kind(discover().Pxe().Option(175, {1, 0})), ClientKind::kIpxe);
}

TEST(Fingerprint, ReadsUuidAndArchitectures) {
  Octets uuid{0, 0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66};
  for (const int octet : {0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}) {
    uuid.push_back(static_cast<std::uint8_t>(octet));
  }
  const Octets bytes = Said(DhcpMessageType::kDiscover)
                           .Option(97, uuid)
                           .Option(93, {0, 7, 0, 16})
                           .Text(60, "HTTPClient:Arch:00019:UNDI:003000")
                           .Bytes();
  OptionScratch scratch;
  const Client client = ClientOf(*Parse(bytes, scratch));
  EXPECT_EQ(client.uuid.ToString(), "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_EQ(Uuid::Parse("00112233-4455-6677-8899-AABBCCDDEEFF"), client.uuid);
  ASSERT_EQ(client.architecture_count, 2);
  EXPECT_EQ(client.architectures[1], 16);
  EXPECT_TRUE(client.architecture_disagrees);
}

// What was emitted is read back whole: any options, any limit, any overload.
TEST(Emit, WhatIsWrittenIsReadBackForAnyOptionsAndLimit) {
  SeededEntropy entropy(20261122);
  const std::array codes{1, 3, 6, 12, 15, 26, 28, 43, 51, 54, 60, 61, 97, 121, 175};
  std::size_t overloaded = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    Reply reply;
    reply.mac = MacOf(1);
    std::vector<Octets> values;
    values.reserve(codes.size());
    for (const int code : codes) {
      if (entropy.Below(3) == 0) continue;
      values.emplace_back(entropy.Below(entropy.Below(8) == 0 ? 600 : 40));
      entropy.Fill(values.back());
      reply.options.Add(static_cast<std::uint8_t>(code), values.back(), Need::kRequired);
    }
    const Octets relay(entropy.Below(2) * (1 + entropy.Below(300)), 0x52);
    const std::string uri(entropy.Below(2) * (1 + entropy.Below(600)), 'u');
    reply.relay_agent = relay;
    reply.boot_file = AsBytes(uri);
    reply.size_max = 300 + entropy.Below(1173);
    std::array<std::uint8_t, kReplySizeMax> buffer{};
    const std::size_t size = Emit(reply, buffer);
    if (size == 0) {
      ++refused;
      continue;
    }
    ASSERT_GE(size, 300U);
    ASSERT_LE(size, reply.size_max);
    OptionScratch scratch;
    const auto message = Parse(slipway::Bytes(buffer).first(size), scratch);
    ASSERT_TRUE(message) << "round " << round;
    for (const auto& option : reply.options.all()) {
      const auto code = static_cast<DhcpOption>(option.code);
      ASSERT_TRUE(message->options.Has(code)) << "round " << round;
      ASSERT_TRUE(Equal(message->options[code], option.value)) << "round " << round;
    }
    ASSERT_TRUE(Equal(message->options[DhcpOption::kRelayAgent], relay));
    const std::string nul(relay.empty() || uri.empty() ? 0 : 1, '\0');
    ASSERT_EQ(AsText(message->options[DhcpOption::kBootFile]), uri + nul);
    if (message->options.Has(DhcpOption::kOverload)) ++overloaded;
    if (!message->options.Has(DhcpOption::kOverload) && uri.size() < 128) {
      ASSERT_EQ(AsText(message->file), uri);
    }
  }
  EXPECT_GT(overloaded, 500U) << "the rounds must reach overload";
  EXPECT_GT(refused, 500U) << "and refusal";
}

TEST(Emit, LeavesOutWhatIsOptionalBeforeItFails) {
  Reply reply;
  reply.mac = MacOf(1);
  const Octets big(280, 1), small(100, 2);
  reply.options.Add(121, big, Need::kOptional);
  reply.options.Add(60, small, Need::kRequired);
  reply.size_max = 548;
  std::array<std::uint8_t, kReplySizeMax> buffer{};
  ASSERT_NE(Emit(reply, buffer), 0U);
  OptionScratch scratch;
  const auto message = Parse(slipway::Bytes(buffer).first(548), scratch);
  ASSERT_TRUE(message);
  EXPECT_TRUE(Equal(message->options[DhcpOption::kVendorClass], small));
  reply.options.Add(61, big, Need::kRequired);
  reply.size_max = 360;
  EXPECT_EQ(Emit(reply, buffer), 0U);
}

}  // namespace
}  // namespace slipway::dhcp
