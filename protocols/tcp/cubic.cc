// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/cubic.h"

#include <algorithm>
#include <cmath>

namespace slipway::tcp {
namespace {

double Seconds(Duration duration) { return static_cast<double>(duration.count()) * 1e-9; }

}  // namespace

// 4.2: K is how long the curve takes from here to W_max.
void Cubic::BeginEpoch(const Ack& ack) {
  const double window = static_cast<double>(ack.window) / ack.mss;
  epoch_ = ack.now;
  friendly_ = window;
  credit_ = 0;
  if (window < plateau_) {
    period_ = std::cbrt((plateau_ - window) / kC);
    origin_ = plateau_;
  } else {
    period_ = 0;
    origin_ = window;
  }
}

std::uint64_t Cubic::Growth(const Ack& ack) {
  if (epoch_ == Time{}) BeginEpoch(ack);
  const double window = static_cast<double>(ack.window) / ack.mss;
  const double acknowledged = static_cast<double>(ack.bytes) / ack.mss;
  // (4), with alpha 1 once it has reached what was there before the loss.
  friendly_ += (friendly_ >= before_ ? 1.0 : kFriendlyAlpha) * acknowledged / window;
  const double elapsed = Seconds(ack.now - epoch_) + Seconds(ack.smoothed_rtt);
  const double offset = elapsed - period_;
  // (1), as of one round trip ahead, and (4.4) at most half as much again.
  const double target = std::clamp(origin_ + kC * offset * offset * offset, window, 1.5 * window);
  double growth = (target - window) / window * acknowledged;
  if (friendly_ > window + growth) growth = friendly_ - window;  // 4.3
  credit_ += growth * ack.mss;
  const double whole = std::floor(std::max(credit_, 0.0));
  credit_ -= whole;
  return static_cast<std::uint64_t>(whole);
}

std::uint64_t Cubic::Reduce(std::uint64_t window, std::uint64_t flight, std::uint32_t mss) {
  const double segments = static_cast<double>(window) / mss;
  before_ = segments;
  // 4.7: who lost before it came back to where it lost before leaves room for others.
  plateau_ = segments < plateau_ ? segments * (1 + kBeta) / 2 : segments;
  EndEpoch();
  // Pacing and recovery keep back what the window allows, which is no sign that it is too large:
  // 4.6 lets the window be what is reduced where it does not grow unused. It grows as long as half
  // of it is used (recovery.cc), so twice the flight bounds it.
  const std::uint64_t used = std::max(std::min(window, 2 * flight), flight);
  return static_cast<std::uint64_t>(static_cast<double>(used) * kBeta);
}

}  // namespace slipway::tcp
