// SPDX-License-Identifier: Apache-2.0
//
// Judge: which IPv4 packets are taken in (RFC 1122 3.2.1.3, 3.3.6, RFC 6274).
//
// Taken: to one of our addresses, to 255.255.255.255, to the broadcast address of a network of
// ours. Refused as martian: sources that are a group, loopback, reserved, a network's own number or
// broadcast, or one of our own addresses. 0.0.0.0 is the source of a client that has no address
// yet, and then only of DHCP (RFC 2131 4.1). Source routes are refused (RFC 6274 4.3.1.1); other
// options are tolerated and ignored. We are a host: nothing is forwarded, so the TTL is not looked
// at (RFC 1122 3.2.1.7), and multicast, to which we listen nowhere, is not for us.
#pragma once

#include <span>

#include "protocols/base/drop.h"
#include "protocols/base/ipv4.h"
#include "protocols/wire/ipv4.h"

namespace slipway::ip {

struct Verdict {
  Drop drop = Drop::kNone;
  // Arrived by broadcast: only DHCP answers it, never ICMP or TCP.
  bool to_group = false;

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// `addresses` are ours on the interface, each with the network it is in.
Verdict Judge(const ipv4::Packet& packet, std::span<const Ipv4Prefix> addresses);

}  // namespace slipway::ip
