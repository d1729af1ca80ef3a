// SPDX-License-Identifier: Apache-2.0
//
// CUBIC (RFC 9438): congestion avoidance whose window is a cubic function of the time since it was
// last reduced, with its Reno-friendly region (4.3) and fast convergence (4.7). Windows in bytes
// here, in segments inside, as the RFC writes them.
//
// Cold state: touched once for each ACK in congestion avoidance and by losses.
#pragma once

#include <cstdint>

#include "protocols/base/time.h"

namespace slipway::tcp {

class Cubic {
 public:
  struct Ack {
    std::uint64_t bytes;   // newly acknowledged
    std::uint64_t window;  // cwnd
    std::uint32_t mss;
    Duration smoothed_rtt;
    Time now;
  };
  // By how much the window grows, in congestion avoidance (4.2 to 4.5).
  std::uint64_t Growth(const Ack& ack);
  // A loss was found, or a mark echoed, with `flight` sent and not acknowledged: what remains of
  // the window (4.6, 4.7), before the least that the two differ in.
  std::uint64_t Reduce(std::uint64_t window, std::uint64_t flight, std::uint32_t mss);
  // The next ACK of congestion avoidance begins a new epoch: after a timeout, or a pause
  // (4.8, 5.8).
  void EndEpoch() { epoch_ = Time{}; }

 private:
  static constexpr double kC = 0.4;
  static constexpr double kBeta = 0.7;
  // (3): what makes Reno-friendly growth as fast as Reno's with this beta, until W_max is reached.
  static constexpr double kFriendlyAlpha = 3 * (1 - kBeta) / (1 + kBeta);

  void BeginEpoch(const Ack& ack);

  Time epoch_{};         // Time{}: none
  double plateau_ = 0;   // W_max
  double period_ = 0;    // K, in seconds
  double origin_ = 0;    // the window at which the epoch's curve is level
  double friendly_ = 0;  // W_est
  double before_ = 0;    // cwnd_prior
  double credit_ = 0;    // growth not yet a whole byte
};

}  // namespace slipway::tcp
