// SPDX-License-Identifier: Apache-2.0
//
// IPv4 packets (RFC 791 3.1), whole datagrams and fragments alike.
//
// Parse checks the form alone: version, both lengths, the header checksum (unless the port has
// verified it), and that every option lies inside the header. It cuts the payload at the total
// length, so what Ethernet padded is gone. Whether a packet is for us, from a possible sender, or
// source routed is protocols/ip's business.
//
// Emit gives back the header that Parse took, bit for bit, but for the reserved flag (RFC 791:
// "must be zero"). Offsets and lengths are in bytes; only the wire counts in words and units.
#pragma once

#include <cstdint>

#include "protocols/base/bytes.h"
#include "protocols/base/endian.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/parsed.h"
#include "protocols/base/strong.h"
#include "protocols/wire/checksum.h"

namespace slipway::ipv4 {

inline constexpr IpProtocol kIcmp{1};
inline constexpr IpProtocol kTcp{6};
inline constexpr IpProtocol kUdp{17};

struct WireHeader {
  Big<std::uint8_t> version_and_length;  // version 4, header length in 32-bit words
  Big<std::uint8_t> service;
  Big<std::uint16_t> total_length;
  Big<std::uint16_t> identification;
  Big<std::uint16_t> fragment;  // reserved, don't fragment, more fragments, offset in 8 bytes
  Big<std::uint8_t> ttl;
  Big<std::uint8_t> protocol;
  Big<std::uint16_t> checksum;
  Big<std::uint32_t> source;
  Big<std::uint32_t> destination;
};
static_assert(sizeof(WireHeader) == 20 && alignof(WireHeader) == 1);

inline constexpr std::size_t kHeaderSize = sizeof(WireHeader);
inline constexpr std::size_t kHeaderSizeMax = 60;
inline constexpr std::size_t kOptionsSizeMax = kHeaderSizeMax - kHeaderSize;
inline constexpr std::size_t kPacketSizeMax = 65535;
inline constexpr std::uint8_t kDefaultTtl = 64;

struct Packet {
  Ipv4Address source;
  Ipv4Address destination;
  IpProtocol protocol;
  std::uint8_t ttl = kDefaultTtl;
  std::uint8_t service = 0;  // differentiated services and congestion (RFC 2474, RFC 3168)
  std::uint16_t identification = 0;
  bool dont_fragment = false;
  bool more_fragments = false;
  std::uint16_t fragment_offset = 0;  // bytes, a multiple of 8
  Bytes options;                      // padded to a multiple of 4
  Bytes payload;

  bool is_fragment() const { return more_fragments || fragment_offset != 0; }
  std::size_t header_size() const { return kHeaderSize + options.size(); }
  std::size_t size() const { return header_size() + payload.size(); }
  friend bool operator==(const Packet& a, const Packet& b);
};

// The packet at the front of `bytes`; options and payload are views into them.
Parsed<Packet> Parse(Bytes bytes, ChecksumState checksum = ChecksumState::kVerify);

// Reads a header as far as it stands, with as much payload as is there: what ICMP errors quote
// (RFC 792). Neither the checksum nor the total length is held against a quote: routers change
// the one and cut below the other.
Parsed<Packet> ParseQuoted(Bytes bytes);

// Writes the header of a packet whose payload is `payload_size` bytes, wherever those are;
// packet.payload is not looked at. `out` must hold header_size() bytes; returns how many.
std::size_t EmitHeader(const Packet& packet, std::size_t payload_size, MutableBytes out);

// Writes header and payload. `out` must hold size() bytes; returns how many.
std::size_t Emit(const Packet& packet, MutableBytes out);

}  // namespace slipway::ipv4
