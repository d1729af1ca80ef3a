// SPDX-License-Identifier: Apache-2.0
//
// SeqNum: a TCP sequence number (RFC 9293 3.4), a value modulo 2^32.
//
// There is no operator<: two numbers are only comparable while they are less than 2^31 apart, and
// the names Before and InWindow say which comparison is meant. The sending side keeps 64-bit
// positions instead (connection.h), which never wrap; SeqNum stands where the wire is.
#pragma once

#include <cstdint>

namespace slipway::tcp {

class SeqNum {
 public:
  constexpr SeqNum() = default;
  constexpr explicit SeqNum(std::uint32_t value) : value_(value) {}
  constexpr std::uint32_t value() const { return value_; }

  friend constexpr bool operator==(SeqNum, SeqNum) = default;
  friend constexpr SeqNum operator+(SeqNum a, std::uint32_t n) { return SeqNum(a.value_ + n); }
  friend constexpr SeqNum operator-(SeqNum a, std::uint32_t n) { return SeqNum(a.value_ - n); }
  // The signed distance from b to a.
  friend constexpr std::int32_t operator-(SeqNum a, SeqNum b) {
    return static_cast<std::int32_t>(a.value_ - b.value_);
  }

  constexpr bool Before(SeqNum other) const { return *this - other < 0; }
  constexpr bool AtOrBefore(SeqNum other) const { return *this - other <= 0; }
  constexpr bool After(SeqNum other) const { return *this - other > 0; }
  constexpr bool AtOrAfter(SeqNum other) const { return *this - other >= 0; }
  // Whether it is one of the `size` numbers from `start` on.
  constexpr bool InWindow(SeqNum start, std::uint32_t size) const {
    return value_ - start.value_ < size;
  }

 private:
  std::uint32_t value_ = 0;
};

constexpr SeqNum Later(SeqNum a, SeqNum b) { return a.Before(b) ? b : a; }

static_assert(SeqNum(0xffffffff).Before(SeqNum(0)));
static_assert(SeqNum(5) - SeqNum(0xfffffffe) == 7);
static_assert(!SeqNum(7).InWindow(SeqNum(7), 0));

}  // namespace slipway::tcp
