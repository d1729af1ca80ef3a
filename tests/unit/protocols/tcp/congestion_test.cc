// SPDX-License-Identifier: Apache-2.0
//
// The window's arithmetic: NewReno (RFC 5681, RFC 3465), CUBIC (RFC 9438), HyStart++ (RFC 9406),
// and what a pause does to it (RFC 2861).
#include "protocols/tcp/congestion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "protocols/tcp/cubic.h"
#include "protocols/tcp/hystart.h"

namespace slipway::tcp {
namespace {

using std::chrono::milliseconds;
using Phase = HyStart::Phase;

constexpr std::uint32_t kMss = 1000;

Congestion::Ack Acked(std::uint64_t bytes) { return {.bytes = bytes, .mss = kMss}; }

TEST(NewReno, StartsSlowlyThenAvoidsAndHalves) {
  Growth growth;
  Congestion congestion;
  congestion.Start({}, kMss, CongestionAlgorithm::kNewReno);
  EXPECT_EQ(congestion.window(), 10'000u);
  congestion.Acknowledged(Acked(1000), growth);
  congestion.Acknowledged(Acked(9000), growth);  // a stretch ACK counts for two segments at most
  EXPECT_EQ(congestion.window(), 13'000u);
  congestion.LossDetected(12'000, kMss, growth);
  EXPECT_EQ(congestion.window(), 6000u);
  EXPECT_EQ(congestion.threshold(), 6000u);
  for (int i = 0; i < 5; ++i) congestion.Acknowledged(Acked(1000), growth);
  EXPECT_EQ(congestion.window(), 6000u);
  congestion.Acknowledged(Acked(1000), growth);  // one window's worth: one segment more
  EXPECT_EQ(congestion.window(), 7000u);
  congestion.TimedOut(7000, kMss, false, growth);
  EXPECT_EQ(congestion.window(), 1000u);
  EXPECT_EQ(congestion.threshold(), 3500u);
  congestion.TimedOut(1000, kMss, true, growth);
  EXPECT_EQ(congestion.threshold(), 3500u) << "the same text again says nothing new";
}

TEST(InitialWindow, IsTenSegmentsOfOrdinarySizeAndFewerOfLargeOnes) {
  EXPECT_EQ(Congestion::InitialWindow({}, 1460), 14'600u);
  EXPECT_EQ(Congestion::InitialWindow({}, 8960), 17'920u);
}

TEST(WindowValidation, HalvesForEachTimeoutOfSilenceAndRemembersWhereItWas) {
  Growth growth;
  Congestion congestion;
  congestion.Start({}, kMss, CongestionAlgorithm::kCubic);
  congestion.SetWindow(200'000);
  congestion.LossDetected(200'000, kMss, growth);
  ASSERT_EQ(congestion.window(), 140'000u);
  congestion.Restart(10'000, 2, growth);
  EXPECT_EQ(congestion.window(), 35'000u);
  EXPECT_EQ(congestion.threshold(), 140'000u) << "slow start leads back to it";
  congestion.Restart(10'000, 40, growth);
  EXPECT_EQ(congestion.window(), 10'000u);
}

// One path: every round trip acknowledges the whole window, segment by segment.
class CubicPath {
 public:
  CubicPath(std::uint64_t initial, Duration round_trip)
      : window(initial), round_trip_(round_trip) {}
  void RoundTrip() {
    now += round_trip_;
    for (std::uint64_t left = window; left >= kMss; left -= kMss) {
      window += cubic.Growth(
          {.bytes = kMss, .window = window, .mss = kMss, .smoothed_rtt = round_trip_, .now = now});
    }
  }
  void Lose() { window = cubic.Reduce(window, window, kMss); }

  Cubic cubic;
  std::uint64_t window;
  Time now = Time(std::chrono::seconds(1));

 private:
  Duration round_trip_;
};

// RFC 9438 4.2: W_cubic(t) = C (t - K)^3 + W_max, with K = cbrt((W_max - cwnd) / C).
TEST(Cubic, ComesBackToWhereItLostAfterKAndLingersThere) {
  CubicPath path(200 * kMss, milliseconds(100));
  path.Lose();
  EXPECT_EQ(path.window, 140u * kMss) << "beta 0.7";
  const Time lost = path.now + milliseconds(100);
  const double k = std::cbrt(60 / 0.4);
  for (int i = 0; i < 100; ++i) {
    path.RoundTrip();
    const double t = std::chrono::duration<double>(path.now - lost).count();
    const double curve = 0.4 * std::pow(t - k, 3) + 200;
    if (t < 0.5) continue;
    ASSERT_NEAR(static_cast<double>(path.window) / kMss, curve, 0.05 * curve + 2) << t;
  }
  EXPECT_GT(path.window, 230u * kMss) << "and then looks for more";
}

// RFC 9438 4.3: where a round trip is short, as fast as Reno would with this beta.
TEST(Cubic, IsAsFastAsRenoOverAShortPath) {
  CubicPath path(100 * kMss, milliseconds(1));
  path.Lose();
  for (int i = 0; i < 40; ++i) path.RoundTrip();
  const double alpha = 3 * 0.3 / 1.7;
  EXPECT_NEAR(static_cast<double>(path.window) / kMss, 70 + 40 * alpha, 2);
}

// 4.6: what pacing kept back of the window is no reason to reduce it further; a window that was
// never used is.
TEST(Cubic, ReducesTheWindowThatPacingHadNotLetOutYet) {
  const auto reduced = [](std::uint64_t window, std::uint64_t flight) {
    return Cubic().Reduce(window * kMss, flight * kMss, kMss);
  };
  EXPECT_EQ(reduced(100, 60), 70u * kMss);
  EXPECT_EQ(reduced(100, 100), 70u * kMss);
  EXPECT_EQ(reduced(1000, 100), 140u * kMss);
  EXPECT_EQ(reduced(100, 102), 1428u * kMss / 20) << "limited transmit, a tail loss probe";
}

// RFC 9438 4.7: a second loss before it came back leaves room for a newcomer.
TEST(Cubic, ConvergesFast) {
  const auto after = [](bool twice) {
    CubicPath path(200 * kMss, milliseconds(100));
    path.Lose();
    if (twice) path.Lose();
    path.window = 140 * kMss;
    for (int i = 0; i < 40; ++i) path.RoundTrip();
    return path.window;
  };
  EXPECT_LT(after(true), after(false));
}

class Slow {
 public:
  // A round of ten samples.
  Phase Round(int shortest_ms) {
    Phase phase = Phase::kSlow;
    nxt_ += 100;
    for (std::uint64_t i = 0; i < 10; ++i) {
      phase = start.Take({.una = nxt_ - 100 + i,
                          .nxt = nxt_,
                          .rtt = milliseconds(shortest_ms + static_cast<int>(i % 3))});
    }
    return phase;
  }
  HyStart start;

 private:
  std::uint64_t nxt_ = 0;
};

// RFC 9406 4.2: RttThresh is an eighth of the last round's, within 4 and 16 ms.
TEST(HyStart, GoesOnWhileRoundTripsDoNotGrow) {
  Slow slow;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(slow.Round(40 + i % 4), Phase::kSlow);
}

TEST(HyStart, IsConservativeForFiveRoundsOnceTheyGrowAndThenDone) {
  Slow slow;
  slow.Round(40);
  EXPECT_EQ(slow.Round(46), Phase::kConservative);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(slow.Round(46), Phase::kConservative);
  EXPECT_EQ(slow.Round(46), Phase::kDone);
}

TEST(HyStart, GoesBackWhenTheGrowthWasNoQueue) {
  Slow slow;
  slow.Round(40);
  ASSERT_EQ(slow.Round(46), Phase::kConservative);
  EXPECT_EQ(slow.Round(41), Phase::kSlow);
}

// A queue that grows while a round's text is on its way does not raise the round's shortest, which
// its first segment was: eight in succession tell it, a round before the overflow.
TEST(HyStart, SeesAQueueGrowWithinARound) {
  Slow slow;
  slow.Round(40);
  const auto take = [&](std::uint64_t una, int ms) {
    return slow.start.Take({.una = una, .nxt = 200, .rtt = milliseconds(ms)});
  };
  for (std::uint64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(take(100 + i, i % 8 == 7 ? 44 : 60), Phase::kSlow) << "jitter";
  }
  for (std::uint64_t i = 0; i < 7; ++i) take(120 + i, 46 + static_cast<int>(i));
  EXPECT_EQ(take(127, 53), Phase::kConservative);
  EXPECT_EQ(slow.Round(41), Phase::kConservative) << "the round was measured before";
  EXPECT_EQ(slow.Round(41), Phase::kSlow) << "the next was not";
}

TEST(HyStart, NeedsEightSamples) {
  HyStart start;
  EXPECT_EQ(start.Take({.una = 0, .nxt = 10, .rtt = milliseconds(40)}), Phase::kSlow);
  for (std::uint64_t round = 1; round < 9; ++round) {
    const std::uint64_t nxt = (round + 1) * 10;
    EXPECT_EQ(start.Take({.una = nxt - 10, .nxt = nxt, .rtt = milliseconds(90)}), Phase::kSlow);
  }
}

TEST(SlowStart, OfCubicEndsWhereHyStartSaysAndIsAQuarterAsFastBefore) {
  Growth growth;
  Congestion congestion;
  congestion.Start({}, kMss, CongestionAlgorithm::kCubic);
  std::uint64_t una = 0;
  const auto round = [&](int ms) {
    const std::uint64_t before = congestion.window();
    const std::uint64_t nxt = una + before;
    for (; una < nxt; una += kMss) {
      congestion.Acknowledged({.bytes = kMss,
                               .mss = kMss,
                               .una = una,
                               .nxt = nxt,
                               .rtt = milliseconds(ms),
                               .smoothed_rtt = milliseconds(ms)},
                              growth);
    }
    return static_cast<double>(congestion.window()) / static_cast<double>(before);
  };
  EXPECT_NEAR(round(20), 2.0, 0.05);
  EXPECT_NEAR(round(20), 2.0, 0.05);
  round(30);
  EXPECT_NEAR(round(30), 1.25, 0.05);
  for (int i = 0; i < 6; ++i) round(30);
  EXPECT_FALSE(congestion.in_slow_start());
  EXPECT_LT(congestion.threshold(), 400'000u);
}

}  // namespace
}  // namespace slipway::tcp
