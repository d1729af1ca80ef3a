// SPDX-License-Identifier: Apache-2.0
//
// Big<T>: an unsigned integer kept as it stands on the wire. Wire structs are made of these, so
// they have alignment 1, no padding, and a field read compiles to a load and a byte swap (said with
// bit_cast: g++ 12 makes a loop over bytes of shifts and ors, at 25 instructions a field).
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace slipway {

template <std::unsigned_integral T>
class Big {
 public:
  constexpr Big() = default;
  constexpr Big(T value) { *this = value; }  // NOLINT(google-explicit-constructor): it is a T

  constexpr Big& operator=(T value) {
    bytes_ = std::bit_cast<Wire>(Turn(value));
    return *this;
  }

  constexpr T value() const { return Turn(std::bit_cast<T>(bytes_)); }
  constexpr operator T() const { return value(); }  // NOLINT(google-explicit-constructor): as above

 private:
  using Wire = std::array<std::uint8_t, sizeof(T)>;

  static constexpr T Turn(T value) {
    if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) return value;
    if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  }

  Wire bytes_ = {};
};

static_assert(sizeof(Big<std::uint32_t>) == 4 && alignof(Big<std::uint32_t>) == 1);
static_assert(Big<std::uint16_t>(0x1234).value() == 0x1234);

}  // namespace slipway
