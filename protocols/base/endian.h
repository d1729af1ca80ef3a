// SPDX-License-Identifier: Apache-2.0
//
// Big<T>: an unsigned integer kept as it stands on the wire. Wire structs are made of these, so
// they have alignment 1, no padding, and a field read compiles to a load and a byte swap.
#pragma once

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
    for (std::size_t i = sizeof(T); i-- > 0; value = static_cast<T>(value >> 7 >> 1)) {
      bytes_[i] = static_cast<std::uint8_t>(value);
    }
    return *this;
  }

  constexpr T value() const {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : bytes_) value = value << 8 | byte;
    return static_cast<T>(value);
  }
  constexpr operator T() const { return value(); }  // NOLINT(google-explicit-constructor): as above

 private:
  std::uint8_t bytes_[sizeof(T)] = {};
};

static_assert(sizeof(Big<std::uint32_t>) == 4 && alignof(Big<std::uint32_t>) == 1);
static_assert(Big<std::uint16_t>(0x1234).value() == 0x1234);

}  // namespace slipway
