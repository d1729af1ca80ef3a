// SPDX-License-Identifier: Apache-2.0
//
// HyStart++ (RFC 9406): leaves slow start when a round's shortest round trip grows, before the
// queue overflows, by way of conservative slow start (CSS), which goes back when the growth was
// not a queue's. Rounds are counted in send positions (connection.h).
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
    if (samples_ < kSamplesMin) return phase_;
    if (phase_ == Phase::kSlow) {
      if (before_ == Duration{}) return phase_;
      const Duration threshold = std::clamp(before_ / 8, kThresholdMin, kThresholdMax);
      if (shortest_ >= before_ + threshold) {
        phase_ = Phase::kConservative;
        baseline_ = shortest_;
        rounds_ = 0;
      }
    } else if (shortest_ < baseline_) {
      phase_ = Phase::kSlow;
      baseline_ = Duration{};
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

  void BeginRound(std::uint64_t nxt) {
    round_end_ = nxt;
    before_ = samples_ == 0 ? Duration{} : shortest_;
    samples_ = 0;
    if (phase_ == Phase::kConservative && ++rounds_ >= kConservativeRounds) phase_ = Phase::kDone;
  }

  std::uint64_t round_end_ = 0;  // windowEnd
  Duration before_{};            // lastRoundMinRTT
  Duration shortest_{};          // currentRoundMinRTT
  Duration baseline_{};          // cssBaselineMinRtt
  std::uint32_t samples_ = 0;
  std::uint8_t rounds_ = 0;
  Phase phase_ = Phase::kSlow;
};

}  // namespace slipway::tcp
