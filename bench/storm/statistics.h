// SPDX-License-Identifier: Apache-2.0
//
// What a run is summed up in: percentiles, Jain's fairness index (Jain, Chiu, Hawe 1984) and a
// histogram of durations that takes a sample without allocating.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "protocols/base/time.h"

namespace slipway::storm {

// (sum x)^2 / (n sum x^2): 1 when all are equal, 1/n when one has everything. 1 of nothing.
double JainIndex(std::span<const double> values);

// The nearest-rank percentile of `sorted`; percent in (0, 100]. 0 of nothing.
double Percentile(std::span<const double> sorted, double percent);

// Durations in buckets of 1/32 of their power of two: read back within 3.2 %.
class Histogram {
 public:
  void Add(Duration duration) {
    const std::uint64_t value =
        duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count());
    ++buckets_[BucketOf(value)];
    ++count_;
    max_ = max_ < duration ? duration : max_;
  }
  std::uint64_t count() const { return count_; }
  Duration max() const { return max_; }
  // The upper end of the bucket that holds it, at most max().
  Duration Percentile(double percent) const;

 private:
  static constexpr std::uint32_t kFineBits = 5;
  static constexpr std::size_t kBuckets = (64 - kFineBits + 1) << kFineBits;

  static std::size_t BucketOf(std::uint64_t value) {
    if (value < (1U << kFineBits)) return static_cast<std::size_t>(value);
    const auto exponent = static_cast<std::uint32_t>(std::bit_width(value)) - kFineBits - 1;
    return (static_cast<std::size_t>(exponent + 1) << kFineBits) +
           static_cast<std::size_t>((value >> exponent) - (1U << kFineBits));
  }
  static std::uint64_t UpperEndOf(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  Duration max_{};
};

}  // namespace slipway::storm
