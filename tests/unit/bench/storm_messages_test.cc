// SPDX-License-Identifier: Apache-2.0
//
// What the personalities say, held to captures of the firmware they play: option bytes of DHCP and
// TCP as OVMF 2022.11, OVMF 2025.02 and iPXE 2025 sent them.
#include <gmock/gmock.h>

#include "bench/storm/dhcp_client.h"
#include "bench/storm/dns_client.h"
#include "bench/storm/frames.h"
#include "bench/storm/personality.h"
#include "protocols/tcp/host.h"
#include "protocols/wire/ipv4.h"
#include "tls/key_schedule.h"

namespace slipway::storm {
namespace {

using Buffer = std::vector<std::uint8_t>;

Buffer Hex(std::string_view text) { return *tls::BytesFromHex(text); }

// The captured machine, whose UUID was not set.
const Identity kCaptured{.mac = *MacAddress::Parse("52:54:00:77:00:10"), .uuid = {}};

Buffer OptionsOf(Firmware firmware, const DhcpOffer* offer) {
  const DhcpAsk ask{.personality = PersonalityOf(firmware), .identity = kCaptured, .xid = 7};
  std::array<std::uint8_t, 1024> out{};
  const std::size_t size =
      offer == nullptr ? WriteDiscover(ask, out) : WriteRequest(ask, *offer, out);
  return {out.begin() + sizeof(DhcpHeader), out.begin() + static_cast<std::ptrdiff_t>(size)};
}

const DhcpOffer kOffer{.address = {10, 77, 0, 113}, .server = {10, 77, 0, 1}, .uri = {}};

TEST(Personality, UefiDiscoversAsOvmf202211Does) {
  EXPECT_EQ(OptionsOf(Firmware::kUefi, nullptr),
            Hex("350101390205c0371b0102030405060c0d0f111216171c28292a2b3233363a3b3ceb436161110000"
                "0000000000000000000000000000005e030103005d0200103c2148545450436c69656e743a417263"
                "683a30303031363a554e44493a303033303030ff"));
}

TEST(Personality, UefiRequestsAsOvmf202211Does) {
  EXPECT_EQ(OptionsOf(Firmware::kUefi, &kOffer),
            Hex("35010336040a4d000132040a4d0071390205c0371b0102030405060c0d0f111216171c28292a2b32"
                "33363a3b3ceb4361611100000000000000000000000000000000005e030103005d0200103c214854"
                "5450436c69656e743a417263683a30303031363a554e44493a303033303030ff"));
}

TEST(Personality, IpxeDiscoversAsIpxe2025Does) {
  EXPECT_EQ(
      OptionsOf(Firmware::kIpxe, nullptr),
      Hex("3501015d0200075e0301030a3c20505845436c69656e743a417263683a30303030373a554e44493a"
          "3030333031304d04695058453718010306070c0f111a2a2b3c4243778081828384858687afcb"
          "af2db105011af41000eb0301000026010117010127010124010113010114010111010129"
          "01011b01011501011201013d070152540077001061110000000000000000000000000000000000ff"));
}

TEST(Personality, EveryFirmwaresHeaderAsksForABroadcastAsItsOwnDoes) {
  for (const Firmware firmware : {Firmware::kUefi, Firmware::kUefi2025, Firmware::kIpxe}) {
    EXPECT_TRUE(PersonalityOf(firmware).wants_broadcast);
  }
  EXPECT_FALSE(PersonalityOf(Firmware::kLinux).wants_broadcast);
}

// Option bytes of the SYN as tcp::Host would send it for this personality.
Buffer SynOptions(Firmware firmware) {
  const Personality& personality = PersonalityOf(firmware);
  const tcp::Settings settings = TcpSettings(personality, 1500, 1);
  SeededEntropy entropy(1);
  tcp::Host host(settings, entropy);
  const auto id = host.Connect(
      {Ipv4Address(10, 0, 0, 2), Port(50000), Ipv4Address(10, 0, 0, 1), Port(443)}, Time{});
  EXPECT_EQ(host.NextReady(), id);
  auto out = host.Emit(*id, Time{});
  EXPECT_TRUE(out && out->segment.flags.syn);
  EXPECT_EQ(out->segment.window, 65535);
  ShapeSyn(personality, out->segment.options);
  if (out->segment.options.timestamps) out->segment.options.timestamps->value = 0;
  Buffer bytes(60);
  bytes.resize(tcp::EmitHeader(out->segment, bytes));
  return {bytes.begin() + 20, bytes.end()};
}

TEST(Personality, UefisSynOffersMssAlone) {
  EXPECT_EQ(SynOptions(Firmware::kUefi), Hex("020405b4"));
}

TEST(Personality, NewerUefisSynOffersWindowScaleSixBesides) {
  EXPECT_EQ(SynOptions(Firmware::kUefi2025), Hex("020405b401030306"));
}

TEST(Personality, IpxesSynOffersScaleNineSackAndTimestamps) {
  EXPECT_EQ(SynOptions(Firmware::kIpxe), Hex("020405b401030309010104020101080a0000000000000000"));
}

TEST(DhcpClient, ReadsAnOfferAsItIsCaptured) {
  Buffer message(300);
  message[0] = 2, message[1] = 1, message[2] = 6;
  Writer(MutableBytes(message).subspan(4)).U32(0x1a4b332f);
  Writer(MutableBytes(message).subspan(16)).U32(0x0a4d0071);
  static_cast<void>(Copy(kCaptured.mac.octets, MutableBytes(message).subspan(28)));
  static_cast<void>(
      Copy(AsBytes("https://boot.rig.test/hello.efi"), MutableBytes(message).subspan(108)));
  static_cast<void>(
      Copy(Hex("6382536335010236040a4d00010104ffffff003c0a48545450436c69656e7403040a4d"
               "000106040a4d0001ff"),
           MutableBytes(message).subspan(236)));
  const auto offer = ReadDhcpAnswer(message);
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->type, DhcpMessageType::kOffer);
  EXPECT_EQ(offer->xid, 0x1a4b332fU);
  EXPECT_EQ(offer->mac, kCaptured.mac);
  EXPECT_EQ(offer->address, Ipv4Address(10, 77, 0, 113));
  EXPECT_EQ(offer->server, Ipv4Address(10, 77, 0, 1));
  EXPECT_EQ(offer->mask, Ipv4Address(255, 255, 255, 0));
  EXPECT_EQ(offer->name_server, Ipv4Address(10, 77, 0, 1));
  EXPECT_TRUE(offer->is_http);
  EXPECT_EQ(offer->uri, "https://boot.rig.test/hello.efi");
}

TEST(DnsClient, FindsTheAddressBehindACompressedName) {
  std::array<std::uint8_t, 300> query{};
  const std::size_t size = WriteDnsQuery(0x91de, "boot.rig.test", query);
  ASSERT_GT(size, 0U);
  Buffer answer(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(size));
  answer[2] = 0x84, answer[7] = 1;  // a response with one answer
  const Buffer record = Hex("c00c000100010000003c00040a4d0001");
  answer.insert(answer.end(), record.begin(), record.end());
  const auto read = ReadDnsAnswer(answer);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, 0x91de);
  EXPECT_EQ(read->address, Ipv4Address(10, 77, 0, 1));
  for (std::size_t cut = 0; cut < answer.size(); ++cut) {
    const auto part = ReadDnsAnswer(Bytes(answer).first(cut));
    EXPECT_FALSE(part && part->address) << cut;
  }
}

TEST(Frames, AFloodingSynIsWholeAndDrawnFromItsNumber) {
  const SynFlood flood{
      .to = MacAddress::Broadcast(), .from = kCaptured.mac, .destination = {10, 77, 0, 1}};
  std::array<std::uint8_t, 100> one{};
  std::array<std::uint8_t, 100> other{};
  ASSERT_EQ(WriteSyn(flood, 0x123456789abcdef0, one), 60U);
  ASSERT_EQ(WriteSyn(flood, 0x123456789abcdef1, other), 60U);
  EXPECT_NE(one, other);
  const auto packet = ipv4::Parse(Bytes(one).subspan(14, 44));
  ASSERT_TRUE(packet);
  const auto segment =
      tcp::Parse(packet->payload, packet->source, packet->destination, ChecksumState::kVerify);
  ASSERT_TRUE(segment);
  EXPECT_TRUE(segment->flags.syn);
  EXPECT_EQ(segment->options.mss, 1460);
  EXPECT_TRUE(Ipv4Prefix::Parse("198.18.0.0/15")->Contains(packet->source));
}

}  // namespace
}  // namespace slipway::storm
