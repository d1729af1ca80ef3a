// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/scoreboard.h"

#include <algorithm>

namespace slipway::tcp {

void Scoreboard::Erase(std::size_t first, std::size_t last) {
  const auto at = [this](std::size_t i) {
    return ranges_.begin() + static_cast<std::ptrdiff_t>(i);
  };
  std::move(at(last), at(size_), at(first));
  size_ -= last - first;
}

bool Scoreboard::Add(Range range) {
  if (range.start >= range.end) return false;
  std::size_t first = 0;  // the first range that ends at or after our start
  while (first < size_ && ranges_[first].end < range.start) ++first;
  std::size_t last = first;  // one past the last that touches us
  while (last < size_ && ranges_[last].start <= range.end) ++last;
  if (first == last) {
    if (size_ == kRangesMax) return false;
    const auto at = ranges_.begin() + static_cast<std::ptrdiff_t>(first);
    std::move_backward(at, ranges_.begin() + static_cast<std::ptrdiff_t>(size_),
                       ranges_.begin() + static_cast<std::ptrdiff_t>(size_ + 1));
    ++size_;
    ranges_[first] = range;
    return true;
  }
  if (ranges_[first].start <= range.start && ranges_[first].end >= range.end) return false;
  ranges_[first] = {.start = std::min(range.start, ranges_[first].start),
                    .end = std::max(range.end, ranges_[last - 1].end)};
  Erase(first + 1, last);
  return true;
}

void Scoreboard::Acknowledge(std::uint64_t una) {
  std::size_t gone = 0;
  while (gone < size_ && ranges_[gone].end <= una) ++gone;
  Erase(0, gone);
  if (size_ != 0) ranges_[0].start = std::max(ranges_[0].start, una);
}

std::uint64_t Scoreboard::bytes() const {
  std::uint64_t bytes = 0;
  for (const Range& range : *this) bytes += range.end - range.start;
  return bytes;
}

std::uint64_t Scoreboard::BytesBelow(std::uint64_t position) const {
  std::uint64_t bytes = 0;
  for (const Range& range : *this) {
    if (range.start >= position) break;
    bytes += std::min(range.end, position) - range.start;
  }
  return bytes;
}

std::uint64_t Scoreboard::SkipHeld(std::uint64_t position) const {
  for (const Range& range : *this) {
    if (position < range.start) break;
    if (position < range.end) return range.end;
  }
  return position;
}

std::uint64_t Scoreboard::HoleEnd(std::uint64_t position, std::uint64_t limit) const {
  for (const Range& range : *this) {
    if (range.start >= position) return std::min(range.start, limit);
  }
  return limit;
}

std::uint64_t Scoreboard::LostBelow(std::uint32_t mss) const {
  std::uint64_t bytes = 0;
  for (std::size_t i = size_; i-- > 0;) {
    bytes += ranges_[i].end - ranges_[i].start;
    if (size_ - i >= kDuplicateThreshold || bytes > (kDuplicateThreshold - 1) * mss) {
      return ranges_[i].start;
    }
  }
  return 0;
}

}  // namespace slipway::tcp
