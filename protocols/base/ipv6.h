// SPDX-License-Identifier: Apache-2.0
//
// Ipv6Address (RFC 4291): a value that DNS can answer with. The stack itself speaks IPv4 only.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

namespace slipway {

struct Ipv6Address {
  std::array<std::uint8_t, 16> octets{};

  friend constexpr auto operator<=>(const Ipv6Address&, const Ipv6Address&) = default;
};

}  // namespace slipway
