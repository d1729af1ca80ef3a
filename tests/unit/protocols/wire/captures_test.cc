// SPDX-License-Identifier: Apache-2.0
//
// Every frame that a real boot client or its server sent is understood, and its headers come out
// again bit for bit.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "protocols/wire/arp.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/icmp.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/pretty.h"
#include "protocols/wire/udp.h"
#include "tests/support/pcap.h"

namespace slipway {
namespace {

// The capturing host left its own checksums to hardware that was not there: those differ.
void CheckUdp(const ipv4::Packet& packet) {
  const udp::Addresses addresses{packet.source, packet.destination};
  const auto datagram = udp::Parse(packet.payload, addresses, ChecksumState::kKnownGood);
  ASSERT_TRUE(datagram.ok()) << Describe(datagram.drop()).name;
  support::FrameBytes out(datagram->size());
  ASSERT_EQ(udp::Emit(*datagram, addresses, out), out.size());
  if (udp::Parse(packet.payload, addresses).ok() && Reader(packet.payload.subspan(6)).U16() != 0) {
    EXPECT_TRUE(Equal(out, packet.payload.first(out.size())));
  }
  EXPECT_EQ(*udp::Parse(out, addresses), *datagram);
}

void CheckIpv4(Bytes bytes) {
  const auto packet = ipv4::Parse(bytes);
  ASSERT_TRUE(packet.ok()) << Describe(packet.drop()).name;
  support::FrameBytes out(packet->size());
  ASSERT_EQ(ipv4::Emit(*packet, out), out.size());
  EXPECT_TRUE(Equal(out, bytes.first(out.size())));
  if (packet->protocol == ipv4::kUdp) CheckUdp(*packet);
  if (packet->protocol == ipv4::kIcmp) {
    const auto message = icmp::Parse(packet->payload);
    ASSERT_TRUE(message.ok()) << Describe(message.drop()).name;
    support::FrameBytes again(message->size());
    icmp::Emit(*message, again);
    EXPECT_TRUE(Equal(again, packet->payload));
  }
}

void CheckArp(Bytes bytes) {
  const auto packet = arp::Parse(bytes);
  ASSERT_TRUE(packet.ok()) << Describe(packet.drop()).name;
  support::FrameBytes out(arp::kPacketSize);
  arp::Emit(*packet, out);
  EXPECT_TRUE(Equal(out, bytes.first(out.size())));
}

void CheckFrame(Bytes bytes) {
  const auto frame = ethernet::ParseFrame(bytes);
  ASSERT_TRUE(frame.ok()) << Describe(frame.drop()).name;
  support::FrameBytes out(frame->header.size());
  ethernet::EmitHeader(frame->header, out);
  EXPECT_TRUE(Equal(out, bytes.first(out.size())));
  if (frame->header.type == ethernet::kIpv4) CheckIpv4(frame->payload);
  if (frame->header.type == ethernet::kArp) CheckArp(frame->payload);
}

TEST(CapturedFrames, ParseAndComeOutAgainIdentically) {
  const auto captures = support::Captures();
  std::size_t frames = 0;
  for (const support::Capture& capture : captures) {
    EXPECT_FALSE(capture.frames.empty()) << capture.name;
    for (std::size_t i = 0; i < capture.frames.size(); ++i, ++frames) {
      SCOPED_TRACE(capture.name + " frame " + std::to_string(i + 1) + ": " +
                   Pretty(capture.frames[i]));
      CheckFrame(capture.frames[i]);
    }
  }
  RecordProperty("frames", static_cast<int>(frames));
  EXPECT_GT(frames, 300U);
}

TEST(CapturedFrames, PrintWithoutARefusal) {
  const auto captures = support::Captures();
  std::set<std::string> kinds;
  for (const support::Capture& capture : captures) {
    for (const support::FrameBytes& frame : capture.frames) {
      const std::string line = Pretty(frame);
      EXPECT_EQ(line.find('['), std::string::npos) << capture.name << ": " << line;
      for (const char* kind : {"DHCP DISCOVER", "DHCP OFFER", "DHCP REQUEST", "DHCP ACK", "DNS",
                               "TCP S ", "TCP SA ", "who-has", "is-at"}) {
        if (line.find(kind) != std::string::npos) kinds.insert(kind);
      }
    }
  }
  EXPECT_EQ(kinds.size(), 9U);
}

TEST(CapturedFrames, ParseOrDropWhereverTheyAreCut) {
  for (const support::Capture& capture : support::Captures()) {
    for (const support::FrameBytes& frame : capture.frames) {
      for (std::size_t size = 0; size < std::min<std::size_t>(frame.size(), 80); ++size) {
        // In a copy of exactly that size, so that a sanitizer sees one byte too far.
        const support::FrameBytes cut(frame.begin(), frame.begin() + static_cast<long>(size));
        EXPECT_FALSE(Pretty(cut).empty());
        const auto parsed = ethernet::ParseFrame(cut);
        EXPECT_EQ(parsed.ok(), size >= sizeof(ethernet::WireHeader));
      }
    }
  }
}

}  // namespace
}  // namespace slipway
