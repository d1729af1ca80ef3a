// SPDX-License-Identifier: Apache-2.0
//
// How a window leaves: spread over its round trip in quanta to a peer far away, at once to one
// close by, and no faster at first than a firmware's ring can take.
#include "protocols/tcp/pacing.h"

#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

using std::chrono::microseconds;
using testing::SizeIs;

// Ten segments acknowledged by one ACK: twelve may leave (RFC 3465).
void AcknowledgeTheFirstWindow(Peer& peer, PatternSource& source, Duration round_trip) {
  peer.round_trip = round_trip;
  peer.Open();
  peer.host.Attach(peer.id, &source);
  ASSERT_THAT(peer.Replies(), SizeIs(10)) << "the first window leaves at once";
  peer.now += round_trip;
  peer.Send({.ack = 1 + 10 * 1460});
}

TEST(Pacing, SpreadsAWindowOverItsRoundTripInQuantaOfAtLeastTwo) {
  Peer peer;
  PatternSource source(1'000'000, false);
  AcknowledgeTheFirstWindow(peer, source, milliseconds(80));
  const Time began = peer.now;
  std::size_t left = peer.Replies().size();
  EXPECT_LE(left, 4u);
  while (left < 12) {
    const auto quantum = peer.WaitForReplies(milliseconds(100));
    ASSERT_FALSE(quantum.empty()) << left;
    ASSERT_LT(left + quantum.size(), 13u);
    EXPECT_GE(quantum.size(), std::min<std::size_t>(2, 12 - left));
    EXPECT_LE(quantum.size(), 4u);
    left += quantum.size();
  }
  EXPECT_GT(peer.now - began, milliseconds(20));
  EXPECT_LT(peer.now - began, milliseconds(60)) << "twice as fast as it comes back";
  EXPECT_EQ(peer.Info().retransmissions, 0u);
}

TEST(Pacing, LeavesAPeerCloseByToTheAckClock) {
  for (const bool pacing : {true, false}) {
    Settings settings;
    settings.pacing = pacing;
    Peer peer(settings);
    PatternSource source(1'000'000, false);
    AcknowledgeTheFirstWindow(peer, source, pacing ? microseconds(100) : milliseconds(80));
    EXPECT_THAT(peer.Replies(), SizeIs(12));
  }
}

TEST(Pacing, KeepsItsRateThoughTimersComeLate) {
  const Pacer::Rate rate{.window = 100'000, .round_trip = milliseconds(100), .gain = 4};
  EXPECT_EQ(Pacer::TimeOf(1000, rate), milliseconds(1));
  Pacer pacer;
  Time now = At(seconds(1));
  std::uint64_t sent = 0;
  for (int tick = 0; tick < 1000; ++tick) {
    now = std::max(now + microseconds(100), pacer.release_at()) + microseconds(700);
    while (!pacer.Spent(1000, rate, now)) pacer.Sent(1000, rate, now), sent += 1000;
  }
  const double seconds_passed = std::chrono::duration<double>(now - At(seconds(1))).count();
  EXPECT_NEAR(static_cast<double>(sent) / seconds_passed, 1e6, 0.02e6);
}

TEST(SlowStart, OfAPeerThatDoesNotSelectEndsAtAFirmwaresWindow) {
  Peer peer;
  peer.Open();
  EXPECT_EQ(peer.Info().slow_start_threshold, 65'535u);
  Peer selects;
  selects.Open({.mss = 1460, .sack_permitted = true});
  EXPECT_GT(selects.Info().slow_start_threshold, 1'000'000u);
}

}  // namespace
}  // namespace slipway::tcp
