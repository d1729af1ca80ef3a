// SPDX-License-Identifier: Apache-2.0
//
// The values a key of slipway.toml can have, and how each is read from text. The same readers
// serve the REST interface and the command line, so that one spelling is right everywhere.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/uuid.h"
#include "protocols/dhcp/policy.h"

namespace slipway::control {

using dhcp::AddressRange;

struct Endpoint {
  Ipv4Address address;
  std::uint16_t port = 0;

  static std::optional<Endpoint> Parse(std::string_view text);
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
  std::string ToString() const;
};

// An image set by name and tag.
struct ImageSetName {
  std::string name;
  std::string tag;

  // "name:tag", or "name" for the tag "latest".
  static std::optional<ImageSetName> Parse(std::string_view text);
  friend auto operator<=>(const ImageSetName&, const ImageSetName&) = default;
  std::string ToString() const { return name + ":" + tag; }
};

using Value = std::variant<bool, std::int64_t, std::string, Ipv4Address, Ipv4Prefix, AddressRange,
                           Endpoint, MacAddress, Uuid, ImageSetName>;

// "10.77.0.100-10.77.0.199", first not after last.
std::optional<AddressRange> ParseRange(std::string_view text);
std::string ToString(const AddressRange& range);
constexpr bool Overlap(const AddressRange& a, const AddressRange& b) {
  return a.first <= b.last && b.first <= a.last;
}

// "512 MiB" in bytes; "1h" in seconds. A number without its unit is refused.
std::optional<std::int64_t> ParseSize(std::string_view text);
std::optional<std::int64_t> ParseDuration(std::string_view text);
// Pairs of hexadecimal digits, colons between them allowed, as the octets they mean.
std::optional<std::string> ParseHex(std::string_view text);
std::string ToHex(std::string_view octets);
// A host name by RFC 1123 2.1, lower-cased.
std::optional<std::string> ParseHostName(std::string_view text);
// "0000:03:00.0", or "net_vhost0,iface=...": a DPDK driver's name that ends in a number.
bool IsPciAddress(std::string_view text);
bool IsVirtualDevice(std::string_view text);
// "packet:eth1": an interface of the kernel's.
bool IsKernelInterface(std::string_view text);

}  // namespace slipway::control
