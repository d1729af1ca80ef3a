// SPDX-License-Identifier: Apache-2.0
//
// Congestion control as a value: how much may be in flight, and what losses do to it. NewReno's
// window arithmetic (RFC 5681 3.1, RFC 6582 3.2, appropriate byte counting RFC 3465 with L = 2), or
// CUBIC (cubic.h) with HyStart++ (hystart.h). Chosen when the connection opens; what an algorithm
// remembers beyond the windows is Growth, which stands with the cold.
//
// What is lost, and what to send again, is decided elsewhere (recovery.h, scoreboard.h).
#pragma once

#include <cstdint>

#include "protocols/tcp/cubic.h"
#include "protocols/tcp/hystart.h"
#include "protocols/tcp/settings.h"

namespace slipway::tcp {

enum class CongestionAlgorithm : std::uint8_t { kNewReno, kCubic };

struct Growth {
  Cubic cubic;
  HyStart hystart;
};

class Congestion {
 public:
  // RFC 6928: min(n MSS, max(2 MSS, n * 1460)).
  void Start(const Settings& settings, std::uint32_t mss, CongestionAlgorithm algorithm);

  // Slow start ends there at the latest.
  void LimitSlowStart(std::uint32_t bytes) { threshold_ = bytes; }

  struct Ack {
    std::uint64_t bytes;  // newly acknowledged
    std::uint32_t mss;
    std::uint64_t una;
    std::uint64_t nxt;
    Duration rtt;  // a sample, or zero
    Duration smoothed_rtt;
    Time now;
  };
  // Outside of loss recovery, and while the window is what limits.
  void Acknowledged(const Ack& ack, Growth& growth);
  // Fast retransmit (RFC 5681 3.2 (2), RFC 9438 4.6): a share of what was in flight.
  void LossDetected(std::uint64_t flight, std::uint32_t mss, Growth& growth);
  // The same for an echoed mark, which leaves one segment at least, not two (RFC 9438 4.6).
  void EchoReceived(std::uint64_t flight, std::uint32_t mss, Growth& growth);
  // The retransmission timer expired. `again`: for the same text (RFC 5681 3.1: ssthresh stays).
  void TimedOut(std::uint64_t flight, std::uint32_t mss, bool again, Growth& growth);
  // Nothing was sent for `timeouts` times the RTO: half the window for each, down to the restart
  // window, and ssthresh remembers it (RFC 2861 3.2; RFC 5681 4.1).
  void Restart(std::uint64_t restart_window, std::uint64_t timeouts, Growth& growth);
  static std::uint64_t InitialWindow(const Settings& settings, std::uint32_t mss);

  // NewReno without SACK keeps recovery's bookkeeping in the window itself (RFC 6582 3.2).
  void Inflate(std::uint64_t bytes) { window_ = Clamp(window_ + bytes); }
  void Deflate(std::uint64_t acknowledged, std::uint32_t mss);
  // Full acknowledgment: (3)(1) of RFC 6582 without SACK; plain ssthresh with it.
  void Recovered(std::uint64_t flight, std::uint32_t mss);
  // Recovery's own bookkeeping: proportional rate reduction, F-RTO's two segments.
  void SetWindow(std::uint64_t bytes) { window_ = Clamp(bytes); }
  // Takes back what a loss that was none had done (RFC 4015).
  void Restore(std::uint64_t window, std::uint64_t threshold) {
    window_ = Clamp(window_ < window ? window : window_);
    threshold_ = Clamp(threshold);
  }

  std::uint64_t window() const { return window_; }
  std::uint64_t threshold() const { return threshold_; }
  bool in_slow_start() const { return window_ < threshold_; }

 private:
  static constexpr std::uint64_t kWindowMax = 1u << 30;
  static std::uint32_t Clamp(std::uint64_t bytes) {
    return static_cast<std::uint32_t>(bytes < kWindowMax ? bytes : kWindowMax);
  }
  void GrowSlowly(const Ack& ack, Growth& growth);
  // What the algorithm leaves, however little.
  std::uint64_t Reduced(std::uint64_t flight, std::uint32_t mss, Growth& growth);

  std::uint32_t window_ = 0;
  std::uint32_t threshold_ = kWindowMax;
  std::uint32_t counted_ = 0;  // acknowledged towards the next segment in congestion avoidance
  CongestionAlgorithm algorithm_ = CongestionAlgorithm::kNewReno;
};

}  // namespace slipway::tcp
