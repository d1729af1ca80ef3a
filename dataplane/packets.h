// SPDX-License-Identifier: Apache-2.0
//
// From values to frames: puts Ethernet and IPv4 around what the protocols emit, in a buffer of the
// interface's link. An empty Frame means that the pool was empty: count Drop::kNoBuffer.
//
// An answer goes back to the station its question came from (Way::station): no neighbour has to
// be resolved first, a router that took over is followed with its next packet, and nobody can
// redirect an answer by forging ARP. RFC 1122 3.3.1.2 leaves the choice of the first hop to us.
//
// TCP's text is not copied here: `text` of a segment is asked for later, by the seal step, straight
// into the buffer the builder leaves room in. IPv4 identification: all we send is atomic
// (RFC 6864 4.1), so it is 0.
#pragma once

#include "dataplane/interface.h"
#include "protocols/arp/responder.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/tcp/segment.h"
#include "protocols/wire/icmp.h"
#include "protocols/wire/udp.h"

namespace slipway::dataplane {

// Between whom a packet goes, and the station that takes it on this wire.
struct Way {
  MacAddress station;
  Ipv4Address source;
  Ipv4Address destination;
};

Frame BuildArp(const Interface& at, const arp::Message& message);
Frame BuildIcmp(const Interface& at, const Way& way, const icmp::Message& message);
Frame BuildUdp(const Interface& at, const Way& way, const udp::Datagram& datagram);
// Headers only, checksums requested from the port; the caller appends `text_size` bytes of text.
// segment_text_max: 0, or the MSS at which the port shall cut a longer text (TSO).
Frame BuildTcp(const Interface& at, const Way& way, const tcp::Segment& segment,
               std::size_t text_size);

}  // namespace slipway::dataplane
