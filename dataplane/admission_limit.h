// SPDX-License-Identifier: Apache-2.0
//
// AdmissionLimit: how many machines are served at once. As few as fill the wire: every further one
// only makes the others slower. Where the bottleneck is (this core, the wire, a switch behind it,
// the machines) is not known, so it is found by trying: while machines wait and the worker has
// time to spare, a quarter more are let in for a second; if that brought little more over the
// wire, they were too many. While no time is spare the number shrinks slowly.
#pragma once

#include <algorithm>
#include <cstdint>

namespace slipway::dataplane {

class AdmissionLimit {
 public:
  static constexpr std::uint32_t kLeast = 128;
  static constexpr std::uint32_t kFirst = 256;

  // `fixed`: always so many; 0: as measured, up to `most`.
  AdmissionLimit(std::uint32_t fixed, std::uint32_t most)
      : fixed_(fixed), most_(std::max(most, kLeast)), value_(std::min(kFirst, most_)) {}

  std::uint32_t value() const { return fixed_ != 0 ? fixed_ : value_; }

  // What the worker did in about a second.
  struct Load {
    double bytes_per_second = 0;
    double spare = 0;        // share of its time in which it had nothing to do nor to send
    bool some_wait = false;  // machines waited for their turn
  };
  void Adjust(const Load& load);

 private:
  static constexpr double kSpareLittle = 0.02;
  static constexpr double kGainWorthwhile = 1.0 / 16;  // of a quarter more machines
  static constexpr std::uint32_t kRests = 4;           // calls after a trial in vain

  std::uint32_t fixed_;
  std::uint32_t most_;
  std::uint32_t value_;
  bool on_trial_ = false;
  std::uint32_t value_before_ = 0;
  double rate_before_ = 0;
  std::uint32_t rests_ = 0;
};

}  // namespace slipway::dataplane
