// SPDX-License-Identifier: Apache-2.0
#include "protocols/arp/responder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace slipway::arp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 2}};
constexpr MacAddress kEvilMac{{2, 0, 0, 0, 0, 0x66}};
constexpr Ipv4Address kOurs(10, 0, 0, 1);
constexpr Ipv4Address kPeer(10, 0, 0, 2);
constexpr std::array<Ipv4Prefix, 1> kAddresses{Ipv4Prefix{kOurs, 24}};

constexpr Time At(Duration since_start) { return Time{} + since_start; }

class ArpResponderTest : public testing::Test {
 protected:
  ArpResponderTest() {
    responder_.Start(At({}));
    while (responder_.Emit(At({}))) continue;
    while (responder_.Emit(At(seconds(2)))) continue;
  }

  static Packet Request(Ipv4Address from, const MacAddress& mac, Ipv4Address to = kOurs) {
    return {Operation::kRequest, mac, from, {}, to};
  }
  Outcome Receive(const Packet& packet, Time now) {
    return responder_.Receive(packet, packet.sender_mac, now);
  }

  SeededEntropy entropy_{1};
  Responder responder_{
      kOurMac, kAddresses, {.start = ClaimStart::kAnnounce, .probes_max = 2}, entropy_};
};

TEST_F(ArpResponderTest, AnswersARequestForOurAddressAtOnce) {
  const auto outcome = Receive(Request(kPeer, kPeerMac), At(seconds(5)));
  EXPECT_EQ(outcome.drop, Drop::kNone);
  EXPECT_EQ(outcome.reply,
            (Message{kPeerMac, {Operation::kReply, kOurMac, kOurs, kPeerMac, kPeer}}));
}

// Operation x whose address is asked for x what kind of sender.
TEST_F(ArpResponderTest, AnswersWhoeverAsksForUsAndNobodyElse) {
  const std::array<Ipv4Address, 3> senders{kPeer, Ipv4Address(), Ipv4Address(10, 9, 0, 1)};
  for (const Operation operation : {Operation::kRequest, Operation::kReply}) {
    for (const Ipv4Address sender : senders) {
      for (const Ipv4Address target : {kOurs, Ipv4Address(10, 0, 0, 77)}) {
        if (sender.is_unspecified() && operation == Operation::kReply) continue;
        const Packet packet{operation, kPeerMac, sender, kOurMac, target};
        const auto outcome = Receive(packet, At(seconds(5)));
        const bool asks_us = operation == Operation::kRequest && target == kOurs;
        ASSERT_EQ(outcome.reply.has_value(), asks_us);
        if (asks_us) {
          EXPECT_EQ(outcome.reply->packet.sender_ip, kOurs);
        }
        EXPECT_EQ(outcome.drop, asks_us                            ? Drop::kNone
                                : operation == Operation::kRequest ? Drop::kArpNotForUs
                                                                   : Drop::kArpUnsolicited);
        EXPECT_FALSE(outcome.conflict);
        EXPECT_EQ(responder_.Deadline(), kNever) << "nobody is asked back";
      }
    }
  }
}

TEST_F(ArpResponderTest, RefusesASenderThatIsNotTheFramesAndOurOwnFramesMirrored) {
  EXPECT_EQ(responder_.Receive(Request(kPeer, kPeerMac), kEvilMac, At({})).drop,
            Drop::kArpSenderInvalid);
  EXPECT_EQ(responder_.Receive(Request(kOurs, kOurMac), kOurMac, At({})).drop,
            Drop::kArpSenderInvalid);
}

TEST_F(ArpResponderTest, AConflictIsReportedAlwaysAndDefendedByBroadcastOnceInTenSeconds) {
  int defended = 0;
  for (int second = 5; second < 25; ++second) {
    const auto outcome = Receive(Request(kOurs, kEvilMac, kPeer), At(seconds(second)));
    EXPECT_EQ(outcome.drop, Drop::kArpConflict);
    EXPECT_EQ(outcome.conflict, (Conflict{kOurs, kEvilMac}));
    if (!outcome.reply) continue;
    ++defended;
    EXPECT_EQ(outcome.reply->destination, MacAddress::Broadcast());
    EXPECT_TRUE(outcome.reply->packet.is_announcement());
  }
  EXPECT_EQ(defended, 2);
  EXPECT_TRUE(responder_.IsOurs(kOurs));
}

TEST_F(ArpResponderTest, ProbesAnAddressBeforeItIsOffered) {
  constexpr Ipv4Address kOffered(10, 0, 0, 77);
  ASSERT_TRUE(responder_.ProbeAddress(kOffered, At(seconds(5))));
  const auto probe = responder_.Emit(At(seconds(5)));
  ASSERT_TRUE(probe);
  EXPECT_TRUE(probe->packet.is_probe());
  EXPECT_EQ(probe->destination, MacAddress::Broadcast());
  EXPECT_EQ(Receive({Operation::kReply, kPeerMac, kOffered, kOurMac, {}}, At(seconds(5))).drop,
            Drop::kNone);
  EXPECT_EQ(responder_.TakeProbeOutcome(), (ProbeOutcome{kOffered, kPeerMac}));
  ASSERT_TRUE(responder_.ProbeAddress(kOffered, At(seconds(6))));
  for (Time now = At(seconds(6)); now < At(seconds(7)); now = responder_.Deadline()) {
    responder_.Expire(now);
    while (responder_.Emit(now)) continue;
  }
  EXPECT_EQ(responder_.TakeProbeOutcome(), (ProbeOutcome{kOffered, std::nullopt}));
}

TEST(ArpResponderAtStart, DoesNotAnswerForAnAddressUntilItWasProbed) {
  SeededEntropy entropy(1);
  Responder responder(kOurMac, kAddresses, {}, entropy);
  responder.Start(At({}));
  const Packet request{Operation::kRequest, kPeerMac, kPeer, {}, kOurs};
  Time now = At({});
  bool answered = false;
  while (responder.Deadline() != kNever) {
    now = responder.Deadline();
    responder.Emit(now);
    answered = responder.Receive(request, kPeerMac, now).reply.has_value();
    EXPECT_EQ(answered, responder.IsOurs(kOurs));
  }
  EXPECT_TRUE(answered);
  EXPECT_GE(now, At(seconds(6)));
  EXPECT_LE(now, At(seconds(9)));
}

// Whatever arrives, at times around each limit: Emit always comes to an end.
TEST(ArpResponderUnderRandomEvents, StaysBoundedAndComesToRest) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SeededEntropy entropy(seed);
    Responder responder(kOurMac, kAddresses, {.probes_max = 2}, entropy);
    responder.Start(At({}));
    Time now = At({});
    for (int step = 0; step < 400; ++step) {
      now += milliseconds(static_cast<int>(entropy.Below(3000)));
      const Ipv4Address host(10, 0, 0, static_cast<std::uint8_t>(entropy.Below(12)));
      const MacAddress mac{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(2 + entropy.Below(3))}};
      const auto operation = static_cast<Operation>(1 + entropy.Below(2));
      if (entropy.Below(3) == 0) {
        responder.ProbeAddress(host, now);
      } else {
        responder.Receive({operation, mac, host, kOurMac, kOurs}, mac, now);
      }
      int sent = 0;
      while (responder.Emit(now)) ASSERT_LT(++sent, 20) << "seed " << seed;
      responder.Expire(now);
      while (responder.TakeProbeOutcome()) continue;
    }
    for (int i = 0; i < 200 && responder.Deadline() != kNever; ++i) {
      now = std::max(now, responder.Deadline());
      responder.Expire(now);
      while (responder.Emit(now)) continue;
    }
    EXPECT_EQ(responder.Deadline(), kNever) << "seed " << seed;
  }
}

}  // namespace
}  // namespace slipway::arp
