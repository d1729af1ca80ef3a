// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/congestion.h"

#include <algorithm>

namespace slipway::tcp {

std::uint64_t Congestion::InitialWindow(const Settings& settings, std::uint32_t mss) {
  const std::uint64_t segments = settings.initial_window_segments;
  return std::min(segments * mss, std::max<std::uint64_t>(2 * mss, segments * 1460));
}

void Congestion::Start(const Settings& settings, std::uint32_t mss) {
  window_ = Clamp(InitialWindow(settings, mss));
  threshold_ = kWindowMax;
  counted_ = 0;
}

void Congestion::Acknowledged(std::uint64_t bytes, std::uint32_t mss) {
  switch (algorithm_) {
    case CongestionAlgorithm::kNewReno:
      if (window_ < threshold_) {
        window_ = Clamp(window_ + std::min<std::uint64_t>(bytes, 2 * mss));
        return;
      }
      counted_ = Clamp(counted_ + bytes);
      if (counted_ >= window_) {
        counted_ -= window_;
        window_ = Clamp(std::uint64_t{window_} + mss);
      }
      return;
  }
}

void Congestion::LossDetected(std::uint64_t flight, std::uint32_t mss) {
  threshold_ = Clamp(std::max<std::uint64_t>(flight / 2, 2 * mss));
  window_ = threshold_;
  counted_ = 0;
}

void Congestion::TimedOut(std::uint64_t flight, std::uint32_t mss, bool again) {
  if (!again) threshold_ = Clamp(std::max<std::uint64_t>(flight / 2, 2 * mss));
  window_ = mss;
  counted_ = 0;
}

void Congestion::Restart(const Settings& settings, std::uint32_t mss) {
  window_ = Clamp(std::min<std::uint64_t>(window_, InitialWindow(settings, mss)));
  counted_ = 0;
}

void Congestion::Deflate(std::uint64_t acknowledged, std::uint32_t mss) {
  const std::uint64_t left = window_ > acknowledged ? window_ - acknowledged : 0;
  window_ = Clamp(std::max<std::uint64_t>(left + (acknowledged >= mss ? mss : 0), mss));
}

void Congestion::Recovered(std::uint64_t flight, std::uint32_t mss) {
  window_ = Clamp(std::min<std::uint64_t>(threshold_, std::max<std::uint64_t>(flight, mss) + mss));
  counted_ = 0;
}

}  // namespace slipway::tcp
