// SPDX-License-Identifier: Apache-2.0
//
// What a peer said it holds beyond its acknowledgment (RFC 2018), and the questions of RFC 6675
// section 4 about it. Ranges are half open, in 64-bit send positions (connection.h), sorted,
// disjoint and not adjacent.
//
// Bounded: when kRangesMax are held, a new one that joins none is forgotten. Forgetting is safe,
// since a selective acknowledgment is advice (RFC 2018 8); the price is a needless retransmission.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace slipway::tcp {

class Scoreboard {
 public:
  struct Range {
    std::uint64_t start;
    std::uint64_t end;
  };
  static constexpr std::size_t kRangesMax = 32;
  static constexpr std::size_t kDuplicateThreshold = 3;  // DupThresh

  // False when it told nothing new.
  bool Add(Range range);
  // Everything below `una` is acknowledged cumulatively.
  void Acknowledge(std::uint64_t una);
  void Clear() { size_ = 0; }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  const Range* begin() const { return ranges_.data(); }
  const Range* end() const { return ranges_.data() + size_; }
  // One past the highest byte held; 0 when empty.
  std::uint64_t highest() const { return empty() ? 0 : ranges_[size_ - 1].end; }
  std::uint64_t bytes() const;
  // Bytes held below `position`.
  std::uint64_t BytesBelow(std::uint64_t position) const;

  // `position`, or the end of the range that holds it.
  std::uint64_t SkipHeld(std::uint64_t position) const;
  // The start of the first range at or after `position`, at most `limit`.
  std::uint64_t HoleEnd(std::uint64_t position, std::uint64_t limit) const;
  // IsLost(): what is not held below this position is lost; 0 when nothing is.
  std::uint64_t LostBelow(std::uint32_t mss) const;

 private:
  void Erase(std::size_t first, std::size_t last);

  std::array<Range, kRangesMax> ranges_{};
  std::size_t size_ = 0;
};

}  // namespace slipway::tcp
