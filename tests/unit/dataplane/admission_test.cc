// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/admission_room.h"

namespace slipway::dataplane {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = Admission::Verdict;

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

}  // namespace
}  // namespace slipway::dataplane
