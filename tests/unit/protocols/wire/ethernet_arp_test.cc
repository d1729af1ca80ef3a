// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "protocols/wire/arp.h"
#include "protocols/wire/ethernet.h"

namespace slipway {
namespace {

constexpr MacAddress kClient{{0x52, 0x54, 0x00, 0x12, 0x34, 0x56}};
constexpr MacAddress kServer{{0x02, 0x00, 0x00, 0x00, 0x00, 0x01}};

std::vector<std::uint8_t> FrameOf(const ethernet::Header& header, Bytes payload) {
  std::vector<std::uint8_t> frame(header.size());
  ethernet::EmitHeader(header, frame);
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

TEST(Ethernet, ParsesWhatItEmittedForEveryVlan) {
  const std::array<std::uint8_t, 3> payload{1, 2, 3};
  for (std::uint16_t id = 0; id < 0x0fff; ++id) {
    const ethernet::Header header{kServer, kClient, ethernet::kIpv4,
                                  id == 0 ? std::nullopt : std::optional<VlanId>(VlanId(id))};
    const auto bytes = FrameOf(header, payload);
    const auto frame = ethernet::ParseFrame(bytes);
    ASSERT_TRUE(frame.ok());
    EXPECT_EQ(frame->header, header);
    EXPECT_TRUE(Equal(frame->payload, payload));
  }
}

TEST(Ethernet, ATagThePortTookOutCountsAsIfItStoodThere) {
  const auto bytes = FrameOf({kServer, kClient, ethernet::kArp, std::nullopt}, {});
  EXPECT_EQ(ethernet::ParseFrame(bytes, VlanId(7))->header,
            (ethernet::Header{kServer, kClient, ethernet::kArp, VlanId(7)}));
  EXPECT_EQ(ethernet::ParseFrame(bytes, VlanId(0))->header.vlan, std::nullopt);
}

TEST(Ethernet, PriorityDoesNotChangeTheVlan) {
  auto bytes = FrameOf({kServer, kClient, ethernet::kArp, VlanId(5)}, {});
  for (int control = 0; control < 16; ++control) {
    bytes[14] = static_cast<std::uint8_t>(control << 4);
    EXPECT_EQ(ethernet::ParseFrame(bytes)->header.vlan, VlanId(5)) << control;
    bytes[15] = 0;
    EXPECT_EQ(ethernet::ParseFrame(bytes)->header.vlan, std::nullopt) << control;
    bytes[15] = 5;
  }
}

TEST(Ethernet, RefusesTheReservedVlan) {
  auto bytes = FrameOf({kServer, kClient, ethernet::kArp, VlanId(0xffe)}, {});
  bytes[15] = 0xff;
  EXPECT_EQ(ethernet::ParseFrame(bytes).drop(), Drop::kVlanNotOurs);
}

TEST(Ethernet, RefusesShortFramesAndImpossibleSources) {
  const auto tagged = FrameOf({kServer, kClient, ethernet::kArp, VlanId(5)}, {});
  for (std::size_t size = 0; size < tagged.size(); ++size) {
    EXPECT_EQ(ethernet::ParseFrame(Bytes(tagged).first(size)).drop(),
              size < 14 ? Drop::kEthernetTruncated : Drop::kVlanTruncated);
  }
  for (const MacAddress& source : {MacAddress{}, MacAddress::Broadcast(), MacAddress{{1}}}) {
    const auto bytes = FrameOf({kServer, source, ethernet::kArp, std::nullopt}, {});
    EXPECT_EQ(ethernet::ParseFrame(bytes).drop(), Drop::kEthernetSourceInvalid);
  }
}

const arp::Packet kRequest{
    arp::Operation::kRequest, kClient, Ipv4Address(10, 0, 0, 2), {}, Ipv4Address(10, 0, 0, 1)};

std::vector<std::uint8_t> ArpBytes(const arp::Packet& packet) {
  std::vector<std::uint8_t> bytes(arp::kPacketSize);
  arp::Emit(packet, bytes);
  return bytes;
}

TEST(Arp, ParsesWhatItEmittedAndIgnoresPadding) {
  for (const arp::Operation operation : {arp::Operation::kRequest, arp::Operation::kReply}) {
    arp::Packet packet = kRequest;
    packet.operation = operation;
    packet.target_mac = kServer;
    auto bytes = ArpBytes(packet);
    EXPECT_EQ(*arp::Parse(bytes), packet);
    bytes.resize(46, 0xee);
    EXPECT_EQ(*arp::Parse(bytes), packet);
  }
}

TEST(Arp, RefusesEveryOtherOperation) {
  auto bytes = ArpBytes(kRequest);
  for (std::uint32_t operation = 0; operation <= 0xffff; ++operation) {
    bytes[6] = static_cast<std::uint8_t>(operation >> 8);
    bytes[7] = static_cast<std::uint8_t>(operation);
    EXPECT_EQ(arp::Parse(bytes).drop(),
              operation == 1 || operation == 2 ? Drop::kNone : Drop::kArpOperationUnknown);
  }
}

TEST(Arp, RefusesEveryChangeOfTypeOrLength) {
  const auto good = ArpBytes(kRequest);
  for (std::size_t at = 0; at < 6; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto bytes = good;
      bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ 1 << bit);
      EXPECT_EQ(arp::Parse(bytes).drop(), Drop::kArpNotIpv4OverEthernet) << at << ' ' << bit;
    }
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(arp::Parse(Bytes(good).first(size)).drop(), Drop::kArpTruncated);
  }
}

TEST(Arp, RefusesSendersThatAreNoSingleStation) {
  for (const MacAddress& mac : {MacAddress{}, MacAddress::Broadcast(), MacAddress{{1}}}) {
    arp::Packet packet = kRequest;
    packet.sender_mac = mac;
    EXPECT_EQ(arp::Parse(ArpBytes(packet)).drop(), Drop::kArpSenderInvalid);
  }
  for (int first = 0; first < 256; ++first) {
    arp::Packet packet = kRequest;
    packet.sender_ip = Ipv4Address(static_cast<std::uint8_t>(first), 1, 2, 3);
    const bool possible = first != 0 && first != 127 && first < 224;
    EXPECT_EQ(arp::Parse(ArpBytes(packet)).drop(),
              possible ? Drop::kNone : Drop::kArpSenderInvalid);
  }
}

TEST(Arp, AProbeClaimsNothingAndOnlyARequestIsOne) {
  arp::Packet packet = kRequest;
  packet.sender_ip = Ipv4Address();
  ASSERT_TRUE(arp::Parse(ArpBytes(packet)).ok());
  EXPECT_TRUE(arp::Parse(ArpBytes(packet))->is_probe());
  packet.operation = arp::Operation::kReply;
  EXPECT_EQ(arp::Parse(ArpBytes(packet)).drop(), Drop::kArpSenderInvalid);
}

}  // namespace
}  // namespace slipway
