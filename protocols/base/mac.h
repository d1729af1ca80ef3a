// SPDX-License-Identifier: Apache-2.0
//
// MacAddress: an IEEE 802 48-bit station address.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/base/bytes.h"

namespace slipway {

struct MacAddress {
  std::array<std::uint8_t, 6> octets{};

  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;

  static MacAddress From(Bytes six) {
    MacAddress mac;
    static_cast<void>(Copy(six, mac.octets));
    return mac;
  }
  static constexpr MacAddress Broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  // "52:54:00:12:34:56", also with '-'; nullopt for anything else.
  static std::optional<MacAddress> Parse(std::string_view text);

  constexpr bool is_group() const { return (octets[0] & 1) != 0; }
  constexpr bool is_zero() const { return *this == MacAddress{}; }
  constexpr bool is_broadcast() const { return *this == Broadcast(); }
  // Usable as one station's own address.
  constexpr bool is_station() const { return !is_group() && !is_zero(); }
  constexpr std::uint64_t value() const {
    std::uint64_t value = 0;
    for (const std::uint8_t octet : octets) value = value << 8 | octet;
    return value;
  }
  std::string ToString() const;  // lower case, ':'
};

}  // namespace slipway
