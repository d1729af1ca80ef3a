// SPDX-License-Identifier: Apache-2.0
//
// What of a message tells its software, and what does not: all of it, option by option, and the
// captured messages of real firmware.
#include "protocols/dhcp/fingerprint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "protocols/base/fingerprint.h"
#include "protocols/dhcp/client.h"
#include "protocols/dhcp/condition.h"
#include "tests/unit/protocols/dhcp/bench.h"
#include "tests/unit/protocols/dhcp/captured.h"

namespace slipway::dhcp {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr auto kDiscover = DhcpMessageType::kDiscover;
constexpr auto kRequest = DhcpMessageType::kRequest;

std::string TextOf(Bytes message) {
  OptionScratch scratch;
  const auto parsed = Parse(message, scratch);
  EXPECT_TRUE(parsed.ok()) << Describe(parsed.drop()).sentence;
  return parsed ? std::string(FingerprintText(FirmwareFingerprint(*parsed)).view()) : "";
}
std::string TextOf(const Said& said) { return TextOf(said.Bytes()); }

// An option of each code that a fingerprint looks into.
Said Firmware(DhcpMessageType type = kDiscover) {
  return Said(type)
      .U16(57, 1472)
      .Option(55, {1, 3, 6, 60, 235, 67, 97})
      .Text(60, "HTTPClient:Arch:00016:UNDI:003000")
      .Option(175, {177, 2, 9, 9, 19, 1, 1});
}

TEST(Fingerprint, IsWrittenInSixteenDigitsAndReadAgain) {
  constexpr std::uint64_t kValues[] = {0, 1, 0x0123456789abcdef, 0xfedcba9876543210, ~0ULL};
  for (const std::uint64_t value : kValues) {
    const FingerprintText text(value);
    EXPECT_EQ(text.view().size(), 16u);
    EXPECT_EQ(ParseFingerprint(text.view()), value);
  }
  EXPECT_EQ(FingerprintText(0x0123456789abcdef).view(), "0123456789abcdef");
  EXPECT_EQ(ParseFingerprint("0123456789ABCDEF"), std::uint64_t{0x0123456789abcdef});
  for (const char* wrong : {"", "0", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg"}) {
    EXPECT_FALSE(ParseFingerprint(wrong)) << wrong;
  }
}

// The values that draft-eastlake-fnv gives.
TEST(Fingerprint, IsFnv1a) {
  const std::pair<std::string_view, std::uint64_t> kCases[] = {
      {"", 0xcbf29ce484222325}, {"a", 0xaf63dc4c8601ec8c}, {"foobar", 0x85944171f73967e8}};
  for (const auto& [text, value] : kCases) {
    Fnv1a hash;
    hash.Add(AsBytes(text));
    EXPECT_EQ(hash.value(), value) << text;
  }
}

TEST(FirmwareFingerprint, OfEachCodeIsToldOrLeftOut) {
  const std::set<int> left_out = {12, 43, 50, 51, 52, 53, 54, 56, 61, 80, 81, 82, 97};
  const std::string plain = TextOf(Firmware());
  for (int code = 1; code < 255; ++code) {
    if (code == 52 || code == 53) continue;  // they say how the message is to be read
    const Octets value = code == 61 ? Octets{1, 2, 3} : Octets{0, 0, 0, 0};
    const bool same = TextOf(Firmware().Option(code, value)) == plain;
    EXPECT_EQ(same, left_out.contains(code)) << code;
  }
}

TEST(FirmwareFingerprint, TheRequestSaysWhatTheDiscoverSaid) {
  const Said request = Said(kRequest)
                           .Address(54, kServer)
                           .Address(50, kFirst)
                           .U16(57, 0xff00)
                           .Option(55, {1, 3, 6, 60, 17, 67, 97})
                           .Text(60, "HTTPClient:Arch:00019:UNDI:003000")
                           .Option(175, {177, 3, 7, 8, 9, 19, 1, 1});
  EXPECT_EQ(TextOf(request), TextOf(Firmware()))
      << "server, address, size, an unset slot, architecture and bus address";
}

TEST(FirmwareFingerprint, EachOrderOfOptionsIsOneOfItsOwn) {
  std::array<int, 5> order = {57, 60, 77, 93, 94};
  std::set<std::string> told;
  std::size_t orders = 0;
  do {
    Said said(kDiscover);
    for (const int code : order) said.Option(code, {1, 2});
    told.insert(TextOf(said));
    ++orders;
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(orders, 120u);
  EXPECT_EQ(told.size(), orders);
}

TEST(FirmwareFingerprint, EachOrderOfRequestedOptionsIsOneOfItsOwn) {
  Octets list = {1, 3, 6, 15, 28};
  std::set<std::string> told;
  std::size_t orders = 0;
  do {
    // Less and less of it, too: which codes are asked for.
    for (std::size_t size = 0; size <= list.size(); ++size) {
      const auto end = list.begin() + static_cast<std::ptrdiff_t>(size);
      told.insert(TextOf(Said(kDiscover).Option(55, Octets(list.begin(), end))));
    }
    ++orders;
  } while (std::next_permutation(list.begin(), list.end()));
  EXPECT_EQ(orders, 120u);
  EXPECT_EQ(told.size(), 1u + 5 + 20 + 60 + 120 + 120);
}

TEST(FirmwareFingerprint, WhatIsInAnOptionIsNotTakenForTheNext) {
  EXPECT_NE(TextOf(Said(kDiscover).Option(55, {1, 3}).Option(77, {})),
            TextOf(Said(kDiscover).Option(55, {1, 3, 77})));
  EXPECT_NE(TextOf(Said(kDiscover).Text(60, "a").Option(77, {})),
            TextOf(Said(kDiscover).Text(60, "aM")));
}

TEST(FirmwareFingerprint, OnlyHttpClientsHaveASlotThatIsUnset) {
  const auto with = [](const char* vendor_class, std::uint8_t slot) {
    return TextOf(Said(kDiscover).Option(55, {60, slot, 67}).Text(60, vendor_class));
  };
  EXPECT_EQ(with("HTTPClient", 235), with("HTTPClient", 0));
  EXPECT_NE(with("PXEClient", 66), with("PXEClient", 0));
}

TEST(FirmwareFingerprint, AFeatureOfIpxeCounts) {
  const auto with = [](const Octets& features) {
    return TextOf(Said(kDiscover).Option(175, features));
  };
  EXPECT_EQ(with({177, 1, 1, 19, 1, 1}), with({177, 1, 2, 19, 1, 1}));
  EXPECT_NE(with({19, 1, 1}), with({19, 1, 0}));
  EXPECT_NE(with({19, 1, 1}), with({20, 1, 1}));
  EXPECT_EQ(with({19, 1, 1, 20, 9, 1}), with({19, 1, 1})) << "one that runs over the end";
}

TEST(FirmwareFingerprint, PadsAndACutMessageAreReadAsFarAsTheyGo) {
  const Octets whole = Firmware().Bytes();
  Octets padded = whole;
  padded.insert(padded.begin() + 240, {0, 0, 0});
  padded.insert(padded.end(), 60, 0);
  EXPECT_EQ(TextOf(padded), TextOf(whole));
  for (std::size_t size = 243; size < whole.size(); ++size) {
    OptionScratch scratch;
    const auto message = Parse(Bytes(whole).first(size), scratch);
    if (message) static_cast<void>(FirmwareFingerprint(*message));
  }
}

TEST(FirmwareFingerprint, IsMadeForABootClientsStoryAlone) {
  const auto made = [](const Said& said) {
    const Octets octets = said.Bytes();
    OptionScratch scratch;
    const auto message = Parse(octets, scratch);
    return message && ClientOf(*message).fingerprint != 0;
  };
  EXPECT_TRUE(made(Said(kDiscover).Http()));
  EXPECT_TRUE(made(Said(kDiscover).Pxe()));
  EXPECT_TRUE(made(Said(kDiscover).Ipxe()));
  EXPECT_FALSE(made(Said(kDiscover)));
  EXPECT_FALSE(made(Said(kRequest).Http()));
}

TEST(FirmwareFingerprint, ATermAsksForItOnceAndTakesWhatIsGiven) {
  const Octets octets = Firmware(kRequest).Bytes();
  OptionScratch scratch;
  const auto message = Parse(octets, scratch);
  ASSERT_TRUE(message);
  const Client client = ClientOf(*message);
  const Term term{Fact::kFingerprint, false, {TextOf(octets)}};
  const Facts facts{.client = client, .message = *message, .network = "lab"};
  EXPECT_FALSE(facts.fingerprint) << "nobody has asked";
  EXPECT_TRUE(Holds(term, facts));
  EXPECT_TRUE(facts.fingerprint);
  facts.fingerprint = 1;
  EXPECT_TRUE(Holds({Fact::kFingerprint, false, {"0000000000000001"}}, facts));
  const Facts unknown{.client = client, .message = *message, .network = "lab", .fingerprint = 0};
  EXPECT_TRUE(Holds({Fact::kFingerprint, false, {""}}, unknown));
  EXPECT_FALSE(Holds(term, unknown));
}

// Of each capture, the messages of the software in it.
TEST(FirmwareFingerprint, OfFirmwareIsTheSameInAllItsMessages) {
  // control/boots/firmware.cc names these.
  const std::map<std::string, std::string> known = {
      {"ovmf HTTPClient", "67f18dbc6287be40"},     {"ovmf PXEClient", "683c663f21183cc9"},
      {"ipxe-2019 iPXE", "6ee514fe8a8303ad"},      {"ipxe-2025 iPXE", "0f0e0b8563b9b7bc"},
      {"ipxe-2025 PXEClient", "683c663f21183cc9"},  // the firmware that loaded it
  };
  std::map<std::string, std::set<std::string>> told;
  std::map<std::string, std::set<DhcpMessageType>> types;
  for (const support::Capture& capture : support::Captures()) {
    for (const support::FrameBytes& frame : capture.frames) {
      const Bytes payload = UdpPayload(frame, 67);
      OptionScratch scratch;
      const auto message = Parse(payload, scratch);
      if (!message || !message->is_request) continue;
      const Client client = ClientOf(*message);
      const std::string from =
          capture.name.starts_with("ovmf") ? "ovmf" : capture.name.substr(0, 9);
      const std::string_view vendor_class = AsText(client.vendor_class);
      const std::string kind = client.kind == ClientKind::kIpxe
                                   ? "iPXE"
                                   : std::string(vendor_class.substr(0, vendor_class.find(':')));
      told[from + ' ' + kind].insert(TextOf(payload));
      types[from + ' ' + kind].insert(message->type);
    }
  }
  ASSERT_EQ(told.size(), known.size());
  for (const auto& [software, fingerprint] : known) {
    EXPECT_EQ(told[software], std::set{fingerprint}) << software;
    const bool never_answered = software == "ovmf PXEClient";
    EXPECT_EQ(types[software].size(), never_answered ? 1u : 2u) << software;
  }
}

}  // namespace
}  // namespace slipway::dhcp
