// SPDX-License-Identifier: Apache-2.0
//
// Pacing: a window leaves spread over its round trip, in quanta, not at the wire's rate. A quantum
// is what the rate gives in a tick of the Host's timer wheel, at least two segments (firmware
// acknowledges every second), and leaves in turns of at most paced_turn_segments_max.
//
// Where a round trip is not longer than a tick there is nothing to spread: the ACK clock alone
// paces, and pacing costs one comparison. The first window of a connection leaves at once (RFC
// 6928).
#pragma once

#include <algorithm>
#include <cstdint>

#include "protocols/base/time.h"

namespace slipway::tcp {

class Pacer {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(1);

  // What the rate follows from: `gain` quarters of the window in a round trip.
  struct Rate {
    std::uint64_t window;
    Duration round_trip;
    std::uint32_t gain;
  };
  static constexpr std::uint32_t kGainSlowStart = 8;  // twice, for the window doubles meanwhile
  static constexpr std::uint32_t kGainAvoidance = 5;  // a little more than what returns

  static Duration TimeOf(std::uint64_t bytes, const Rate& rate) {
    const std::uint64_t quarters = std::max<std::uint64_t>(rate.window * rate.gain, 1);
    return rate.round_trip * static_cast<std::int64_t>(4 * bytes) /
           static_cast<std::int64_t>(quarters);
  }

  // `bytes` left now. A timer that came late is made good, within two ticks.
  void Sent(std::uint64_t bytes, const Rate& rate, Time now) {
    release_at_ = std::max(release_at_, now - 2 * kTick) + TimeOf(bytes, rate);
  }
  // A quantum has left: the next may not begin before release_at().
  bool Spent(std::uint32_t mss, const Rate& rate, Time now) const {
    return release_at_ >= now + std::max(kTick, TimeOf(2 * std::uint64_t{mss}, rate));
  }
  Time release_at() const { return release_at_; }

 private:
  Time release_at_{};
};

}  // namespace slipway::tcp
