// SPDX-License-Identifier: Apache-2.0
//
// Range (RFC 9110 section 14): which bytes of a resource are asked for. Bounded: at most kRangesMax
// ranges, and together no more bytes than the resource has, so that a small request cannot ask for
// a large flood of overlapping parts (14.2 allows to refuse them).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace slipway::http {

inline constexpr std::size_t kRangesMax = 8;  // in one request

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive

  std::uint64_t size() const { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

struct RangeSet {
  enum class Verdict : std::uint8_t {
    kWhole,          // not a Range this server understands: it is ignored
    kSome,           // ranges() are to be sent, in the order asked for
    kUnsatisfiable,  // none lies in the resource, or too many were asked for
  };
  Verdict verdict = Verdict::kWhole;

  std::span<const ByteRange> ranges() const { return {store.data(), count}; }

  std::array<ByteRange, kRangesMax> store;
  std::size_t count = 0;
};

// The field's value against a resource of `size` bytes.
RangeSet ParseRange(std::string_view value, std::uint64_t size);

}  // namespace slipway::http
