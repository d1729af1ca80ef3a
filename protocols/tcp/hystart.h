// SPDX-License-Identifier: Apache-2.0
//
// HyStart++ (RFC 9406): leaves slow start when a round's shortest round trip grows, before the
// queue overflows, by way of conservative slow start (CSS), which goes back when the growth was
// not a queue's. Rounds are counted in send positions (connection.h).
//
// Beyond the RFC, which looks at a round's shortest round trip only: eight samples in succession
// that all grew tell of a queue within the round. A round's first segment finds the queue as the
// round before left it, so its shortest grows a round later than the queue, twice too much later.
// Bursts, which the RFC's minimum is to forgive, do not last: pacing spreads them, and close by
// (pacing.h) sixteen segments take less than the 4 ms that growth is at least.
//
// Cold state: touched once for each ACK of the first slow start.
#pragma once

#include <algorithm>
#include <cstdint>

#include "protocols/base/time.h"

namespace slipway::tcp {

class HyStart {
 public:
  static constexpr std::uint32_t kGrowthDivisor = 4;    // CSS_GROWTH_DIVISOR
  static constexpr std::uint64_t kSegmentsUnpaced = 8;  // L; no limit when paced

  enum class Phase : std::uint8_t { kSlow, kConservative, kDone };

  struct Ack {
    std::uint64_t una;
    std::uint64_t nxt;
    Duration rtt;  // a sample, or zero where this ACK gave none
  };
  // For each ACK in slow start. kDone: congestion avoidance begins, ssthresh is the window.
  Phase Take(const Ack& ack) {
    if (phase_ == Phase::kDone) return phase_;
    if (ack.una >= round_end_) BeginRound(ack.nxt);
    if (ack.rtt > Duration{}) {
      shortest_ = samples_ == 0 ? ack.rtt : std::min(shortest_, ack.rtt);
      ++samples_;
    }
    if (phase_ == Phase::kSlow) {
      if (before_ == Duration{}) return phase_;
      const Duration limit = before_ + std::clamp(before_ / 8, kThresholdMin, kThresholdMax);
      if (ack.rtt > Duration{}) CountGrown(ack.rtt, limit);
      if (grown_ >= kSamplesMin) {
        BeConservative(shortest_grown_);
        within_round_ = true;
      } else if (samples_ >= kSamplesMin && shortest_ >= limit) {
        BeConservative(shortest_);
      }
    } else if (!within_round_ && samples_ >= kSamplesMin && shortest_ < baseline_) {
      phase_ = Phase::kSlow;
    }
    return phase_;
  }
  // A loss ended slow start.
  void Lost() { phase_ = Phase::kDone; }

 private:
  static constexpr std::uint32_t kSamplesMin = 8;         // N_RTT_SAMPLE
  static constexpr std::uint8_t kConservativeRounds = 5;  // CSS_ROUNDS
  static constexpr Duration kThresholdMin = std::chrono::milliseconds(4);
  static constexpr Duration kThresholdMax = std::chrono::milliseconds(16);

  void CountGrown(Duration rtt, Duration limit) {
    shortest_grown_ = grown_ == 0 ? rtt : std::min(shortest_grown_, rtt);
    grown_ = rtt < limit ? 0 : grown_ + 1;
  }

  void BeConservative(Duration baseline) {
    phase_ = Phase::kConservative;
    baseline_ = baseline;
    rounds_ = 0;
  }

  void BeginRound(std::uint64_t nxt) {
    round_end_ = nxt;
    within_round_ = false;
    grown_ = 0;
    before_ = samples_ == 0 ? Duration{} : shortest_;
    samples_ = 0;
    if (phase_ == Phase::kConservative && ++rounds_ >= kConservativeRounds) phase_ = Phase::kDone;
  }

  std::uint64_t round_end_ = 0;  // windowEnd
  Duration before_{};            // lastRoundMinRTT
  Duration shortest_{};          // currentRoundMinRTT
  Duration baseline_{};          // cssBaselineMinRtt
  Duration shortest_grown_{};    // of the last grown_ samples
  std::uint32_t samples_ = 0;
  std::uint32_t grown_ = 0;  // samples in succession at or above the threshold
  std::uint8_t rounds_ = 0;
  bool within_round_ = false;  // CSS began in this round: its shortest was before the queue
  Phase phase_ = Phase::kSlow;
};

}  // namespace slipway::tcp
