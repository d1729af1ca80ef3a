// SPDX-License-Identifier: Apache-2.0
//
// Ipv4Address and Ipv4Prefix (RFC 791, RFC 4632): values in host order, with the special-purpose
// tests of RFC 1122 3.2.1.3 and RFC 6890 that decide whether a host may answer an address.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

class Ipv4Address {
 public:
  constexpr Ipv4Address() = default;
  constexpr explicit Ipv4Address(std::uint32_t host_order) : value_(host_order) {}
  constexpr Ipv4Address(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d)
      : value_(static_cast<std::uint32_t>(a) << 24 | static_cast<std::uint32_t>(b) << 16 |
               static_cast<std::uint32_t>(c) << 8 | d) {}
  static constexpr Ipv4Address Broadcast() { return Ipv4Address(0xffffffff); }
  // Dotted quad without leading zeros; nullopt for anything else.
  static std::optional<Ipv4Address> Parse(std::string_view text);

  constexpr std::uint32_t value() const { return value_; }
  friend constexpr auto operator<=>(const Ipv4Address&, const Ipv4Address&) = default;

  constexpr bool is_unspecified() const { return value_ == 0; }
  constexpr bool is_broadcast() const { return value_ == 0xffffffff; }
  constexpr bool is_multicast() const { return value_ >> 28 == 0xe; }
  constexpr bool is_loopback() const { return value_ >> 24 == 127; }
  constexpr bool is_reserved() const { return value_ >> 28 == 0xf && !is_broadcast(); }
  // "This network", 0/8 (RFC 1122 3.2.1.3 (a)): only as a source, and only before configuration.
  constexpr bool is_this_network() const { return value_ >> 24 == 0; }
  // May stand as the source of a datagram that is answered.
  constexpr bool is_answerable() const {
    return !is_this_network() && !is_multicast() && !is_loopback() && !is_reserved() &&
           !is_broadcast();
  }
  std::string ToString() const;

 private:
  std::uint32_t value_ = 0;
};

struct Ipv4Prefix {
  Ipv4Address address;      // a host's address or the network's; host bits are kept
  std::uint8_t length = 0;  // bits, 0 to 32

  // "10.77.0.1/16"; nullopt for anything else.
  static std::optional<Ipv4Prefix> Parse(std::string_view text);
  friend constexpr auto operator<=>(const Ipv4Prefix&, const Ipv4Prefix&) = default;

  constexpr Ipv4Address mask() const {
    return Ipv4Address(length == 0 ? 0 : ~std::uint32_t{0} << (32 - length));
  }
  constexpr Ipv4Address network() const { return Ipv4Address(address.value() & mask().value()); }
  // The directed broadcast address; for /31 and /32 there is none (RFC 3021) and the limited one is
  // given.
  constexpr Ipv4Address broadcast() const {
    return length >= 31 ? Ipv4Address::Broadcast() : Ipv4Address(address.value() | ~mask().value());
  }
  constexpr bool Contains(Ipv4Address other) const {
    return (other.value() & mask().value()) == network().value();
  }
  std::string ToString() const;
};

}  // namespace slipway

template <>
struct std::hash<slipway::Ipv4Address> {
  std::size_t operator()(slipway::Ipv4Address address) const {
    return std::hash<std::uint32_t>{}(address.value());
  }
};
