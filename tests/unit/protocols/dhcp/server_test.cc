// SPDX-License-Identifier: Apache-2.0
//
// dhcp::Server through every client state of RFC 2131 4.3 and every situation of the lease.
#include "protocols/dhcp/server.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "tests/unit/protocols/dhcp/bench.h"

namespace slipway::dhcp {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kDiscover = DhcpMessageType::kDiscover;
constexpr auto kRequest = DhcpMessageType::kRequest;

TEST(Server, FourMessagesGiveAnAddressAndOneDurableChange) {
  Bench bench;
  const Outcome offered = bench.Hear(Said(kDiscover));
  EXPECT_EQ(offered.decision, Decision::kOffered);
  EXPECT_FALSE(offered.change) << "an offer is not worth a journal entry";
  EXPECT_EQ(bench.Type(), DhcpMessageType::kOffer);
  EXPECT_EQ(bench.Yiaddr(), kFirst);
  const Outcome acked = bench.Hear(bench.Ask(kFirst));
  EXPECT_EQ(acked.decision, Decision::kAcknowledged);
  ASSERT_TRUE(acked.change);
  EXPECT_EQ(acked.change->address, kFirst);
  EXPECT_EQ(acked.change->mac, MacOf(1));
  EXPECT_EQ(acked.change->state, LeaseState::kBound);
  EXPECT_EQ(acked.change->expires_unix_seconds, Bench::kZero + 3601);
  EXPECT_EQ(acked.lease_time, std::chrono::seconds(3600)) << "what the client is told";
  EXPECT_EQ(bench.Type(), DhcpMessageType::kAck);
  EXPECT_EQ(bench.Yiaddr(), kFirst);
  const Options& options = bench.Answer().options;
  EXPECT_EQ(options.U32(DhcpOption::kLeaseTime), 3600U);
  EXPECT_EQ(options.U32(DhcpOption::kRenewalTime), 1800U);
  EXPECT_EQ(options.U32(DhcpOption::kRebindingTime), 3150U);
  EXPECT_EQ(options.Address(DhcpOption::kServerIdentifier), kServer);
  EXPECT_EQ(options.Address(DhcpOption::kSubnetMask), Ipv4Address(255, 255, 255, 0));
  EXPECT_EQ(options.Address(DhcpOption::kRouter), Ipv4Address(10, 77, 0, 254));
  EXPECT_FALSE(options.Has(DhcpOption::kVendorClass));
  EXPECT_FALSE(options.Has(DhcpOption::kBootFile));
}

// RFC 3396: its pieces are put together beside the message, and are read after Receive().
TEST(Server, AVendorClassInPiecesIsToldAsAWhole) {
  Bench bench;
  const Outcome offered = bench.Hear(
      Said(kDiscover).Text(60, "HTTPClient:Arch:00016:").U16(93, 16).Text(60, "UNDI:003000"));
  ASSERT_EQ(offered.decision, Decision::kOffered);
  EXPECT_EQ(AsText(offered.client.vendor_class), "HTTPClient:Arch:00016:UNDI:003000");
}

TEST(Server, TenMachinesGetTenAddressesAndTheEleventhIsToldWhyNot) {
  Bench bench;
  for (unsigned machine = 0; machine < 10; ++machine) {
    EXPECT_EQ(bench.Boot(machine), Ipv4Address(kFirst.value() + machine));
  }
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(10))).drop, Drop::kDhcpPoolEmpty);
}

// What the table may say about the address a client asks for.
enum class Situation {
  kNeverGiven,
  kOfferedToIt,
  kBoundToIt,
  kExpiredOfIt,
  kReleasedByIt,
  kOfferedToOther,
  kBoundToOther,
  kDeclined,
  kOtherNetwork
};
enum class ClientState { kSelecting, kInitReboot, kRenewing, kRebinding };
enum class Answer { kAck, kNak, kSilence };

Answer Expected(Situation situation, ClientState state, bool authoritative) {
  const bool selecting = state == ClientState::kSelecting;
  switch (situation) {
    case Situation::kOfferedToIt:
    case Situation::kBoundToIt:
    case Situation::kExpiredOfIt:
    case Situation::kReleasedByIt:
      return Answer::kAck;
    case Situation::kNeverGiven:
      if (selecting) return Answer::kAck;
      return authoritative ? Answer::kNak : Answer::kSilence;
    case Situation::kOfferedToOther:
    case Situation::kBoundToOther:
    case Situation::kDeclined:
    case Situation::kOtherNetwork:
      return selecting || authoritative ? Answer::kNak : Answer::kSilence;
  }
  return Answer::kSilence;
}

void Arrange(Bench& bench, Situation situation) {
  const Said release = Said(DhcpMessageType::kRelease).Ciaddr(kFirst).Address(54, kServer);
  switch (situation) {
    case Situation::kNeverGiven:
    case Situation::kOtherNetwork:
      break;
    case Situation::kOfferedToIt:
      bench.Hear(Said(kDiscover));
      break;
    case Situation::kBoundToIt:
      bench.Boot(1);
      break;
    case Situation::kExpiredOfIt:
      bench.Boot(1);
      bench.now += hours(2);
      break;
    case Situation::kReleasedByIt:
      bench.Boot(1);
      bench.Hear(release);
      break;
    case Situation::kOfferedToOther:
      bench.Hear(Said(kDiscover, MacOf(2)));
      break;
    case Situation::kBoundToOther:
      bench.Boot(2);
      break;
    case Situation::kDeclined:
      bench.Boot(2);
      bench.Hear(
          Said(DhcpMessageType::kDecline, MacOf(2)).Address(50, kFirst).Address(54, kServer));
      break;
  }
}

TEST(Server, AnswersEveryClientStateInEverySituationAsTheRfcSays) {
  for (const bool authoritative : {true, false}) {
    for (int s = 0; s <= static_cast<int>(Situation::kOtherNetwork); ++s) {
      for (int c = 0; c <= static_cast<int>(ClientState::kRebinding); ++c) {
        const auto situation = static_cast<Situation>(s);
        const auto state = static_cast<ClientState>(c);
        SCOPED_TRACE(::testing::Message()
                     << "situation " << s << " state " << c << " authoritative " << authoritative);
        PolicySettings settings = TestSettings();
        settings.networks[0].authoritative = authoritative;
        Bench bench(settings);
        Arrange(bench, situation);
        const Ipv4Address address =
            situation == Situation::kOtherNetwork ? Ipv4Address(10, 78, 0, 100) : kFirst;
        Said said(kRequest);
        Received in;
        switch (state) {
          case ClientState::kSelecting:
            said.Address(54, kServer).Address(50, address);
            break;
          case ClientState::kInitReboot:
            said.Address(50, address);
            break;
          case ClientState::kRenewing:
            said.Ciaddr(address);
            in.destination = kServer;
            break;
          case ClientState::kRebinding:
            said.Ciaddr(address);
            break;
        }
        const Outcome outcome = bench.Hear(said, in);
        switch (Expected(situation, state, authoritative)) {
          case Answer::kAck:
            EXPECT_EQ(bench.Type(), DhcpMessageType::kAck);
            EXPECT_EQ(bench.Yiaddr(), address);
            ASSERT_TRUE(outcome.change);
            EXPECT_EQ(bench.server.Find(address)->state, LeaseState::kBound);
            break;
          case Answer::kNak:
            EXPECT_EQ(bench.Type(), DhcpMessageType::kNak);
            EXPECT_EQ(bench.Yiaddr(), kNobody);
            EXPECT_EQ(outcome.reply->destination, Ipv4Address::Broadcast());
            EXPECT_FALSE(bench.Answer().options.Has(DhcpOption::kLeaseTime));
            EXPECT_FALSE(outcome.change);
            break;
          case Answer::kSilence:
            EXPECT_FALSE(outcome.reply);
            EXPECT_EQ(outcome.drop, Drop::kDhcpUnknownLease);
            break;
        }
      }
    }
  }
}

TEST(Server, AKnownClientIsRefusedAWrongAddressEvenBesideOtherServers) {
  PolicySettings settings = TestSettings();
  settings.networks[0].authoritative = false;
  Bench bench(settings);
  bench.Boot(1);
  bench.Hear(Said(kRequest).Address(50, Ipv4Address(10, 77, 0, 105)));
  EXPECT_EQ(bench.Type(), DhcpMessageType::kNak);
  bench.Hear(Said(kRequest).Address(50, Ipv4Address(192, 168, 0, 5)));
  EXPECT_EQ(bench.Type(), DhcpMessageType::kNak);
}

TEST(Server, ChoosingAnotherServerGivesOurOfferBack) {
  PolicySettings settings = TestSettings();
  settings.networks[0].pools = {{kFirst, kFirst}};
  Bench bench(settings);
  bench.Hear(Said(kDiscover, MacOf(1)));
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(2))).drop, Drop::kDhcpPoolEmpty);
  const Outcome other = bench.Hear(
      Said(kRequest, MacOf(1)).Address(54, Ipv4Address(10, 77, 0, 2)).Address(50, kLast));
  EXPECT_EQ(other.drop, Drop::kDhcpOtherServer);
  EXPECT_EQ(bench.Boot(2), kFirst);
}

TEST(Server, AnOfferIsKeptForItsClientForAWhileAndNotLonger) {
  PolicySettings settings = TestSettings();
  settings.networks[0].pools = {{kFirst, kFirst}};
  Bench bench(settings);
  bench.Hear(Said(kDiscover, MacOf(1)));
  bench.now += seconds(59);
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(2))).drop, Drop::kDhcpPoolEmpty);
  bench.now += seconds(3);
  EXPECT_EQ(bench.Boot(2), kFirst);
  bench.Hear(bench.Ask(kFirst, 1));
  EXPECT_EQ(bench.Type(), DhcpMessageType::kNak);
}

TEST(Server, ExpiredLeasesAreReusedLeastRecentlyUsedFirst) {
  PolicySettings settings = TestSettings();
  settings.networks[0].pools = {{kFirst, Ipv4Address(kFirst.value() + 2)}};
  Bench bench(settings);
  for (const unsigned machine : {3U, 1U, 2U}) {
    bench.Boot(machine);
    bench.now += seconds(10);
  }
  bench.now += hours(2);
  EXPECT_EQ(bench.Boot(9), kFirst) << "machine 3's, who came first";
  EXPECT_EQ(bench.Boot(2), Ipv4Address(kFirst.value() + 2)) << "its own again";
  EXPECT_EQ(bench.Boot(8), Ipv4Address(kFirst.value() + 1));
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(7))).drop, Drop::kDhcpPoolEmpty);
}

TEST(Server, ARebootedClientGetsItsBoundAddressAndTheLeaseIsNotShortened) {
  Bench bench;
  EXPECT_EQ(bench.Boot(1), kFirst);
  const auto before = bench.server.Find(kFirst);
  bench.now += seconds(30);
  bench.Hear(Said(kDiscover));
  EXPECT_EQ(bench.Yiaddr(), kFirst);
  EXPECT_EQ(bench.server.Find(kFirst), before);
}

TEST(Server, ADeclinedAddressIsInQuarantineForItsTime) {
  PolicySettings settings = TestSettings();
  settings.networks[0].pools = {{kFirst, kFirst}};
  Bench bench(settings);
  bench.Boot(1);
  const Said decline = Said(DhcpMessageType::kDecline).Address(50, kFirst).Address(54, kServer);
  EXPECT_EQ(bench.Hear(Said(DhcpMessageType::kDecline, MacOf(2)).Address(50, kFirst)).drop,
            Drop::kDhcpUnknownLease)
      << "only its holder may decline it";
  const Outcome declined = bench.Hear(decline);
  EXPECT_EQ(declined.decision, Decision::kDeclined);
  EXPECT_FALSE(declined.reply);
  ASSERT_TRUE(declined.change);
  EXPECT_EQ(declined.change->state, LeaseState::kDeclined);
  EXPECT_EQ(bench.Hear(Said(kDiscover)).drop, Drop::kDhcpPoolEmpty);
  bench.now += hours(1);
  EXPECT_EQ(bench.Boot(2), kFirst);
}

TEST(Server, OnlyTheHolderReleases) {
  Bench bench;
  bench.Boot(1);
  EXPECT_EQ(bench.Hear(Said(DhcpMessageType::kRelease, MacOf(2)).Ciaddr(kFirst)).drop,
            Drop::kDhcpUnknownLease);
  const Outcome released = bench.Hear(Said(DhcpMessageType::kRelease, MacOf(1)).Ciaddr(kFirst));
  EXPECT_EQ(released.decision, Decision::kReleased);
  ASSERT_TRUE(released.change);
  EXPECT_EQ(released.change->state, LeaseState::kReleased);
  EXPECT_FALSE(released.reply);
  EXPECT_EQ(bench.Boot(1), kFirst) << "it comes back to the same address";
}

TEST(Server, InformGetsParametersAndNoLease) {
  Bench bench;
  const Ipv4Address own(10, 77, 0, 50);
  const Outcome outcome =
      bench.Hear(Said(DhcpMessageType::kInform).Ciaddr(own).Option(55, {1, 6, 15}));
  EXPECT_EQ(outcome.decision, Decision::kInformed);
  EXPECT_EQ(outcome.reply->destination, own);
  EXPECT_FALSE(outcome.change);
  EXPECT_EQ(bench.Type(), DhcpMessageType::kAck);
  EXPECT_EQ(bench.Yiaddr(), kNobody);
  EXPECT_FALSE(bench.Answer().options.Has(DhcpOption::kLeaseTime));
  EXPECT_EQ(AsText(bench.Answer().options[DhcpOption::kDomainName]), "rig.test");
  EXPECT_EQ(bench.Hear(Said(DhcpMessageType::kInform)).drop, Drop::kDhcpAddressMissing);
}

TEST(Server, WishesForLeaseTimesAreHeldToTheNetworksLimits) {
  for (const auto& [wish, given] : {std::pair(1U, 60U), {600U, 600U}, {0xffffffffU, 86400U}}) {
    Bench bench;
    bench.Hear(Said(kDiscover).U32(51, wish));
    EXPECT_EQ(bench.Answer().options.U32(DhcpOption::kLeaseTime), given);
  }
}

TEST(Server, AWishForAnAddressIsGrantedWhenItIsFree) {
  Bench bench;
  bench.Hear(Said(kDiscover).Address(50, kLast));
  EXPECT_EQ(bench.Yiaddr(), kLast);
  bench.Hear(Said(kDiscover, MacOf(2)).Address(50, kLast));
  EXPECT_EQ(bench.Yiaddr(), kFirst);
  for (const Ipv4Address never : {kServer, Ipv4Address(10, 77, 0, 254), Ipv4Address(10, 77, 0, 0),
                                  Ipv4Address(10, 77, 0, 255), Ipv4Address(10, 77, 0, 20)}) {
    bench.Hear(Said(kDiscover, MacOf(3)).Address(50, never));
    EXPECT_NE(bench.Yiaddr(), never);
  }
}

TEST(Server, RestoredLeasesAreNotGivenToOthers) {
  std::vector<Lease> journal;
  {
    Bench bench;
    for (unsigned machine = 0; machine < 9; ++machine) {
      bench.Hear(Said(kDiscover, MacOf(machine)));
      const auto change = bench.Hear(bench.Ask(bench.Yiaddr(), machine)).change;
      ASSERT_TRUE(change);
      journal.push_back(*change);
    }
  }
  Bench bench;
  EXPECT_EQ(bench.server.Restore(journal), 9U);
  EXPECT_EQ(bench.Boot(100), kLast) << "the only one left";
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(101))).drop, Drop::kDhcpPoolEmpty);
  EXPECT_EQ(bench.Boot(4), Ipv4Address(kFirst.value() + 4)) << "its own";
  bench.now += hours(2);
  EXPECT_EQ(bench.Boot(101), kFirst) << "expiry is wall time and survives the restart";
}

// As when NTP sets the clock of a machine after its start: what was granted since lasts as long as
// its client was told, what the journal said ends when it said.
TEST(Server, AStepOfTheWallClockMovesOnlyWhatTheJournalRemembered) {
  PolicySettings settings = TestSettings();
  settings.networks[0].pools = {{kFirst, Ipv4Address(kFirst.value() + 1)}};
  std::vector<Lease> journal;
  {
    Bench bench(settings);
    ASSERT_EQ(bench.Boot(1), kFirst);
    journal.push_back(*bench.server.Find(kFirst));
  }
  for (const auto step : {hours(2), -hours(2)}) {
    Bench bench(settings);
    ASSERT_EQ(bench.server.Restore(journal), 1U);
    ASSERT_EQ(bench.Boot(2), Ipv4Address(kFirst.value() + 1));
    EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(3))).drop, Drop::kDhcpPoolEmpty);
    bench.server.WallClockStepped(step);
    EXPECT_EQ(bench.Boot(3), step > hours(0) ? kFirst : kNobody) << "the restored one has ended";
    EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(4))).drop, Drop::kDhcpPoolEmpty);
    bench.now += hours(1) + seconds(2);
    EXPECT_EQ(bench.Boot(4), Ipv4Address(kFirst.value() + 1)) << "granted for an hour";
  }
}

// The next one stands where it was, as an allocator gives memory out again.
TEST(Server, ReadsNothingOfAPolicyThatIsGoneWhenTheNextComes) {
  PolicySettings settings = TestSettings();
  settings.networks[0].pools = {{kFirst, kFirst}};
  Bench bench;
  std::optional<Policy> policy(std::in_place, settings);
  bench.server.SetPolicy(&*policy);
  EXPECT_EQ(bench.Boot(1), kFirst);
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(2))).drop, Drop::kDhcpPoolEmpty);
  settings.networks[0].pools = {{kLast, kLast}};
  policy.emplace(settings);
  bench.server.SetPolicy(&*policy);
  EXPECT_EQ(bench.Boot(2), kLast);
}

TEST(Server, AnAbandonedChangeIsTakenBackAndOnlyThat) {
  PolicySettings settings = TestSettings();
  settings.networks[0].pools = {{kFirst, kFirst}};
  Bench bench(settings);
  bench.Hear(Said(kDiscover, MacOf(1)));
  const auto first = bench.Hear(bench.Ask(kFirst)).change;
  bench.server.Abandon(*first);
  EXPECT_EQ(bench.server.Find(kFirst)->state, LeaseState::kOffered);
  const auto second = bench.Hear(bench.Ask(kFirst)).change;
  ASSERT_TRUE(second);
  bench.server.Abandon(*first);  // late; the second one is on disk by now
  EXPECT_EQ(bench.server.Find(kFirst)->state, LeaseState::kBound);
  // A renewal that is not on disk does not end the lease.
  bench.now += seconds(1800);
  const auto renewal = bench.Hear(Said(kRequest).Ciaddr(kFirst)).change;
  bench.server.Abandon(*renewal);
  EXPECT_EQ(bench.server.Find(kFirst)->expires_unix_seconds, second->expires_unix_seconds);
  bench.now += seconds(1790);
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(2))).drop, Drop::kDhcpPoolEmpty);
  bench.now += seconds(20);
  EXPECT_EQ(bench.Boot(2), kFirst);
}

}  // namespace
}  // namespace slipway::dhcp
