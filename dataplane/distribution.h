// SPDX-License-Identifier: Apache-2.0
//
// Which worker a frame belongs to, where the port does not spread frames by itself (or spreads them
// by a rule of its own, as a virtio guest does): a pure function of the frame's bytes.
//
// TCP over IPv4 goes by a hash of addresses and ports, the same for both directions of a
// connection. Everything else (ARP, DHCP, DNS, ICMP, fragments, what does not parse) is worker 0's,
// which owns the single things: lease table, ARP, reassembly. A datagram that
// worker 0 has put together is asked about again.
#pragma once

#include <optional>

#include "protocols/base/bytes.h"
#include "protocols/base/ipv4.h"

namespace slipway::dataplane {

struct FlowKey {
  Ipv4Address source;
  Ipv4Address destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

// The same with source and destination exchanged.
std::uint32_t SymmetricHash(const FlowKey& flow);

// The TCP connection a frame belongs to; nullopt for everything that is worker 0's. `frame` from
// the Ethernet header on, with or without an 802.1Q tag.
std::optional<FlowKey> FlowOf(Bytes frame);

// Worker 0 to workers - 1; `frame` from the Ethernet header on, with or without an 802.1Q tag.
unsigned Owner(Bytes frame, unsigned workers);

}  // namespace slipway::dataplane
