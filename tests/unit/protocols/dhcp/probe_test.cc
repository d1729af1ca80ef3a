// SPDX-License-Identifier: Apache-2.0
//
// Probe before offer: who is probed, how long an OFFER waits, and what an answer does.
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/protocols/dhcp/bench.h"

namespace slipway::dhcp {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kDiscover = DhcpMessageType::kDiscover;
constexpr Ipv4Address kSecond(10, 77, 0, 101);

Bench Probing(PolicySettings settings = TestSettings()) {
  return Bench(std::move(settings), milliseconds(500));
}

TEST(Probe, HoldsTheOfferUntilItsDeadlineAndNoLonger) {
  Bench bench = Probing();
  EXPECT_EQ(bench.server.Deadline(), kNever);
  const Outcome held = bench.Hear(Said(kDiscover));
  EXPECT_EQ(held.decision, Decision::kProbing);
  EXPECT_EQ(held.drop, Drop::kDhcpProbePending);
  EXPECT_EQ(held.probe, kFirst);
  EXPECT_FALSE(held.reply);
  EXPECT_EQ(bench.server.Deadline(), Time(milliseconds(500)));
  bench.now = Time(milliseconds(499));
  bench.server.Expire(bench.now);
  EXPECT_FALSE(bench.Emit());
  bench.now = Time(milliseconds(500));
  bench.server.Expire(bench.now);
  EXPECT_LE(bench.server.Deadline(), bench.now) << "there is something to emit";
  const auto offered = bench.Emit();
  ASSERT_TRUE(offered);
  EXPECT_EQ(offered->decision, Decision::kOffered);
  EXPECT_EQ(bench.Yiaddr(), kFirst);
  EXPECT_FALSE(bench.Emit());
  EXPECT_EQ(bench.server.Deadline(), kNever);
}

TEST(Probe, AnAddressKnownToBeFreeIsOfferedAtOnce) {
  Bench bench = Probing();
  bench.Hear(Said(kDiscover));
  EXPECT_FALSE(bench.server.ProbeResult(kFirst, false, bench.now).change);
  ASSERT_TRUE(bench.Emit());
  EXPECT_EQ(bench.Yiaddr(), kFirst);
}

TEST(Probe, AnAddressInUseIsQuarantinedAndAnotherIsProbed) {
  Bench bench = Probing();
  bench.Hear(Said(kDiscover));
  const Outcome in_use = bench.server.ProbeResult(kFirst, true, bench.now);
  EXPECT_EQ(in_use.decision, Decision::kAddressInUse);
  ASSERT_TRUE(in_use.change);
  EXPECT_EQ(in_use.change->state, LeaseState::kDeclined);
  const auto again = bench.Emit();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->probe, kSecond);
  EXPECT_FALSE(again->reply);
  bench.server.ProbeResult(kSecond, false, bench.now);
  ASSERT_TRUE(bench.Emit());
  EXPECT_EQ(bench.Yiaddr(), kSecond);
  EXPECT_EQ(bench.server.ProbeResult(kSecond, true, bench.now).drop, Drop::kDhcpUnknownLease)
      << "nobody asked any more";
}

TEST(Probe, GivesUpAfterFourAddressesInUse) {
  Bench bench = Probing();
  Outcome last = bench.Hear(Said(kDiscover));
  for (int tries = 1; tries <= 4; ++tries) {
    ASSERT_TRUE(last.probe);
    bench.server.ProbeResult(*last.probe, true, bench.now);
    last = *bench.Emit();
  }
  EXPECT_EQ(last.drop, Drop::kDhcpAddressesInUse);
  EXPECT_FALSE(bench.Emit());
  EXPECT_EQ(bench.server.Deadline(), kNever);
}

TEST(Probe, ARepeatedDiscoverIsAnsweredOnceAndWithItsLatestTransaction) {
  Bench bench = Probing();
  EXPECT_TRUE(bench.Hear(Said(kDiscover)).probe);
  const Outcome again = bench.Hear(Said(kDiscover).Byte(7, 0x99));
  EXPECT_EQ(again.drop, Drop::kDhcpProbePending);
  EXPECT_FALSE(again.probe) << "one probe is enough";
  bench.now += milliseconds(500);
  bench.server.Expire(bench.now);
  ASSERT_TRUE(bench.Emit());
  EXPECT_EQ(bench.Answer().xid, 0x12345699U);
  EXPECT_FALSE(bench.Emit());
}

TEST(Probe, IsSkippedForWhoeverHeldTheAddressLately) {
  Bench bench = Probing();
  bench.Hear(Said(kDiscover));
  bench.server.ProbeResult(kFirst, false, bench.now);
  bench.Emit();
  EXPECT_EQ(bench.Hear(Said(kDiscover)).decision, Decision::kOffered) << "offered already";
  bench.Hear(bench.Ask(kFirst));
  EXPECT_EQ(bench.Hear(Said(kDiscover)).decision, Decision::kOffered);
  bench.now += hours(5);
  EXPECT_EQ(bench.Hear(Said(kDiscover)).decision, Decision::kOffered) << "expired, but its own";
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(2))).decision, Decision::kProbing);
}

TEST(Probe, BeyondTheBoundOffersAreMadeWithout) {
  PolicySettings settings = TestSettings();
  settings.networks[0].pools = {{Ipv4Address(10, 77, 0, 10), Ipv4Address(10, 77, 0, 200)}};
  Bench bench = Probing(settings);
  for (unsigned machine = 0; machine < Server::kProbesMax; ++machine) {
    EXPECT_TRUE(bench.Hear(Said(kDiscover, MacOf(machine))).probe);
  }
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(99))).decision, Decision::kOffered);
  bench.now += milliseconds(500);
  bench.server.Expire(bench.now);
  std::set<std::uint32_t> offered;
  while (const auto outcome = bench.Emit()) {
    EXPECT_EQ(outcome->decision, Decision::kOffered);
    offered.insert(bench.Yiaddr().value());
  }
  EXPECT_EQ(offered.size(), Server::kProbesMax);
}

TEST(Probe, APolicyThatChangesMeanwhileIsObeyed) {
  Bench bench = Probing();
  bench.Hear(Said(kDiscover));
  PolicySettings settings = TestSettings();
  settings.networks[0].pools = {{kLast, kLast}};
  const auto next = Bench::Checked(settings);
  bench.server.SetPolicy(next.get());
  bench.server.ProbeResult(kFirst, false, bench.now);
  const auto outcome = bench.Emit();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->probe, kLast) << "the first address is in no pool any more";
  bench.server.SetPolicy(nullptr);
  bench.now += seconds(1);
  bench.server.Expire(bench.now);
  EXPECT_EQ(bench.Emit()->drop, Drop::kDhcpNoNetwork);
  EXPECT_FALSE(bench.Emit());
}

}  // namespace
}  // namespace slipway::dhcp
