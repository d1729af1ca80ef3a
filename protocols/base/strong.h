// SPDX-License-Identifier: Apache-2.0
//
// Strong<Tag, Rep>: a number that cannot be mistaken for another number of the same width.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace slipway {

template <class Tag, class Rep>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

 private:
  Rep value_{};
};

// A TCP or UDP port, host order.
using Port = Strong<struct PortTag, std::uint16_t>;
// An IEEE 802.1Q VLAN identifier, 0 (untagged) to 4094.
using VlanId = Strong<struct VlanTag, std::uint16_t>;
// EtherType (IEEE 802.3, 3.2.6).
using EtherType = Strong<struct EtherTypeTag, std::uint16_t>;
// Assigned Internet protocol number (RFC 791, 3.1).
using IpProtocol = Strong<struct IpProtocolTag, std::uint8_t>;

}  // namespace slipway

template <class Tag, class Rep>
struct std::hash<slipway::Strong<Tag, Rep>> {
  std::size_t operator()(const slipway::Strong<Tag, Rep>& strong) const {
    return std::hash<Rep>{}(strong.value());
  }
};
