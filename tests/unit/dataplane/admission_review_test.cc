// SPDX-License-Identifier: Apache-2.0
//
// Whose turn is used: who takes too little, rests, or comes back.
#include "tests/unit/dataplane/admission_room.h"

namespace slipway::dataplane {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;

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
    room_.EndReview({.bytes_per_second = 1'000'000}, At(seconds(second)));
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

// More than there are turns: all take their shares, however small these are, and nobody else is
// let in beside them.
TEST_F(AdmissionTest, AllCountAgainWhoComeBackTogether) {
  std::vector<Admission::Id> back;
  for (std::uint32_t n = 1; n <= 40; ++n) {
    const Time now = At(seconds(n));
    back.push_back(Serve(n, now));
    room_.See(back.back(), {.rests = true});
    room_.EndReview({}, now);
    for (const Admission::Id id : back) room_.See(id, {.rests = true});
    room_.EndReview({}, now + milliseconds(500));
  }
  ASSERT_EQ(room_.serving(), 0U);
  const std::vector<Admission::Id> quick{Serve(41, At(50s)), Serve(42, At(50s))};
  for (int second = 50; second < 60; ++second) {
    for (const Admission::Id id : quick) room_.See(id, {.bytes = 1'000'000});
    for (const Admission::Id id : back) room_.See(id, {.bytes = 1'000'000});
    room_.EndReview({.bytes_per_second = 42'000'000}, At(seconds(second)));
  }
  EXPECT_EQ(room_.serving(), 42U);
  EXPECT_EQ(room_.counters().excused, 0U);
  EXPECT_FALSE(Knock(43, At(60s)));
}

TEST_F(AdmissionTest, WhatAConnectionTookThatClosedBetweenReviewsCounts) {
  const Admission::Id keeps_one_open = Serve(1, At(0s));
  const Admission::Id quick = Serve(2, At(0s));
  for (int second = 1; second < 5; ++second) {
    Connect(1, At(seconds(second)));
    room_.See(keeps_one_open, {.bytes = 1'000'000, .rests = true});
    room_.Closed(keeps_one_open, At(seconds(second)));
    room_.See(keeps_one_open, {.rests = true});
    room_.See(quick, {.bytes = 1'000'000});
    room_.EndReview({.bytes_per_second = 2'000'000}, At(seconds(second)));
  }
  EXPECT_EQ(room_.serving(), 2U);
}

}  // namespace
}  // namespace slipway::dataplane
