// SPDX-License-Identifier: Apache-2.0
//
// Whole Ethernet frames from values, complete with checksums: what machines say besides established
// TCP, what floods are made of, and what captures hold. Each writes to the front of `out` and
// returns the frame's size, padded to Ethernet's least.
#pragma once

#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/tcp/segment.h"
#include "protocols/wire/arp.h"
#include "protocols/wire/udp.h"

namespace slipway::storm {

struct FrameEnds {
  MacAddress to;
  MacAddress from;
  Ipv4Address source;
  Ipv4Address destination;
  std::uint8_t ttl = 64;
};

std::size_t WriteArpFrame(const MacAddress& to, const arp::Packet& packet, MutableBytes out);
std::size_t WriteUdpFrame(const FrameEnds& ends, const udp::Datagram& datagram, MutableBytes out);
// Without text.
std::size_t WriteTcpFrame(const FrameEnds& ends, const tcp::Segment& segment, MutableBytes out);

// Ethernet and IPv4 in front of a TCP header of `transport` bytes, of which `here` are still to be
// written; returns where they stand.
std::size_t WriteTcpPrefix(const FrameEnds& ends, std::size_t transport, MutableBytes out);

// One SYN of a flood: addresses, ports and numbers drawn from `draw`.
struct SynFlood {
  MacAddress to;
  MacAddress from;
  Ipv4Address destination;
  Port port{443};
};
std::size_t WriteSyn(const SynFlood& flood, std::uint64_t draw, MutableBytes out);

}  // namespace slipway::storm
