// SPDX-License-Identifier: Apache-2.0
#include "protocols/arp/neighbours.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace slipway::arp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 2}};
constexpr MacAddress kEvilMac{{2, 0, 0, 0, 0, 0x66}};
constexpr Ipv4Address kOurs(10, 0, 0, 1);
constexpr Ipv4Address kPeer(10, 0, 0, 2);
constexpr Ipv4Address kGateway(10, 0, 0, 254);
constexpr std::array<Ipv4Prefix, 1> kAddresses{Ipv4Prefix{kOurs, 24}};

constexpr Time At(Duration since_start) { return Time{} + since_start; }

class NeighboursTest : public testing::Test {
 protected:
  NeighboursTest() {
    neighbours_.Start(At({}));
    while (neighbours_.Emit(At({}))) continue;
    while (neighbours_.Emit(At(seconds(2)))) continue;
  }

  static Packet Request(Ipv4Address from, const MacAddress& mac, Ipv4Address to = kOurs) {
    return {Operation::kRequest, mac, from, {}, to};
  }
  static Packet Reply(Ipv4Address from, const MacAddress& mac) {
    return {Operation::kReply, mac, from, kOurMac, kOurs};
  }
  static Message Query(Ipv4Address to, const MacAddress& station = MacAddress::Broadcast()) {
    return {
        station,
        {Operation::kRequest, kOurMac, kOurs, station.is_broadcast() ? MacAddress{} : station, to}};
  }
  Outcome Receive(const Packet& packet, Time now) {
    return neighbours_.Receive(packet, packet.sender_mac, now);
  }
  void Confirm(Ipv4Address address, const MacAddress& mac, Time now) {
    ASSERT_EQ(neighbours_.Lookup(address, now), std::nullopt);
    ASSERT_EQ(neighbours_.Emit(now), Query(address));
    ASSERT_EQ(Receive(Reply(address, mac), now).drop, Drop::kNone);
    ASSERT_EQ(neighbours_.Lookup(address, now), mac);
  }

  SeededEntropy entropy_{1};
  Neighbours neighbours_{kOurMac,
                         kAddresses,
                         {.guarded = {kGateway},
                          .start = ClaimStart::kAnnounce,
                          .neighbours_max = 8,
                          .queries_max = 4,
                          .probes_max = 2},
                         entropy_};
};

TEST_F(NeighboursTest, AnswersARequestForOurAddressAtOnceAndLearnsWhoAsked) {
  const auto outcome = Receive(Request(kPeer, kPeerMac), At(seconds(5)));
  EXPECT_EQ(outcome.drop, Drop::kNone);
  EXPECT_EQ(outcome.reply,
            (Message{kPeerMac, {Operation::kReply, kOurMac, kOurs, kPeerMac, kPeer}}));
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(5))), kPeerMac);
}

TEST_F(NeighboursTest, AnswersAProbeForOurAddressAndLearnsNothingFromIt) {
  const auto outcome = Receive(Request({}, kPeerMac), At(seconds(5)));
  ASSERT_TRUE(outcome.reply);
  EXPECT_EQ(outcome.reply->packet.sender_ip, kOurs);
  EXPECT_EQ(neighbours_.table().size(List::kClaimed), 0U);
}

// Operation x whose address is asked for x what kind of sender: what is said, what is learned.
TEST_F(NeighboursTest, EveryKindOfSenderOfEveryOperationIsTakenRight) {
  const std::array<Ipv4Address, 4> senders{kPeer, kGateway, Ipv4Address(),
                                           Ipv4Address(10, 9, 0, 1)};
  for (const Operation operation : {Operation::kRequest, Operation::kReply}) {
    for (const Ipv4Address sender : senders) {
      for (const Ipv4Address target : {kOurs, Ipv4Address(10, 0, 0, 77)}) {
        if (sender.is_unspecified() && operation == Operation::kReply) continue;
        SeededEntropy entropy(1);
        Neighbours neighbours(kOurMac, kAddresses,
                              {.guarded = {kGateway}, .start = ClaimStart::kAnnounce}, entropy);
        neighbours.Start(At({}));
        const Packet packet{operation, kPeerMac, sender, kOurMac, target};
        const auto outcome = neighbours.Receive(packet, kPeerMac, At({}));
        const bool asks_us = operation == Operation::kRequest && target == kOurs;
        EXPECT_EQ(outcome.reply.has_value(), asks_us);
        EXPECT_EQ(outcome.drop, asks_us                            ? Drop::kNone
                                : operation == Operation::kRequest ? Drop::kArpNotForUs
                                                                   : Drop::kArpUnsolicited);
        EXPECT_FALSE(outcome.conflict);
        // Learned: only who asks us, is on our network, and is no gateway.
        EXPECT_EQ(neighbours.table().size(List::kClaimed), asks_us && sender == kPeer ? 1U : 0U);
      }
    }
  }
}

TEST_F(NeighboursTest, RefusesASenderThatIsNotTheFramesAndOurOwnFramesMirrored) {
  EXPECT_EQ(neighbours_.Receive(Request(kPeer, kPeerMac), kEvilMac, At({})).drop,
            Drop::kArpSenderInvalid);
  EXPECT_EQ(neighbours_.Receive(Request(kOurs, kOurMac), kOurMac, At({})).drop,
            Drop::kArpSenderInvalid);
}

TEST_F(NeighboursTest, AsksThreeTimesASecondApartThenIsUnreachableForTenSeconds) {
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(10))), std::nullopt);
  for (int second = 10; second < 13; ++second) {
    EXPECT_EQ(neighbours_.Deadline(), At(seconds(second)));
    EXPECT_EQ(neighbours_.Emit(At(seconds(second))), Query(kPeer)) << second;
    EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(second))), std::nullopt);
    EXPECT_EQ(neighbours_.Emit(At(seconds(second) + milliseconds(999))), std::nullopt);
  }
  neighbours_.Expire(At(seconds(13)));
  EXPECT_TRUE(neighbours_.IsUnreachable(kPeer));
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(22))), std::nullopt);
  EXPECT_EQ(neighbours_.Emit(At(seconds(22))), std::nullopt);
  neighbours_.Expire(At(seconds(23)));
  EXPECT_FALSE(neighbours_.IsUnreachable(kPeer));
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(23))), std::nullopt);
  EXPECT_EQ(neighbours_.Emit(At(seconds(23))), Query(kPeer));
}

TEST_F(NeighboursTest, AnUnaskedReplyIsNotBelieved) {
  EXPECT_EQ(Receive(Reply(kPeer, kPeerMac), At(seconds(5))).drop, Drop::kArpUnsolicited);
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(5))), std::nullopt);
}

TEST_F(NeighboursTest, AGatewayIsNeverBelievedByClaim) {
  EXPECT_TRUE(Receive(Request(kGateway, kEvilMac), At(seconds(5))).reply);
  neighbours_.Learn(kGateway, kEvilMac, At(seconds(5)));
  EXPECT_EQ(neighbours_.Lookup(kGateway, At(seconds(5))), std::nullopt);
  EXPECT_EQ(neighbours_.Emit(At(seconds(5))), Query(kGateway));
}

TEST_F(NeighboursTest, AConfirmedGatewayCannotBePoisoned) {
  Confirm(kGateway, kPeerMac, At(seconds(5)));
  const Packet announcement{Operation::kRequest, kEvilMac, kGateway, {}, kGateway};
  const Packet reply{Operation::kReply, kEvilMac, kGateway, kOurMac, kOurs};
  const Packet gratuitous{Operation::kReply, kEvilMac, kGateway, kOurMac, kGateway};
  for (int second = 6; second < 200; ++second) {
    const Time now = At(seconds(second));
    Receive(Request(kGateway, kEvilMac), now);
    for (const Packet& packet : {announcement, reply, gratuitous}) {
      EXPECT_NE(Receive(packet, now).drop, Drop::kNone);
    }
    neighbours_.Learn(kGateway, kEvilMac, now);
    ASSERT_EQ(neighbours_.Lookup(kGateway, now), kPeerMac) << second;
    // The true gateway answers when it is asked: the contradiction makes us ask it, and only it.
    while (const auto query = neighbours_.Emit(now)) {
      EXPECT_EQ(query, Query(kGateway, kPeerMac));
      Receive(Reply(kGateway, kPeerMac), now);
    }
    ASSERT_EQ(neighbours_.Lookup(kGateway, now), kPeerMac) << second;
  }
}

TEST_F(NeighboursTest, AGatewayThatMovedIsFoundAgainOnceTheOldStationIsSilent) {
  Confirm(kGateway, kPeerMac, At(seconds(5)));
  constexpr MacAddress kNew{{2, 0, 0, 0, 0, 7}};
  Receive({Operation::kRequest, kNew, kGateway, {}, kGateway}, At(seconds(6)));
  for (int second = 6; second < 9; ++second) {
    EXPECT_EQ(neighbours_.Emit(At(seconds(second))), Query(kGateway, kPeerMac));
  }
  EXPECT_EQ(neighbours_.Emit(At(seconds(9))), Query(kGateway));
  EXPECT_EQ(neighbours_.Lookup(kGateway, At(seconds(9))), std::nullopt);
  Receive(Reply(kGateway, kNew), At(seconds(9)));
  EXPECT_EQ(neighbours_.Lookup(kGateway, At(seconds(9))), kNew);
}

TEST_F(NeighboursTest, ANeighbourUnheardForAMinuteIsAskedAndUsedMeanwhile) {
  Confirm(kPeer, kPeerMac, At(seconds(5)));
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(64))), kPeerMac);
  EXPECT_EQ(neighbours_.Emit(At(seconds(64))), std::nullopt);
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(65))), kPeerMac);
  EXPECT_EQ(neighbours_.Emit(At(seconds(65))), Query(kPeer, kPeerMac));
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(65))), kPeerMac);
  Receive(Reply(kPeer, kPeerMac), At(seconds(65)));
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(124))), kPeerMac);
  EXPECT_EQ(neighbours_.Emit(At(seconds(124))), std::nullopt);
}

TEST_F(NeighboursTest, TrafficKeepsANeighbourFreshButDoesNotMoveIt) {
  neighbours_.Learn(kPeer, kPeerMac, At(seconds(5)));
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(5))), kPeerMac);
  neighbours_.Learn(kPeer, kEvilMac, At(seconds(50)));
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(50))), kPeerMac);
  neighbours_.Learn(kPeer, kPeerMac, At(seconds(60)));
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(110))), kPeerMac);
  EXPECT_EQ(neighbours_.Emit(At(seconds(110))), std::nullopt);
  neighbours_.Learn(kPeer, kEvilMac, At(seconds(121)));
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(121))), kEvilMac);
}

TEST_F(NeighboursTest, TrafficFromOffOurNetworkOrFromNoStationTeachesNothing) {
  neighbours_.Learn(Ipv4Address(198, 51, 100, 1), kPeerMac, At({}));
  neighbours_.Learn(kPeer, MacAddress::Broadcast(), At({}));
  neighbours_.Learn(kOurs, kPeerMac, At({}));
  neighbours_.Learn(Ipv4Address(10, 0, 0, 255), kPeerMac, At({}));
  EXPECT_EQ(neighbours_.table().size(List::kClaimed), 0U);
}

TEST_F(NeighboursTest, FloodsOfClaimsLeaveConfirmedNeighboursAlone) {
  Confirm(kPeer, kPeerMac, At(seconds(5)));
  for (std::uint8_t host = 10; host < 250; ++host) {
    Receive(Request(Ipv4Address(10, 0, 0, host), kEvilMac), At(seconds(6)));
  }
  EXPECT_EQ(neighbours_.Lookup(kPeer, At(seconds(6))), kPeerMac);
  EXPECT_EQ(neighbours_.table().size(List::kClaimed), 7U);
}

TEST_F(NeighboursTest, AsksForNoMoreThanItsLimitAtOnce) {
  for (std::uint8_t host = 10; host < 50; ++host) {
    neighbours_.Lookup(Ipv4Address(10, 0, 0, host), At(seconds(5)));
  }
  int queries = 0;
  while (neighbours_.Emit(At(seconds(5)))) ++queries;
  EXPECT_EQ(queries, 4);
}

TEST_F(NeighboursTest, AConflictIsReportedAlwaysAndDefendedByBroadcastOnceInTenSeconds) {
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
  EXPECT_TRUE(neighbours_.IsOurs(kOurs));
}

TEST_F(NeighboursTest, ProbesAnAddressBeforeItIsOffered) {
  constexpr Ipv4Address kOffered(10, 0, 0, 77);
  ASSERT_TRUE(neighbours_.ProbeAddress(kOffered, At(seconds(5))));
  const auto probe = neighbours_.Emit(At(seconds(5)));
  ASSERT_TRUE(probe);
  EXPECT_TRUE(probe->packet.is_probe());
  EXPECT_EQ(probe->destination, MacAddress::Broadcast());
  EXPECT_EQ(Receive({Operation::kReply, kPeerMac, kOffered, kOurMac, {}}, At(seconds(5))).drop,
            Drop::kNone);
  EXPECT_EQ(neighbours_.TakeProbeOutcome(), (ProbeOutcome{kOffered, kPeerMac}));
  ASSERT_TRUE(neighbours_.ProbeAddress(kOffered, At(seconds(6))));
  for (Time now = At(seconds(6)); now < At(seconds(7)); now = neighbours_.Deadline()) {
    neighbours_.Expire(now);
    while (neighbours_.Emit(now)) continue;
  }
  EXPECT_EQ(neighbours_.TakeProbeOutcome(), (ProbeOutcome{kOffered, std::nullopt}));
}

TEST(NeighboursAtStart, DoNotAnswerForAnAddressUntilItWasProbed) {
  SeededEntropy entropy(1);
  Neighbours neighbours(kOurMac, kAddresses, {}, entropy);
  neighbours.Start(At({}));
  const Packet request{Operation::kRequest, kPeerMac, kPeer, {}, kOurs};
  Time now = At({});
  bool answered = false;
  while (neighbours.Deadline() != kNever) {
    now = neighbours.Deadline();
    neighbours.Emit(now);
    answered = neighbours.Receive(request, kPeerMac, now).reply.has_value();
    EXPECT_EQ(answered, neighbours.IsOurs(kOurs));
  }
  EXPECT_TRUE(answered);
  EXPECT_GE(now, At(seconds(6)));
  EXPECT_LE(now, At(seconds(9)));
}

// Every state an entry can be in, hit by everything that can arrive, at times around each limit:
// lists and counts stay consistent, and Emit always comes to an end.
TEST(NeighboursUnderRandomEvents, StayBoundedAndComeToRest) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SeededEntropy entropy(seed);
    Neighbours neighbours(
        kOurMac, kAddresses,
        {.guarded = {kGateway}, .neighbours_max = 6, .queries_max = 3, .probes_max = 2}, entropy);
    neighbours.Start(At({}));
    Time now = At({});
    for (int step = 0; step < 400; ++step) {
      now += milliseconds(static_cast<int>(entropy.Below(3000)));
      const Ipv4Address host(10, 0, 0, static_cast<std::uint8_t>(entropy.Below(12)));
      const MacAddress mac{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(2 + entropy.Below(3))}};
      const auto operation = static_cast<Operation>(1 + entropy.Below(2));
      const std::uint64_t what = entropy.Below(5);
      if (what == 0) neighbours.Lookup(host, now);
      if (what == 1) neighbours.Learn(host, mac, now);
      if (what == 2) neighbours.ProbeAddress(host, now);
      if (what >= 3) neighbours.Receive({operation, mac, host, kOurMac, kOurs}, mac, now);
      int sent = 0;
      while (neighbours.Emit(now)) ASSERT_LT(++sent, 20) << "seed " << seed;
      neighbours.Expire(now);
      while (neighbours.TakeProbeOutcome()) continue;
      ASSERT_LE(neighbours.table().size(List::kAsking), 3U) << "seed " << seed;
    }
    for (int i = 0; i < 200 && neighbours.Deadline() != kNever; ++i) {
      now = std::max(now, neighbours.Deadline());
      neighbours.Expire(now);
      while (neighbours.Emit(now)) continue;
    }
    EXPECT_EQ(neighbours.Deadline(), kNever) << "seed " << seed;
  }
}

}  // namespace
}  // namespace slipway::arp
