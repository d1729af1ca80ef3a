// SPDX-License-Identifier: Apache-2.0
#include "protocols/icmp/responder.h"

#include <gtest/gtest.h>

#include <vector>

namespace slipway::icmp {
namespace {

constexpr Time kStart{};
constexpr Ipv4Address kOurs(10, 0, 0, 1);
constexpr Ipv4Address kPeer(10, 0, 0, 2);

// A TCP segment of ours from port 443 to 1025, sequence 7, as a router quotes it.
std::vector<std::uint8_t> Quote(IpProtocol protocol = ipv4::kTcp, std::size_t size = 1500) {
  const std::vector<std::uint8_t> start{0x01, 0xbb, 0x04, 0x01, 0, 0, 0, 7};
  std::vector<std::uint8_t> bytes(ipv4::kHeaderSize);
  ipv4::EmitHeader({.source = kOurs, .destination = kPeer, .protocol = protocol},
                   size - ipv4::kHeaderSize, bytes);
  bytes.insert(bytes.end(), start.begin(), start.end());
  return bytes;
}

Message TooBig(Bytes body, std::uint32_t mtu) {
  return {kDestinationUnreachable, kFragmentationNeeded, mtu, body};
}

const Quoted kSegment{ipv4::kTcp, kOurs, Port(443), kPeer, Port(1025), 7};

TEST(IcmpResponder, EchoesTheBodyAndTheArgument) {
  Responder responder({});
  const std::vector<std::uint8_t> body{1, 2, 3};
  const auto outcome = responder.Receive({kEcho, 0, 0x00010002, body}, false, kStart);
  EXPECT_EQ(outcome.drop, Drop::kNone);
  EXPECT_EQ(outcome.reply, (Message{kEchoReply, 0, 0x00010002, body}));
}

TEST(IcmpResponder, DoesNotAnswerAnEchoToABroadcast) {
  Responder responder({});
  const auto outcome = responder.Receive({kEcho, 0, 1, {}}, true, kStart);
  EXPECT_EQ(outcome.drop, Drop::kIcmpToGroup);
  EXPECT_FALSE(outcome.reply);
}

TEST(IcmpResponder, AnswersNoMoreThanItsRateAllows) {
  Responder responder({.echoes_per_second = 10, .errors_per_second = 10});
  int answered = 0;
  for (int millisecond = 0; millisecond < 3000; ++millisecond) {
    const Time now = kStart + std::chrono::milliseconds(millisecond);
    if (responder.Receive({kEcho, 0, 1, {}}, false, now).reply) ++answered;
  }
  EXPECT_EQ(answered, 10 + 29);
}

// Every type there is: only echo is answered, only unreachables are understood.
TEST(IcmpResponder, IgnoresEveryOtherType) {
  Responder responder({});
  const auto quote = Quote();
  for (int type = 0; type < 256; ++type) {
    const Message message{Type(static_cast<std::uint8_t>(type)), 0, 0, quote};
    const auto outcome = responder.Receive(message, false, kStart);
    EXPECT_EQ(outcome.reply.has_value(), message.type == kEcho) << type;
    EXPECT_EQ(outcome.unreachable.has_value(), message.type == kDestinationUnreachable) << type;
    EXPECT_EQ(outcome.drop == Drop::kIcmpTypeIgnored,
              message.type != kEcho && message.type != kDestinationUnreachable)
        << type;
  }
}

TEST(IcmpResponder, ReportsThePathMtuOfTheQuotedSegment) {
  Responder responder({});
  const auto quote = Quote();
  for (std::uint32_t mtu = 1; mtu <= 2000; ++mtu) {
    const auto outcome = responder.Receive(TooBig(quote, mtu), false, kStart);
    const bool believable = mtu >= 68 && mtu < 1500;
    ASSERT_EQ(outcome.path_mtu.has_value(), believable) << mtu;
    ASSERT_EQ(outcome.drop, believable ? Drop::kNone : Drop::kIcmpQuoteInvalid);
    if (!believable) continue;
    ASSERT_EQ(*outcome.path_mtu, (PathMtu{kSegment, static_cast<std::uint16_t>(mtu)}));
  }
}

TEST(IcmpResponder, TakesTheNextPlateauFromARouterThatSaysNoMtu) {
  Responder responder({});
  const std::pair<std::size_t, std::uint16_t> kCases[] = {
      {65535, 32000}, {32000, 17914}, {9000, 8166}, {1501, 1492}, {1500, 1492},
      {1492, 1006},   {576, 508},     {297, 296},   {296, 68},    {69, 68}};
  for (const auto& [length, mtu] : kCases) {
    const auto outcome = responder.Receive(TooBig(Quote(ipv4::kTcp, length), 0), false, kStart);
    ASSERT_TRUE(outcome.path_mtu) << length;
    EXPECT_EQ(outcome.path_mtu->mtu, mtu) << length;
  }
  const auto smallest = Quote(ipv4::kTcp, 68);
  EXPECT_EQ(responder.Receive(TooBig(smallest, 0), false, kStart).drop, Drop::kIcmpQuoteInvalid);
}

TEST(IcmpResponder, RefusesAQuoteWhereverItIsCut) {
  Responder responder({});
  const auto quote = Quote();
  for (std::size_t size = 0; size < quote.size(); ++size) {
    const std::vector<std::uint8_t> cut(quote.begin(), quote.begin() + static_cast<long>(size));
    EXPECT_EQ(responder.Receive(TooBig(cut, 1400), false, kStart).drop, Drop::kIcmpQuoteInvalid);
  }
  EXPECT_EQ(responder.Receive(TooBig(Quote(IpProtocol(50)), 1400), false, kStart).drop,
            Drop::kIcmpQuoteInvalid);
  EXPECT_EQ(responder.Receive(TooBig(quote, 1400), true, kStart).drop, Drop::kIcmpTypeIgnored);
}

ipv4::Packet Datagram(Bytes payload) {
  return {.source = kPeer, .destination = kOurs, .protocol = ipv4::kUdp, .payload = payload};
}

TEST(IcmpResponder, QuotesHeaderAndStartOfWhatCouldNotBeDelivered) {
  Responder responder({});
  const std::vector<std::uint8_t> payload(200, 0x5a);
  const auto error = responder.Unreachable(Datagram(payload), kPortUnreachable, kStart);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->type, kDestinationUnreachable);
  EXPECT_EQ(error->code, kPortUnreachable);
  const auto quoted = ipv4::ParseQuoted(error->body);
  ASSERT_TRUE(quoted.ok());
  EXPECT_EQ(quoted->source, kPeer);
  EXPECT_GE(quoted->payload.size(), 8U);
  EXPECT_TRUE(Equal(quoted->payload, Bytes(payload).first(quoted->payload.size())));
}

TEST(IcmpResponder, SendsNoErrorAboutGroupsFragmentsAndErrors) {
  Responder responder({});
  const std::vector<std::uint8_t> payload(8, 3);
  const auto refused = [&](const ipv4::Packet& about) {
    return !responder.Unreachable(about, kPortUnreachable, kStart).has_value();
  };
  auto packet = Datagram(payload);
  EXPECT_FALSE(refused(packet));
  packet.fragment_offset = 8;
  EXPECT_TRUE(refused(packet));
  packet = Datagram(payload);
  for (const Ipv4Address group : {Ipv4Address::Broadcast(), Ipv4Address(224, 0, 0, 1)}) {
    packet.destination = group;
    EXPECT_TRUE(refused(packet));
  }
  packet = Datagram(payload);
  for (const Ipv4Address source : {Ipv4Address(), Ipv4Address(127, 0, 0, 1),
                                   Ipv4Address(224, 0, 0, 1), Ipv4Address::Broadcast()}) {
    packet.source = source;
    EXPECT_TRUE(refused(packet));
  }
  for (int type = 0; type < 256; ++type) {
    const std::vector<std::uint8_t> icmp(8, static_cast<std::uint8_t>(type));
    packet = Datagram(icmp);
    packet.protocol = ipv4::kIcmp;
    const Time now = kStart + std::chrono::seconds(type);
    EXPECT_EQ(responder.Unreachable(packet, kProtocolUnreachable, now).has_value(),
              !IsError(Type(static_cast<std::uint8_t>(type))))
        << type;
  }
}

TEST(IcmpResponder, SendsNoMoreErrorsThanItsRateAllows) {
  Responder responder({.echoes_per_second = 1, .errors_per_second = 5});
  int sent = 0;
  for (int i = 0; i < 100; ++i) {
    if (responder.Unreachable(Datagram({}), kPortUnreachable, kStart)) ++sent;
  }
  EXPECT_EQ(sent, 5);
}

}  // namespace
}  // namespace slipway::icmp
