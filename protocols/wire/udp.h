// SPDX-License-Identifier: Apache-2.0
//
// UDP datagrams over IPv4 (RFC 768, RFC 1122 4.1).
//
// Parse checks length and checksum; a checksum of 0 means that the sender made none, which IPv4
// allows. Emit always makes one, and sends a computed 0 as all ones (RFC 768). The payload ends
// where UDP's own length says, which may be before IP's end. Port 0 is refused both as a sender
// (nothing could be answered) and as a destination.
#pragma once

#include <cstdint>

#include "protocols/base/bytes.h"
#include "protocols/base/endian.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/parsed.h"
#include "protocols/base/strong.h"
#include "protocols/wire/checksum.h"

namespace slipway::udp {

struct WireHeader {
  Big<std::uint16_t> source;
  Big<std::uint16_t> destination;
  Big<std::uint16_t> length;
  Big<std::uint16_t> checksum;
};
static_assert(sizeof(WireHeader) == 8 && alignof(WireHeader) == 1);

inline constexpr std::size_t kHeaderSize = sizeof(WireHeader);

// The addresses of the IPv4 packet around a datagram: its checksum covers them.
struct Addresses {
  Ipv4Address source;
  Ipv4Address destination;
};

struct Datagram {
  Port source;
  Port destination;
  Bytes payload;

  std::size_t size() const { return kHeaderSize + payload.size(); }
  friend bool operator==(const Datagram& a, const Datagram& b) {
    return a.source == b.source && a.destination == b.destination && Equal(a.payload, b.payload);
  }
};

// The datagram in `bytes`, the payload of an IPv4 packet between `addresses`.
Parsed<Datagram> Parse(Bytes bytes, const Addresses& addresses,
                       ChecksumState checksum = ChecksumState::kVerify);

// Writes datagram.size() bytes to the front of `out`, which must hold them; returns how many.
// The payload may already stand where it belongs, at out[kHeaderSize].
std::size_t Emit(const Datagram& datagram, const Addresses& addresses, MutableBytes out);

}  // namespace slipway::udp
