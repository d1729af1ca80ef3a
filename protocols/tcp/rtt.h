// SPDX-License-Identifier: Apache-2.0
//
// The retransmission timeout (RFC 6298): smoothed round-trip time, its variation, and the backoff.
// Karn's rule (3: never a sample from what was sent twice) is kept by the caller, who knows.
#pragma once

#include <algorithm>
#include <cstdint>

#include "protocols/tcp/settings.h"

namespace slipway::tcp {

class Rtt {
 public:
  // (2.2), (2.3). A new sample also ends the backoff (5.7).
  // `coarse`: by a clock of milliseconds, and no measure of the shortest.
  void Sample(Duration rtt, bool coarse = false) {
    if (!coarse) {
      const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(rtt).count();
      minimum_us_ = static_cast<std::uint32_t>(
          std::min<std::int64_t>({microseconds, minimum_us_, kMinimumNone - 1}));
    }
    if (smoothed_ == Duration{}) {
      smoothed_ = std::max(rtt, Duration{1});
      variation_ = rtt / 2;
    } else {
      const Duration error = smoothed_ > rtt ? smoothed_ - rtt : rtt - smoothed_;
      variation_ += (error - variation_) / 4;
      smoothed_ = std::max(smoothed_ + (rtt - smoothed_) / 8, Duration{1});
    }
    backoff_ = 0;
  }
  // (5.5), bounded so that the shift stays small; Timeout() is bounded by rto_max anyway.
  void BackOff() { backoff_ = static_cast<std::uint8_t>(std::min(backoff_ + 1, 16)); }
  void EndBackOff() { backoff_ = 0; }
  // (5.7): the timer expired for our SYN. Until there is a sample text waits longer than the SYN.
  void SynTimedOut() {
    syn_timed_out_ = true;
    backoff_ = 0;
  }

  Duration smoothed() const { return smoothed_; }
  Duration variation() const { return variation_; }
  // The shortest ever; zero before the first sample.
  Duration minimum() const {
    return minimum_us_ == kMinimumNone ? Duration{} : std::chrono::microseconds(minimum_us_);
  }
  bool measured() const { return smoothed_ != Duration{}; }

  Duration Timeout(const Settings& settings) const {
    Duration timeout = settings.rto_initial;
    if (syn_timed_out_) timeout = std::max(timeout, kAfterSynTimeout);
    if (measured()) {
      timeout = std::max(smoothed_ + std::max(kGranularity, 4 * variation_), settings.rto_min);
    }
    for (int i = 0; i < backoff_ && timeout < settings.rto_max; ++i) timeout *= 2;
    return std::min(timeout, settings.rto_max);
  }

 private:
  static constexpr Duration kGranularity = std::chrono::milliseconds(1);
  static constexpr Duration kAfterSynTimeout = std::chrono::seconds(3);
  static constexpr std::uint32_t kMinimumNone = 0xffffffff;

  Duration smoothed_{};
  Duration variation_{};
  std::uint32_t minimum_us_ = kMinimumNone;
  std::uint8_t backoff_ = 0;
  bool syn_timed_out_ = false;
};

}  // namespace slipway::tcp
