// SPDX-License-Identifier: Apache-2.0
#include "protocols/ip/receive.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace slipway::ip {
namespace {

const std::array<Ipv4Prefix, 3> kOurs{Ipv4Prefix{Ipv4Address(10, 0, 0, 1), 24},
                                      Ipv4Prefix{Ipv4Address(10, 1, 0, 1), 16},
                                      Ipv4Prefix{Ipv4Address(192, 0, 2, 4), 31}};

ipv4::Packet From(Ipv4Address source, Ipv4Address destination = Ipv4Address(10, 0, 0, 1)) {
  return {.source = source, .destination = destination, .protocol = ipv4::kTcp};
}
constexpr Ipv4Address kPeer(10, 0, 0, 2);

TEST(IpReceive, TakesWhatIsForUsAndSaysWhatIsForEverybody) {
  const Verdict for_us{};
  const Verdict for_all{.to_group = true};
  const Verdict not_for_us{.drop = Drop::kIpNotForUs};
  EXPECT_EQ(Judge(From(kPeer, Ipv4Address(10, 0, 0, 1)), kOurs), for_us);
  EXPECT_EQ(Judge(From(kPeer, Ipv4Address(10, 1, 0, 1)), kOurs), for_us);
  EXPECT_EQ(Judge(From(kPeer, Ipv4Address(192, 0, 2, 4)), kOurs), for_us);
  EXPECT_EQ(Judge(From(kPeer, Ipv4Address::Broadcast()), kOurs), for_all);
  EXPECT_EQ(Judge(From(kPeer, Ipv4Address(10, 0, 0, 255)), kOurs), for_all);
  EXPECT_EQ(Judge(From(kPeer, Ipv4Address(10, 1, 255, 255)), kOurs), for_all);
  // A network of two addresses has no broadcast (RFC 3021).
  EXPECT_EQ(Judge(From(kPeer, Ipv4Address(192, 0, 2, 5)), kOurs), not_for_us);
  for (const Ipv4Address other : {Ipv4Address(10, 0, 0, 3), Ipv4Address(127, 0, 0, 1),
                                  Ipv4Address(224, 0, 0, 1), Ipv4Address()}) {
    EXPECT_EQ(Judge(From(kPeer, other), kOurs), not_for_us) << other.ToString();
  }
}

// Every first octet a source can have.
TEST(IpReceive, RefusesMartianSources) {
  for (int first = 0; first < 256; ++first) {
    const Ipv4Address source(static_cast<std::uint8_t>(first), 9, 9, 9);
    const bool martian = first == 0 || first == 127 || first >= 224;
    EXPECT_EQ(Judge(From(source), kOurs).drop, martian ? Drop::kIpMartianSource : Drop::kNone)
        << first;
  }
  for (const Ipv4Address source :
       {Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 0), Ipv4Address(10, 0, 0, 255),
        Ipv4Address(10, 1, 0, 0), Ipv4Address(10, 1, 255, 255), Ipv4Address::Broadcast()}) {
    EXPECT_EQ(Judge(From(source), kOurs).drop, Drop::kIpMartianSource) << source.ToString();
  }
  EXPECT_EQ(Judge(From(Ipv4Address(192, 0, 2, 5)), kOurs).drop, Drop::kNone);
}

TEST(IpReceive, TheUnspecifiedSourceMayOnlySpeakDhcp) {
  for (std::uint32_t port = 0; port < 1024; ++port) {
    const std::vector<std::uint8_t> udp{0, 68, static_cast<std::uint8_t>(port >> 8),
                                        static_cast<std::uint8_t>(port)};
    ipv4::Packet packet = From(Ipv4Address(), Ipv4Address::Broadcast());
    packet.payload = udp;
    EXPECT_EQ(Judge(packet, kOurs).drop, Drop::kIpMartianSource);
    packet.protocol = ipv4::kUdp;
    EXPECT_EQ(Judge(packet, kOurs),
              (port == 67 ? Verdict{.to_group = true} : Verdict{.drop = Drop::kIpMartianSource}));
  }
  ipv4::Packet empty = From(Ipv4Address(), Ipv4Address::Broadcast());
  empty.protocol = ipv4::kUdp;
  EXPECT_EQ(Judge(empty, kOurs).drop, Drop::kIpMartianSource);
  empty.fragment_offset = 8;
  EXPECT_EQ(Judge(empty, kOurs).drop, Drop::kNone);
  ipv4::Packet this_network = empty;
  this_network.source = Ipv4Address(0, 0, 0, 1);
  EXPECT_EQ(Judge(this_network, kOurs).drop, Drop::kIpMartianSource);
}

// Every kind of option, alone and behind another.
TEST(IpReceive, RefusesSourceRoutesAndToleratesOtherOptions) {
  for (int kind = 2; kind < 256; ++kind) {
    const auto octet = static_cast<std::uint8_t>(kind);
    const std::vector<std::vector<std::uint8_t>> places{
        {octet, 4, 4, 0}, {1, octet, 3, 4}, {148, 4, 0, 0, octet, 3, 4, 0}};
    for (const auto& options : places) {
      ipv4::Packet packet = From(kPeer);
      packet.options = options;
      EXPECT_EQ(Judge(packet, kOurs).drop,
                kind == 131 || kind == 137 ? Drop::kIpSourceRouted : Drop::kNone)
          << kind;
    }
    const std::vector<std::uint8_t> after_end{0, octet, 2, 0};
    ipv4::Packet packet = From(kPeer);
    packet.options = after_end;
    EXPECT_EQ(Judge(packet, kOurs).drop, Drop::kNone);
  }
}

}  // namespace
}  // namespace slipway::ip
