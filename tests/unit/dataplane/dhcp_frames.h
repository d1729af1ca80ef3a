// SPDX-License-Identifier: Apache-2.0
//
// DHCP as a machine without an address says it, written and read octet by octet.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "protocols/base/check.h"
#include "protocols/dhcp/message.h"
#include "protocols/wire/dhcp.h"
#include "protocols/wire/view.h"
#include "tests/unit/dataplane/one_machine.h"

namespace slipway::dataplane {

// A message about the machine, without its options.
inline Buffer BareDhcp(std::uint8_t op, const MacAddress& machine) {
  Buffer message(sizeof(DhcpHeader));
  MutableBytes room = message;
  DhcpHeader* header = Place<DhcpHeader>(room);
  SLIPWAY_CHECK(header != nullptr);
  header->op = op;
  header->htype = 1;
  header->hlen = 6;
  header->xid = 0xabcd0123;
  header->flags = kDhcpBroadcastFlag;
  std::ranges::copy(machine.octets, header->chaddr.begin());
  header->cookie = kDhcpMagicCookie;
  return message;
}

// Who asks, and whose offer it takes.
struct DhcpParties {
  MacAddress machine = kMachine.from;
  Ipv4Address server = kApplianceAddress;
};

// DISCOVER, or REQUEST for an address, of a client of this vendor class: UEFI's over HTTP where
// nothing else is said.
inline constexpr std::string_view kHttpVendor = "HTTPClient:Arch:00016:UNDI:003001";
inline Buffer DhcpMessage(DhcpMessageType type, Ipv4Address requested = {},
                          std::string_view vendor = kHttpVendor, const DhcpParties& parties = {}) {
  Buffer message = BareDhcp(kDhcpBootRequest, parties.machine);
  const auto add = [&](DhcpOption code, Bytes value) {
    message.push_back(static_cast<std::uint8_t>(code));
    message.push_back(static_cast<std::uint8_t>(value.size()));
    message.insert(message.end(), value.begin(), value.end());
  };
  const auto octets = [](Ipv4Address address) {
    const std::uint32_t v = address.value();
    return Buffer{static_cast<std::uint8_t>(v >> 24), static_cast<std::uint8_t>(v >> 16),
                  static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)};
  };
  add(DhcpOption::kMessageType, Buffer{static_cast<std::uint8_t>(type)});
  add(DhcpOption::kVendorClass, Buffer(vendor.begin(), vendor.end()));
  if (vendor == kHttpVendor) add(DhcpOption::kClientArchitecture, Buffer{0, 16});
  if (!requested.is_unspecified()) {
    add(DhcpOption::kRequestedAddress, octets(requested));
    add(DhcpOption::kServerIdentifier, octets(parties.server));
  }
  message.push_back(static_cast<std::uint8_t>(DhcpOption::kEnd));
  return message;
}

inline constexpr Ends kUnbooted{.from = kMachine.from,
                                .to = MacAddress::Broadcast(),
                                .source = Ipv4Address(),
                                .destination = Ipv4Address::Broadcast()};

// VlanId{}: untagged.
inline Buffer DhcpFrame(Bytes message, VlanId vlan = {}) {
  Ends ends = kUnbooted;
  if (vlan != VlanId{}) ends.vlan = vlan;
  return UdpFrame(ends,
                  {.source = kDhcpClientPort, .destination = kDhcpServerPort, .payload = message});
}

struct DhcpReply {
  DhcpMessageType type;
  Ipv4Address address;
  std::string boot;
};
inline DhcpReply ReadDhcp(Bytes frame) {
  const Seen seen = See(frame);
  SLIPWAY_CHECK(seen.udp && seen.udp->source == kDhcpServerPort);
  dhcp::OptionScratch scratch;
  const auto message = dhcp::Parse(seen.udp->payload, scratch);
  SLIPWAY_CHECK(message.ok());
  return {message->type, message->yiaddr, std::string(AsText(message->file))};
}

}  // namespace slipway::dataplane
