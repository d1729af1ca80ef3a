// SPDX-License-Identifier: Apache-2.0
//
// What real boot clients ask is answered as they need it.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "protocols/dns/answer.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/udp.h"
#include "tests/support/pcap.h"

namespace slipway::dns {
namespace {

// The DNS query in a frame, or nothing.
Bytes QueryIn(Bytes bytes) {
  const auto frame = ethernet::ParseFrame(bytes);
  if (!frame || frame->header.type != ethernet::kIpv4) return {};
  const auto packet = ipv4::Parse(frame->payload);
  if (!packet || packet->protocol != ipv4::kUdp) return {};
  const udp::Addresses addresses{packet->source, packet->destination};
  const auto datagram = udp::Parse(packet->payload, addresses, ChecksumState::kKnownGood);
  return datagram && datagram->destination == Port(53) ? datagram->payload : Bytes{};
}

TEST(CapturedDnsQueries, GetTheAddressTheyAskFor) {
  const auto captures = support::Captures();
  std::set<std::string> names;
  for (const support::Capture& capture : captures) {
    for (const support::FrameBytes& frame : capture.frames) {
      const Bytes query = QueryIn(frame);
      if (query.empty()) continue;
      const QuestionName name(query);
      Zone zone;
      ASSERT_TRUE(zone.Add(name.text(), Ipv4Address(10, 77, 0, 1))) << name.text();
      std::array<std::uint8_t, kAnswerSizeMax> out{};
      const auto size = Answer(query, zone, {}, out);
      ASSERT_TRUE(size.ok()) << capture.name;
      Reader reader(Bytes(out).first(*size));
      EXPECT_EQ(reader.U16(), query[0] << 8 | query[1]);
      EXPECT_EQ(reader.U16() & 0x840f, 0x8400) << name.text();
      const std::uint16_t type = static_cast<std::uint16_t>(query[query.size() - 4 + 1]);
      reader.Skip(2);
      // A for A; for AAAA, which the zone has not, an authoritative "none".
      if (query[11] == 0) {
        EXPECT_EQ(reader.U16(), type == 1 ? 1 : 0) << name.text();
      }
      names.insert(std::string(name.text()));
    }
  }
  EXPECT_FALSE(names.empty());
}

}  // namespace
}  // namespace slipway::dns
