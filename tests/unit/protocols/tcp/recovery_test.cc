// SPDX-License-Identifier: Apache-2.0
//
// How losses are found and answered, from the peer's side: RACK and the tail loss probe (RFC 8985),
// F-RTO (RFC 5682), and what takes a needless answer back (RFC 3522, RFC 3708, RFC 4015).
#include <memory>

#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

double Milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

constexpr Duration kRoundTrip = milliseconds(20);

// A peer 20 ms away that selects (or not), with ten segments sent to it.
class Recovering : public testing::Test {
 protected:
  void Open(const Options& options, std::uint64_t bytes, const Settings& settings = {}) {
    peer_ = std::make_unique<Peer>(settings);
    source_ = std::make_unique<PatternSource>(bytes, false);
    peer().round_trip = kRoundTrip;
    peer().Open(options);
    stamped_ = options.timestamps.has_value();
    peer().host.Attach(peer().id, source_.get());
    sent_ = peer().Replies();
  }
  Peer& peer() { return *peer_; }
  // Acknowledges `segments`, selecting others; echoes the timestamp of `of` where negotiated.
  void Ack(int segments, std::initializer_list<std::pair<int, int>> held = {},
           const Outgoing* of = nullptr) {
    Options options = peer().Sack(held);
    if (stamped_) {
      const auto& echoed = (of == nullptr ? sent_.back() : *of).segment.options.timestamps;
      options.timestamps = Timestamps{.value = ++clock_, .echo = echoed->value};
    }
    peer().Send({.ack = 1 + 1460 * segments, .options = options});
  }

  static constexpr Options kSelects{.mss = 1460, .sack_permitted = true};
  static constexpr Options kPlain{.mss = 1460};
  std::unique_ptr<Peer> peer_;
  std::unique_ptr<PatternSource> source_;
  std::vector<Outgoing> sent_;
  bool stamped_ = false;
  std::uint32_t clock_ = 100;
};

using Reordering = Recovering;

TEST_F(Reordering, WaitsForReorderingAndThenSendsTheHoleAgainWithoutATimeout) {
  Open(kSelects, 14'600);
  ASSERT_THAT(sent_, SizeIs(10));
  peer().now += kRoundTrip;
  Ack(0, {{1, 2}});
  EXPECT_THAT(peer().Replies(), IsEmpty());
  const Time before = peer().now;
  EXPECT_EQ(OffsetsOf(peer().WaitForReplies()).at(0), 0u);
  EXPECT_NEAR(Milliseconds(peer().now - before), 5.0, 2.0) << "a quarter of the round trip";
  EXPECT_EQ(peer().Info().fast_recoveries, 1u);
  EXPECT_EQ(peer().Info().timeouts, 0u);
}

TEST_F(Reordering, ReorderingAloneCostsNothing) {
  Open(kSelects, 14'600);
  peer().now += kRoundTrip;
  Ack(0, {{1, 2}});
  peer().now += milliseconds(1);
  Ack(2);
  for (int i = 3; i <= 10; ++i) Ack(i);
  EXPECT_THAT(peer().Replies(), IsEmpty());
  EXPECT_EQ(peer().Info().retransmissions, 0u);
  EXPECT_EQ(peer().Info().fast_recoveries, 0u);
}

using TailLossProbe = Recovering;

TEST_F(TailLossProbe, SendsTheLastSegmentAgainAfterTwoRoundTrips) {
  Open(kSelects, 14'600);
  const Time before = peer().now;
  EXPECT_THAT(OffsetsOf(peer().WaitForReplies()), ElementsAre(9 * 1460));
  EXPECT_NEAR(Milliseconds(peer().now - before), 40.0, 2.0);
  EXPECT_EQ(peer().Info().tail_probes, 1u);
  // Its answer shows that the two before it are lost: found without a timeout.
  peer().now += kRoundTrip;
  Ack(7, {{9, 10}});
  std::vector<std::uint64_t> again = OffsetsOf(peer().Replies());
  if (again.empty()) again = OffsetsOf(peer().WaitForReplies());
  EXPECT_EQ(again.at(0), 7u * 1460);
  EXPECT_EQ(peer().Info().timeouts, 0u);
}

TEST_F(TailLossProbe, SendsNewTextRatherThanOld) {
  Open(kSelects, 100'000);
  ASSERT_THAT(sent_, SizeIs(10));
  EXPECT_THAT(OffsetsOf(peer().WaitForReplies()), ElementsAre(10 * 1460));
  EXPECT_EQ(peer().Info().retransmissions, 0u);
}

TEST_F(TailLossProbe, IsFollowedByATimeoutNotByAnotherProbe) {
  Open(kSelects, 14'600);
  peer().WaitForReplies();
  const Time probed = peer().now;
  EXPECT_THAT(OffsetsOf(peer().WaitForReplies()), ElementsAre(0));
  EXPECT_GE(peer().now - probed, milliseconds(299));
  EXPECT_EQ(peer().Info().timeouts, 1u);
}

TEST_F(TailLossProbe, WaitsForADelayedAckWhenOneSegmentFlies) {
  Open(kSelects, 1000);
  const Time before = peer().now;
  ASSERT_THAT(peer().WaitForReplies(), SizeIs(1));
  EXPECT_GE(peer().now - before, milliseconds(240));
}

// RFC 8985 7.4: one segment was lost, and the probe repaired it.
TEST_F(TailLossProbe, ThatRepairedALossReducesTheWindowAndOneThatWasNeedlessDoesNot) {
  for (const bool needless : {false, true}) {
    Open(kSelects, 14'600);
    const std::uint64_t window = peer().Info().congestion_window;
    peer().WaitForReplies();
    peer().now += kRoundTrip;
    if (needless) {
      Ack(10, {{9, 10}});  // D-SACK
    } else {
      Ack(10);
    }
    source_->Grow(1460, false);
    peer().host.Wake(peer().id);
    ASSERT_THAT(peer().Replies(), SizeIs(1));
    peer().now += kRoundTrip;
    Ack(11);
    if (needless) {
      EXPECT_GE(peer().Info().congestion_window, window);
    } else {
      EXPECT_LT(peer().Info().congestion_window, window);
    }
  }
}

// A firmware acknowledges an odd segment within 200 ms; then the oldest goes again.
TEST_F(TailLossProbe, OfAPeerThatDoesNotSelectComesAfterItsDelayedAckAndMovesUna) {
  Open(kPlain, 14'600);
  const Time before = peer().now;
  EXPECT_THAT(OffsetsOf(peer().WaitForReplies()), ElementsAre(0));
  EXPECT_GT(peer().now - before, milliseconds(240));
  EXPECT_LT(peer().now - before, milliseconds(300)) << "before the timeout";
  peer().now += kRoundTrip;
  Ack(1);  // the rest is missing as well
  EXPECT_EQ(OffsetsOf(peer().Replies()).at(0), 1460u);
  EXPECT_EQ(peer().Info().fast_recoveries, 1u);
  EXPECT_EQ(peer().Info().timeouts, 0u);
}

Settings WithoutProbes() {
  Settings settings;
  settings.tail_loss_probe = false;
  return settings;
}

using SpuriousTimeout = Recovering;

// RFC 5682 2.1: nothing was lost, the path only slept.
TEST_F(SpuriousTimeout, IsFoundBySendingNewTextAfterTheFirstAck) {
  for (const Options& options : {kPlain, kSelects}) {
    Open(options, 100'000, WithoutProbes());
    const std::uint64_t window = peer().Info().congestion_window;
    ASSERT_THAT(OffsetsOf(peer().WaitForReplies()), ElementsAre(0));
    Ack(1);
    EXPECT_THAT(OffsetsOf(peer().Replies()), ElementsAre(10 * 1460, 11 * 1460)) << "2 b";
    Ack(2);
    EXPECT_EQ(peer().Info().undone, 1u);
    EXPECT_GE(peer().Info().congestion_window, window);
    for (int i = 3; i <= 12; ++i) {
      Ack(i);
      peer().Replies();
    }
    EXPECT_EQ(peer().Info().retransmissions, 1u);
  }
}

TEST_F(SpuriousTimeout, IsNotBelievedWhenADuplicateFollows) {
  Open(kPlain, 100'000, WithoutProbes());
  ASSERT_THAT(OffsetsOf(peer().WaitForReplies()), ElementsAre(0));
  Ack(1);
  ASSERT_THAT(peer().Replies(), SizeIs(2));
  Ack(1);
  EXPECT_EQ(peer().Info().undone, 0u);
  EXPECT_EQ(OffsetsOf(peer().Replies()).at(0), 1460u) << "3 a: go back, in slow start";
}

// RFC 3522: the acknowledgment answers the first transmission.
TEST_F(SpuriousTimeout, IsFoundByAnOlderEcho) {
  Open({.mss = 1460, .timestamps = Timestamps{.value = 100}}, 100'000, WithoutProbes());
  const std::uint64_t window = peer().Info().congestion_window;
  const auto again = peer().WaitForReplies();
  ASSERT_THAT(OffsetsOf(again), ElementsAre(0));
  Ack(1, {}, &sent_[0]);
  EXPECT_EQ(peer().Info().undone, 1u);
  EXPECT_GE(peer().Info().congestion_window, window);
}

TEST_F(SpuriousTimeout, IsNotSeenInTheEchoOfTheRetransmission) {
  Open({.mss = 1460, .timestamps = Timestamps{.value = 100}}, 100'000, WithoutProbes());
  const auto again = peer().WaitForReplies();
  Ack(1, {}, &again[0]);
  EXPECT_EQ(peer().Info().undone, 0u);
}

using SpuriousRecovery = Recovering;

// RFC 3708: everything that was sent again came twice.
TEST_F(SpuriousRecovery, IsUndoneByDuplicateSelections) {
  Open(kSelects, 14'600);
  const std::uint64_t window = peer().Info().congestion_window;
  peer().now += kRoundTrip;
  Ack(0, {{1, 4}});
  ASSERT_THAT(OffsetsOf(peer().Replies()), ElementsAre(0));
  EXPECT_LT(peer().Info().slow_start_threshold, window);
  peer().now += milliseconds(1);
  Ack(4);  // it was only late
  peer().now += kRoundTrip;
  Ack(10, {{0, 1}});
  EXPECT_EQ(peer().Info().undone, 1u);
  EXPECT_GE(peer().Info().congestion_window, window);
}

TEST_F(SpuriousRecovery, IsNotUndoneByABlockThatWasNeverSentAgain) {
  Open(kSelects, 14'600);
  peer().now += kRoundTrip;
  Ack(0, {{1, 4}});
  ASSERT_THAT(peer().Replies(), SizeIs(1));
  peer().now += kRoundTrip;
  Ack(10);
  EXPECT_EQ(peer().Info().undone, 0u);
}

}  // namespace
}  // namespace slipway::tcp
