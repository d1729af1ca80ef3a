// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/congestion.h"

#include <algorithm>

namespace slipway::tcp {

std::uint64_t Congestion::InitialWindow(const Settings& settings, std::uint32_t mss) {
  const std::uint64_t segments = settings.initial_window_segments;
  return std::min(segments * mss, std::max<std::uint64_t>(std::uint64_t{2} * mss, segments * 1460));
}

void Congestion::Start(const Settings& settings, std::uint32_t mss, CongestionAlgorithm algorithm) {
  window_ = Clamp(InitialWindow(settings, mss));
  threshold_ = kWindowMax;
  counted_ = 0;
  algorithm_ = algorithm;
}

// RFC 9406 4.2; after the first slow start, and with NewReno, RFC 5681's.
void Congestion::GrowSlowly(const Ack& ack, Growth& growth) {
  if (algorithm_ == CongestionAlgorithm::kNewReno) {
    window_ = Clamp(window_ + std::min<std::uint64_t>(ack.bytes, std::uint64_t{2} * ack.mss));
    return;
  }
  std::uint64_t bytes = std::min<std::uint64_t>(ack.bytes, HyStart::kSegmentsUnpaced * ack.mss);
  const bool first = threshold_ == kWindowMax;
  if (first) {
    switch (growth.hystart.Take({.una = ack.una, .nxt = ack.nxt, .rtt = ack.rtt})) {
      case HyStart::Phase::kSlow:
        break;
      case HyStart::Phase::kConservative:
        bytes /= HyStart::kGrowthDivisor;
        break;
      case HyStart::Phase::kDone:
        threshold_ = window_;
        return;
    }
  }
  window_ = Clamp(window_ + bytes);
}

void Congestion::Acknowledged(const Ack& ack, Growth& growth) {
  if (in_slow_start()) return GrowSlowly(ack, growth);
  switch (algorithm_) {
    case CongestionAlgorithm::kNewReno:
      counted_ = Clamp(counted_ + ack.bytes);
      if (counted_ >= window_) {
        counted_ -= window_;
        window_ = Clamp(std::uint64_t{window_} + ack.mss);
      }
      return;
    case CongestionAlgorithm::kCubic:
      window_ = Clamp(window_ + growth.cubic.Growth({.bytes = ack.bytes,
                                                     .window = window_,
                                                     .mss = ack.mss,
                                                     .smoothed_rtt = ack.smoothed_rtt,
                                                     .now = ack.now}));
      return;
  }
}

std::uint64_t Congestion::Reduced(std::uint64_t flight, std::uint32_t mss, Growth& growth) {
  counted_ = 0;
  switch (algorithm_) {
    case CongestionAlgorithm::kNewReno:
      return flight / 2;
    case CongestionAlgorithm::kCubic:
      growth.hystart.Lost();
      return growth.cubic.Reduce(window_, flight, mss);
  }
  return 0;
}

void Congestion::LossDetected(std::uint64_t flight, std::uint32_t mss, Growth& growth) {
  threshold_ = Clamp(std::max(Reduced(flight, mss, growth), std::uint64_t{2} * mss));
  window_ = threshold_;
}

void Congestion::EchoReceived(std::uint64_t flight, std::uint32_t mss, Growth& growth) {
  const std::uint64_t reduced = Reduced(flight, mss, growth);
  threshold_ = Clamp(std::max(reduced, std::uint64_t{2} * mss));
  window_ = Clamp(std::max<std::uint64_t>(reduced, mss));
}

void Congestion::TimedOut(std::uint64_t flight, std::uint32_t mss, bool again, Growth& growth) {
  if (!again) threshold_ = Clamp(std::max(Reduced(flight, mss, growth), std::uint64_t{2} * mss));
  window_ = mss;
  counted_ = 0;
}

void Congestion::Restart(std::uint64_t restart_window, std::uint64_t timeouts, Growth& growth) {
  if (window_ <= restart_window) return;
  if (threshold_ != kWindowMax) threshold_ = std::max(threshold_, window_ / 4 * 3);
  const std::uint64_t halved = window_ >> std::min<std::uint64_t>(timeouts, 31);
  window_ = Clamp(std::max(halved, restart_window));
  counted_ = 0;
  growth.cubic.EndEpoch();
}

void Congestion::Deflate(std::uint64_t acknowledged, std::uint32_t mss) {
  const std::uint64_t left = window_ > acknowledged ? window_ - acknowledged : 0;
  window_ = Clamp(std::max<std::uint64_t>(left + (acknowledged >= mss ? mss : 0), mss));
}

void Congestion::Recovered(std::uint64_t flight, std::uint32_t mss) {
  window_ = Clamp(std::min<std::uint64_t>(threshold_, std::max<std::uint64_t>(flight, mss) + mss));
}

}  // namespace slipway::tcp
