// SPDX-License-Identifier: Apache-2.0
#include "dataplane/admission.h"

#include <gtest/gtest.h>

#include <vector>

namespace slipway::dataplane {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = Admission::Verdict;
using Syn = Admission::Syn;

constexpr Syn kPatient{.is_patient = true};
constexpr Syn kImpatient{};

Time At(Duration since) { return Time{} + since; }
MacAddress MacOf(std::uint32_t n) {
  return {{0x02, 0, static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16),
           static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}};
}
Ipv4Address AddressOf(std::uint32_t n) { return Ipv4Address(10 << 24 | n); }

// Machines by number, with leases, up to the word of the admission.
class AdmissionTest : public ::testing::Test {
 protected:
  void Discover(std::uint32_t n, Time now) {
    EXPECT_TRUE(room_.MayOffer(MacOf(n), /*is_patient=*/true, now));
  }
  void Lease(std::uint32_t n, Time now) { room_.Leased(MacOf(n), AddressOf(n), now); }
  // DHCP and a SYN; true when it may go on.
  bool Knock(std::uint32_t n, Time now, const Syn& syn = kPatient) {
    Lease(n, now);
    return room_.AtSyn(AddressOf(n), syn, now) == Verdict::kGo;
  }
  Admission::Id Connect(std::uint32_t n, Time now) {
    return room_.Connected(MacOf(n), AddressOf(n), now);
  }
  // A machine that is served.
  Admission::Id Serve(std::uint32_t n, Time now) {
    const Admission::Id id = Connect(n, now);
    EXPECT_EQ(room_.AtServerHello(id, now), Verdict::kGo);
    return id;
  }
  // Whose turns have come, in order.
  std::vector<Ipv4Address> Turns(Time now) {
    std::vector<Ipv4Address> turns;
    while (const auto turn = room_.Next(now)) {
      if (turn->admitted) turns.push_back(room_.address(turn->id));
    }
    return turns;
  }
  // As the worker does, with so many bytes for each of `served` in the last second.
  void Review(const std::vector<std::pair<Admission::Id, std::uint64_t>>& served, Time now,
              double spare = 0.5) {
    double sum = 0;
    for (const auto& [id, bytes] : served) {
      room_.See(id, {.bytes = bytes});
      sum += static_cast<double>(bytes);
    }
    room_.EndReview({.bytes_per_second = sum, .spare = spare}, now);
  }

  // Machines 3 to 52 wait, and a turn comes once in two seconds.
  void TheLongQueue() {
    Admission::Id served = Serve(1, At(0s));
    Serve(2, At(0s));
    for (std::uint32_t n = 3; n < 53; ++n) EXPECT_FALSE(Knock(n, At(0s)));
    Review({}, At(0s));
    for (int second = 2; second <= 8; second += 2) {
      room_.Closed(served, At(seconds(second)));
      const auto turn = room_.Next(At(seconds(second)));
      ASSERT_TRUE(turn);
      served = room_.Connected(room_.mac(turn->id), room_.address(turn->id), At(seconds(second)));
      Review({}, At(seconds(second)));
    }
  }

  Admission room_{{.at_once = 2, .machines_max = 64}};
};

TEST_F(AdmissionTest, NobodyWaitsWhileFewAreServed) {
  EXPECT_TRUE(Knock(1, At(0ns)));
  EXPECT_TRUE(Knock(2, At(0ns)));
  EXPECT_EQ(room_.waiting(), 0U);
  EXPECT_EQ(room_.serving(), 2U);
}

TEST_F(AdmissionTest, TurnsAreGivenInOrderOfFirstArrivalWhereverMachinesWait) {
  const Admission::Id first = Serve(1, At(0s));
  const Admission::Id second = Serve(2, At(0s));
  Discover(3, At(1s));  // comes first, and asks to connect last
  const Admission::Id stranger = Connect(6, At(2s));
  EXPECT_EQ(room_.AtServerHello(stranger, At(2s)), Verdict::kWait);
  EXPECT_FALSE(Knock(4, At(3s)));
  EXPECT_FALSE(Knock(5, At(4s)));
  EXPECT_FALSE(Knock(3, At(5s)));
  EXPECT_EQ(room_.StandingOf(room_.IdOf(AddressOf(3))).position, 1U);
  EXPECT_EQ(room_.StandingOf(stranger).position, 2U);
  EXPECT_EQ(room_.StandingOf(room_.IdOf(AddressOf(5))).position, 4U);
  EXPECT_TRUE(Turns(At(6s)).empty());
  room_.Closed(first, At(6s));
  EXPECT_EQ(Turns(At(6s)), std::vector{AddressOf(3)});
  room_.Closed(second, At(7s));
  EXPECT_EQ(Turns(At(7s)), std::vector{AddressOf(6)});
  EXPECT_EQ(room_.AtServerHello(stranger, At(7s)), Verdict::kGo);
  EXPECT_EQ(room_.waiting(), 2U);
}

TEST_F(AdmissionTest, ASynThatComesAgainKeepsItsPlace) {
  Serve(1, At(0s));
  Serve(2, At(0s));
  EXPECT_FALSE(Knock(3, At(1s)));
  EXPECT_FALSE(Knock(4, At(2s)));
  EXPECT_FALSE(Knock(3, At(4s)));
  EXPECT_EQ(room_.StandingOf(room_.IdOf(AddressOf(3))).position, 1U);
  EXPECT_EQ(room_.waiting_at(WaitingPlace::kSyn), 2U);
}

TEST_F(AdmissionTest, ABootOfManyConnectionsIsAdmittedOnce) {
  Serve(1, At(0s));
  const Admission::Id machine = Serve(2, At(0s));
  EXPECT_FALSE(Knock(3, At(1s)));
  EXPECT_TRUE(Knock(2, At(1s)));  // a second connection beside the first
  room_.Closed(machine, At(2s));
  EXPECT_EQ(Turns(At(2s)), std::vector{AddressOf(3)});
  EXPECT_TRUE(Knock(2, At(60s)));  // the next file, though the room is full
  EXPECT_EQ(Serve(2, At(60s)), machine);
}

TEST_F(AdmissionTest, PatienceAtTheSynEndsInAPlaceFurtherIn) {
  Serve(1, At(0s));
  Serve(2, At(0s));
  EXPECT_FALSE(Knock(3, At(1s)));
  EXPECT_FALSE(room_.Next(At(45s)));
  const auto turn = room_.Next(At(47s));
  ASSERT_TRUE(turn);
  EXPECT_FALSE(turn->admitted);
  const Admission::Id id = Connect(3, At(47s));
  EXPECT_EQ(turn->id, id);
  EXPECT_EQ(room_.AtServerHello(id, At(47s)), Verdict::kWait);
  EXPECT_TRUE(Turns(At(86s)).empty());
  const auto forced = room_.Next(At(88s));
  ASSERT_TRUE(forced);
  EXPECT_TRUE(forced->admitted);
  EXPECT_GE(forced->waited, Duration(86s));
  EXPECT_EQ(room_.counters().forced, 1U);
  EXPECT_EQ(room_.serving(), 3U);  // late for everyone, but nobody is lost
}

TEST_F(AdmissionTest, AnImpatientMachineWaitsShorterAtTheSyn) {
  Serve(1, At(0s));
  Serve(2, At(0s));
  EXPECT_FALSE(Knock(3, At(1s), kImpatient));
  EXPECT_FALSE(room_.Next(At(8900ms)));
  EXPECT_TRUE(room_.Next(At(9100ms)));
}

TEST_F(AdmissionTest, WithoutAHandshakePatienceAtTheSynIsTheLast) {
  Serve(1, At(0s));
  Serve(2, At(0s));
  EXPECT_FALSE(Knock(3, At(1s), {.leads_to_handshake = false}));
  EXPECT_EQ(Turns(At(10s)), std::vector{AddressOf(3)});
}

TEST_F(AdmissionTest, PatienceIsNeverExceededHoweverManyWait) {
  Admission room({.at_once = 1, .machines_max = 4096});
  for (std::uint32_t n = 0; n < 4096; ++n) {
    room.Leased(MacOf(n), AddressOf(n), At(milliseconds(n)));
    static_cast<void>(room.AtSyn(AddressOf(n), kPatient, At(milliseconds(n))));
  }
  std::size_t let_past = 0;
  for (Time now = At(0s); now < At(60s); now += milliseconds(5)) {
    while (const auto turn = room.Next(now)) {
      const auto came = milliseconds(room.address(turn->id).value() & 0xffff);
      // 20 ms: a tick of the wheel, and how often it is looked at.
      EXPECT_LE(now - At(came), room.settings().at_syn + 20ms);
      ++let_past;
    }
  }
  EXPECT_EQ(let_past, 4095U);
}

TEST_F(AdmissionTest, WhoVanishesLosesItsPlace) {
  Serve(1, At(0s));
  const Admission::Id served = Serve(2, At(0s));
  const Admission::Id waits = Connect(3, At(1s));
  EXPECT_EQ(room_.AtServerHello(waits, At(1s)), Verdict::kWait);
  EXPECT_FALSE(Knock(4, At(2s)));
  room_.Closed(waits, At(3s));  // it reset its connection
  EXPECT_EQ(room_.waiting(), 1U);
  room_.Closed(served, At(4s));
  EXPECT_EQ(Turns(At(4s)), std::vector{AddressOf(4)});
  // 4 never answers the SYN-ACK: after a while its turn is somebody else's.
  EXPECT_FALSE(Knock(5, At(5s)));
  EXPECT_TRUE(Turns(At(8s)).empty());
  EXPECT_EQ(Turns(At(10s)), std::vector{AddressOf(5)});
}

TEST_F(AdmissionTest, ASecondConnectionDoesNotEndTheWaitOfTheFirst) {
  const Admission::Id served = Serve(1, At(0s));
  Serve(2, At(0s));
  const Admission::Id waits = Connect(3, At(1s));
  EXPECT_EQ(room_.AtServerHello(waits, At(1s)), Verdict::kWait);
  EXPECT_TRUE(Knock(3, At(2s)));  // it waits further in
  EXPECT_EQ(Connect(3, At(2s)), waits);
  EXPECT_EQ(room_.waiting_at(WaitingPlace::kServerHello), 1U);
  room_.Closed(served, At(3s));
  EXPECT_EQ(Turns(At(3s)), std::vector{AddressOf(3)});
}

TEST_F(AdmissionTest, WhoConnectsWhileItsSynIsKeptWaitsFurtherIn) {
  Serve(1, At(0s));
  Serve(2, At(0s));
  EXPECT_FALSE(Knock(3, At(1s)));
  const Admission::Id id = Connect(3, At(2s));  // by a SYN cookie
  EXPECT_EQ(room_.waiting(), 0U);
  EXPECT_EQ(room_.AtServerHello(id, At(2s)), Verdict::kWait);
  EXPECT_EQ(room_.waiting_at(WaitingPlace::kServerHello), 1U);
}

TEST_F(AdmissionTest, ForgedAddressesGetNoPlaceAtTheSyn) {
  Serve(1, At(0s));
  Serve(2, At(0s));
  const std::uint32_t remembered = room_.remembered();
  for (std::uint32_t n = 1000; n < 2000; ++n) {
    EXPECT_EQ(room_.AtSyn(AddressOf(n), kPatient, At(1s)), Verdict::kGo);
  }
  EXPECT_EQ(room_.remembered(), remembered);
  EXPECT_EQ(room_.waiting(), 0U);
}

TEST_F(AdmissionTest, MemoryIsBoundedAndWhoDoesNotFitIsNotHeld) {
  Serve(1, At(0s));
  Serve(2, At(0s));
  for (std::uint32_t n = 3; n < 1000; ++n) Discover(n, At(1s));
  EXPECT_EQ(room_.remembered(), 64U);
  const Admission::Id id = Connect(2000, At(1s));
  EXPECT_EQ(id, Admission::kNobody);
  EXPECT_EQ(room_.AtServerHello(id, At(1s)), Verdict::kGo);
  room_.Closed(id, At(1s));
  // Who never came is forgotten.
  EXPECT_FALSE(room_.Next(At(100s)));
  EXPECT_EQ(room_.remembered(), 2U);
}

TEST_F(AdmissionTest, AMachineThatTakesTooLittleIsServedButNotCounted) {
  const Admission::Id slow = Serve(1, At(0s));
  const Admission::Id quick = Serve(2, At(0s));
  EXPECT_FALSE(Knock(3, At(0s)));
  Review({{slow, 4000}, {quick, 100'000'000}}, At(1s));
  EXPECT_TRUE(Turns(At(1s)).empty());  // not a whole second yet
  Review({{slow, 4000}, {quick, 100'000'000}}, At(2s));
  EXPECT_EQ(Turns(At(2s)), std::vector{AddressOf(3)});
  EXPECT_EQ(room_.counters().excused, 1U);
  EXPECT_TRUE(Knock(1, At(2s)));  // still admitted
}

TEST_F(AdmissionTest, SlowReadersAloneAreHeldToWhatOthersTookBeforeThem) {
  const Admission::Id quick = Serve(1, At(0s));
  const Admission::Id slow = Serve(2, At(0s));
  Review({{quick, 100'000'000}, {slow, 4000}}, At(1s));
  room_.Closed(quick, At(1s));
  const Admission::Id as_slow = Serve(3, At(1s));
  EXPECT_FALSE(Knock(4, At(1s)));
  EXPECT_FALSE(Knock(5, At(1s)));
  Review({{slow, 4000}, {as_slow, 4000}}, At(2s));
  Review({{slow, 4000}, {as_slow, 4000}}, At(3s));
  EXPECT_EQ(Turns(At(3s)), (std::vector{AddressOf(4), AddressOf(5)}));
  EXPECT_EQ(room_.counters().excused, 2U);
  Review({{slow, 4000}, {as_slow, 4000}}, At(4s));
  EXPECT_EQ(room_.serving(), 2U);  // nor do they count again among themselves
}

TEST_F(AdmissionTest, SlowReadersAreHeldToWhatThoseTakeWhoComeAndGoBetweenReviews) {
  std::vector<Admission::Id> slow{Serve(1, At(0s))};
  for (int second = 1; second <= 6; ++second) {
    const Time now = At(seconds(second));
    const Admission::Id quick = Serve(static_cast<std::uint32_t>(second + 10), now);
    if (second == 3) slow.push_back(Serve(2, now));
    room_.Closed(quick, now);
    for (const Admission::Id id : slow) room_.See(id, {.bytes = 4000});
    room_.EndReview({.bytes_per_second = 100'000'000}, now);
  }
  EXPECT_EQ(room_.counters().excused, 2U);
  EXPECT_EQ(room_.serving(), 0U);  // nor does the second make the first count again
}

TEST_F(AdmissionTest, WhereNoTimeIsSpareAllMayBeSlow) {
  const Admission::Id first = Serve(1, At(0s));
  const Admission::Id second = Serve(2, At(0s));
  Review({{first, 100'000'000}, {second, 100'000'000}}, At(1s), /*spare=*/0);
  Review({{first, 4000}, {second, 4000}}, At(2s), /*spare=*/0);
  Review({{first, 4000}, {second, 4000}}, At(3s), /*spare=*/0);
  EXPECT_EQ(room_.serving(), 2U);
}

TEST_F(AdmissionTest, AMachineThatWaitsForUsIsNotBlamed) {
  const Admission::Id waits = Serve(1, At(0s));
  const Admission::Id quick = Serve(2, At(0s));
  for (int second = 1; second < 5; ++second) {
    room_.See(waits, {.waits_for_us = true});
    room_.See(quick, {.bytes = 1'000'000});
    room_.EndReview({}, At(seconds(second)));
  }
  EXPECT_EQ(room_.serving(), 2U);
}

TEST_F(AdmissionTest, AMachineAtRestMakesRoomAndTakesItsShareAgain) {
  const Admission::Id rests = Serve(1, At(0s));
  const Admission::Id busy = Serve(2, At(0s));
  for (int second = 1; second < 4; ++second) {
    room_.See(rests, {.rests = true});
    room_.See(busy, {.bytes = 1'000'000});
    room_.EndReview({}, At(seconds(second)));
  }
  EXPECT_EQ(room_.serving(), 1U);
  Review({{rests, 1'000'000}, {busy, 1'000'000}}, At(4s));
  EXPECT_EQ(room_.serving(), 2U);
}

TEST_F(AdmissionTest, TheExpectedStartFollowsTheRateOfTurns) {
  Serve(1, At(0s));
  Serve(2, At(0s));

  for (std::uint32_t n = 3; n < 43; ++n) EXPECT_FALSE(Knock(n, At(0s)));
  Review({}, At(0s));
  EXPECT_FALSE(room_.ExpectedWait());  // nothing is known yet
  Admission::Id served = room_.IdOf(AddressOf(1));
  for (int second = 1; second <= 5; ++second) {
    for (int i = 0; i < 4; ++i) {
      room_.Closed(served, At(seconds(second)));
      const auto turn = room_.Next(At(seconds(second)));
      ASSERT_TRUE(turn);
      served = room_.Connected(room_.mac(turn->id), room_.address(turn->id), At(seconds(second)));
    }
    Review({}, At(seconds(second)));
  }
  ASSERT_TRUE(room_.ExpectedWait());  // 4 turns a second, 20 wait
  EXPECT_NEAR(std::chrono::duration<double>(*room_.ExpectedWait()).count(), 21.0 / 4, 0.01);
}

TEST_F(AdmissionTest, AnOfferIsWithheldOnlyWhereAllOtherPlacesAreTooShortAndNotForLong) {
  TheLongQueue();
  EXPECT_TRUE(room_.MayOffer(MacOf(100), /*is_patient=*/false, At(10s)));
  EXPECT_FALSE(room_.MayOffer(MacOf(101), /*is_patient=*/true, At(10s)));
  EXPECT_EQ(room_.waiting_at(WaitingPlace::kOffer), 1U);
  EXPECT_FALSE(room_.MayOffer(MacOf(101), /*is_patient=*/true, At(14s)));
  EXPECT_TRUE(room_.MayOffer(MacOf(101), /*is_patient=*/true, At(22s)));  // its third try
  EXPECT_EQ(room_.waiting_at(WaitingPlace::kOffer), 0U);
}

TEST(AdmissionOffTest, EverybodyGoes) {
  Admission room({.enabled = false, .at_once = 1});
  EXPECT_TRUE(room.MayOffer(MacOf(1), true, At(0s)));
  room.Leased(MacOf(1), AddressOf(1), At(0s));
  for (std::uint32_t n = 1; n < 100; ++n) {
    EXPECT_EQ(room.AtSyn(AddressOf(n), kPatient, At(0s)), Verdict::kGo);
    EXPECT_EQ(room.AtServerHello(room.Connected(MacOf(n), AddressOf(n), At(0s)), At(0s)),
              Verdict::kGo);
  }
  EXPECT_FALSE(room.Next(At(100s)));
}

TEST(AdmissionLimitTest, GrowsOnlyAsLongAsMoreMachinesTakeMore) {
  AdmissionLimit limit(0, 4096);
  double capacity = 400;  // machines' worth of bytes; more machines take no more
  const auto second = [&] {
    const double taken = std::min(capacity, static_cast<double>(limit.value()));
    limit.Adjust({.bytes_per_second = taken * 1e6, .spare = 0.3, .some_wait = true});
  };
  for (int i = 0; i < 40; ++i) second();
  EXPECT_GE(limit.value(), 400U);
  EXPECT_LE(limit.value(), 700U);
  capacity = 2000;
  for (int i = 0; i < 80; ++i) second();
  EXPECT_GE(limit.value(), 1800U);
}

TEST(AdmissionLimitTest, ShrinksWhileNoTimeIsSpareDownToALeast) {
  AdmissionLimit limit(0, 4096);
  for (int i = 0; i < 100; ++i) {
    limit.Adjust({.bytes_per_second = 1e9, .spare = 0.01, .some_wait = true});
  }
  EXPECT_EQ(limit.value(), AdmissionLimit::kLeast);
}

TEST(AdmissionLimitTest, StaysAsConfigured) {
  AdmissionLimit limit(10, 4096);
  limit.Adjust({.bytes_per_second = 1e9, .spare = 0.5, .some_wait = true});
  EXPECT_EQ(limit.value(), 10U);
}

}  // namespace
}  // namespace slipway::dataplane
