// SPDX-License-Identifier: Apache-2.0
#include "protocols/ip/receive.h"

#include <algorithm>

namespace slipway::ip {
namespace {

constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNothing = 1;
constexpr std::uint8_t kLooseSourceRoute = 131;
constexpr std::uint8_t kStrictSourceRoute = 137;
constexpr std::uint16_t kDhcpServerPort = 67;

// `options` are well formed: ipv4::Parse saw to it.
bool IsSourceRouted(Bytes options) {
  Reader reader(options);
  while (!reader.empty()) {
    const std::uint8_t kind = reader.U8();
    if (kind == kOptionEnd) return false;
    if (kind == kOptionNothing) continue;
    if (kind == kLooseSourceRoute || kind == kStrictSourceRoute) return true;
    const std::uint8_t length = reader.U8();
    reader.Skip(length < 2 ? 0U : length - 2U);
  }
  return false;
}

// Later fragments carry no ports; without the first they come to nothing.
bool MayBeDhcp(const ipv4::Packet& packet) {
  if (packet.protocol != ipv4::kUdp) return false;
  if (packet.fragment_offset != 0) return true;
  Reader reader(packet.payload);
  reader.Skip(2);
  return reader.U16() == kDhcpServerPort && reader.ok();
}

// Addresses of a network that no host in it has.
bool IsNetworkItself(Ipv4Address address, const Ipv4Prefix& prefix) {
  if (prefix.length >= 31) return false;
  return address == prefix.network() || address == prefix.broadcast();
}

bool IsSourcePossible(const ipv4::Packet& packet, std::span<const Ipv4Prefix> addresses) {
  if (packet.source.is_unspecified()) return MayBeDhcp(packet);
  if (!packet.source.is_answerable()) return false;
  return std::ranges::none_of(addresses, [&packet](const Ipv4Prefix& ours) {
    return packet.source == ours.address || IsNetworkItself(packet.source, ours);
  });
}

}  // namespace

Verdict Judge(const ipv4::Packet& packet, std::span<const Ipv4Prefix> addresses) {
  if (IsSourceRouted(packet.options)) return {.drop = Drop::kIpSourceRouted};
  if (!IsSourcePossible(packet, addresses)) return {.drop = Drop::kIpMartianSource};
  if (packet.destination.is_broadcast()) return {.to_group = true};
  for (const Ipv4Prefix& ours : addresses) {
    if (packet.destination == ours.address) return {};
    if (ours.length < 31 && packet.destination == ours.broadcast()) return {.to_group = true};
  }
  return {.drop = Drop::kIpNotForUs};
}

}  // namespace slipway::ip
