// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/statistics.h"

#include <algorithm>
#include <cmath>

namespace slipway::storm {

double JainIndex(std::span<const double> values) {
  double sum = 0;
  double squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  if (squares == 0) return 1;
  return sum * sum / (static_cast<double>(values.size()) * squares);
}

double Percentile(std::span<const double> sorted, double percent) {
  if (sorted.empty()) return 0;
  const double rank = std::ceil(percent / 100 * static_cast<double>(sorted.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return sorted[std::min(index, sorted.size() - 1)];
}

std::uint64_t Histogram::UpperEndOf(std::size_t bucket) {
  if (bucket < (1U << kFineBits)) return bucket;
  const std::size_t exponent = (bucket >> kFineBits) - 1;
  const std::uint64_t fine = (bucket & ((1U << kFineBits) - 1)) + (1U << kFineBits);
  return ((fine + 1) << exponent) - 1;
}

Duration Histogram::Percentile(double percent) const {
  const double rank = std::ceil(percent / 100 * static_cast<double>(count_));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen > 0 && static_cast<double>(seen) >= rank) {
      return std::min(Duration(static_cast<Duration::rep>(UpperEndOf(i))), max_);
    }
  }
  return Duration{};
}

}  // namespace slipway::storm
