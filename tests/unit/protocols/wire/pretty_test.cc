// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/pretty.h"

#include <gtest/gtest.h>

#include <vector>

#include "protocols/wire/arp.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/icmp.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/udp.h"

namespace slipway {
namespace {

constexpr MacAddress kClient{{0x52, 0x54, 0x00, 0x12, 0x34, 0x56}};
constexpr Ipv4Address kClientIp(10, 0, 0, 2);
constexpr Ipv4Address kServerIp(10, 0, 0, 1);
const std::string kFromTo = "52:54:00:12:34:56 > ff:ff:ff:ff:ff:ff";

using Buffer = std::vector<std::uint8_t>;

Buffer FrameOf(EtherType type, Bytes payload, std::optional<VlanId> vlan = std::nullopt) {
  const ethernet::Header header{MacAddress::Broadcast(), kClient, type, vlan};
  Buffer frame(header.size());
  ethernet::EmitHeader(header, frame);
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

Buffer Ipv4Of(ipv4::Packet packet, Bytes payload) {
  packet.source = kClientIp;
  packet.destination = kServerIp;
  packet.payload = payload;
  Buffer bytes(packet.size());
  ipv4::Emit(packet, bytes);
  return FrameOf(ethernet::kIpv4, bytes);
}

Buffer ArpOf(const arp::Packet& packet) {
  Buffer bytes(arp::kPacketSize);
  arp::Emit(packet, bytes);
  return FrameOf(ethernet::kArp, bytes);
}

Buffer UdpOf(Port source, Port destination, Bytes payload) {
  const udp::Datagram datagram{source, destination, payload};
  Buffer bytes(datagram.size());
  udp::Emit(datagram, {kClientIp, kServerIp}, bytes);
  return Ipv4Of({.protocol = ipv4::kUdp}, bytes);
}

TEST(Pretty, ArpSaysWhoAsksAndWhoAnswers) {
  const arp::Packet request{arp::Operation::kRequest, kClient, kClientIp, {}, kServerIp};
  EXPECT_EQ(Pretty(ArpOf(request)), kFromTo + " ARP who-has 10.0.0.1 tell 10.0.0.2");
  const arp::Packet reply{arp::Operation::kReply, kClient, kClientIp, kClient, kServerIp};
  EXPECT_EQ(Pretty(ArpOf(reply)), kFromTo + " ARP 10.0.0.2 is-at 52:54:00:12:34:56");
  const arp::Packet probe{arp::Operation::kRequest, kClient, {}, {}, kServerIp};
  EXPECT_EQ(Pretty(ArpOf(probe)), kFromTo + " ARP probe 10.0.0.1");
  const arp::Packet announcement{arp::Operation::kRequest, kClient, kClientIp, {}, kClientIp};
  EXPECT_EQ(Pretty(ArpOf(announcement)), kFromTo + " ARP 10.0.0.2 announced by 52:54:00:12:34:56");
}

TEST(Pretty, DhcpNamesItsMessageType) {
  Buffer message(240, 0);
  message.insert(message.end(), {12, 1, 'x', 53, 1, 1, 255});
  EXPECT_EQ(Pretty(UdpOf(Port(68), Port(67), message)),
            kFromTo + " IPv4 10.0.0.2:68 > 10.0.0.1:67 UDP 247 DHCP DISCOVER");
  message[245] = 99;
  EXPECT_EQ(Pretty(UdpOf(Port(68), Port(67), message)),
            kFromTo + " IPv4 10.0.0.2:68 > 10.0.0.1:67 UDP 247 DHCP ?");
}

TEST(Pretty, TcpShowsFlagsAndNumbers) {
  const Buffer segment{0x04, 0x01, 0x01, 0xbb, 0,    0, 0, 7, 0, 0,   0,
                       8,    0x50, 0x12, 0xfa, 0xf0, 0, 0, 0, 0, 'h', 'i'};
  EXPECT_EQ(Pretty(Ipv4Of({.protocol = ipv4::kTcp}, segment)),
            kFromTo + " IPv4 10.0.0.2:1025 > 10.0.0.1:443 TCP SA seq 7 ack 8 win 64240 len 2");
}

TEST(Pretty, IcmpFragmentsVlansAndUnknownTypes) {
  Buffer echo(8);
  icmp::Emit({icmp::kEcho, 0, 3, {}}, echo);
  EXPECT_EQ(Pretty(Ipv4Of({.protocol = ipv4::kIcmp}, echo)),
            kFromTo + " IPv4 10.0.0.2 > 10.0.0.1 ICMP echo 3");
  EXPECT_EQ(
      Pretty(Ipv4Of({.protocol = ipv4::kUdp, .identification = 9, .fragment_offset = 8}, echo)),
      kFromTo + " IPv4 10.0.0.2 > 10.0.0.1 protocol 17 fragment 8+8 last of 9");
  EXPECT_EQ(Pretty(FrameOf(EtherType(0x88cc), {}, VlanId(7))),
            kFromTo + " VLAN 7 type 0x88cc 0 bytes");
}

TEST(Pretty, NamesTheDropOfWhatCannotBeRead) {
  EXPECT_EQ(Pretty(Bytes{}), "[EthernetTruncated] 0 bytes");
  EXPECT_EQ(Pretty(FrameOf(ethernet::kIpv4, {})), kFromTo + " IPv4 [IpTruncated]");
  EXPECT_EQ(Pretty(FrameOf(ethernet::kArp, {})), kFromTo + " ARP [ArpTruncated]");
}

}  // namespace
}  // namespace slipway
