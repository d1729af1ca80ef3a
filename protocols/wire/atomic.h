// SPDX-License-Identifier: Apache-2.0
//
// Headers whose values stand in registers, and their checksums from there (RFC 1071): no byte is
// read back from where it was just written, which is most of what a small header costs.
#pragma once

#include <cstdint>

#include "protocols/wire/ipv4.h"

namespace slipway {

// The checksum of 32-bit words, given their plain sum (host order, at most 2^31 of them).
constexpr std::uint16_t ChecksumOfWords(std::uint64_t sum) {
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<std::uint16_t>(~sum);
}

namespace ipv4 {

// The header of an atomic datagram (RFC 6864 4) without options, as EmitHeader writes it.
struct Atomic {
  Ipv4Address source;
  Ipv4Address destination;
  IpProtocol protocol;
  std::uint16_t payload_size = 0;  // bytes
};
inline void WriteHeader(const Atomic& packet, WireHeader& out) {
  constexpr std::uint16_t kDontFragment = 0x4000;
  const auto total = static_cast<std::uint16_t>(kHeaderSize + packet.payload_size);
  const std::uint64_t sum =
      std::uint64_t{0x4500'0000u | total} + kDontFragment +
      (std::uint32_t{kDefaultTtl} << 24 | std::uint32_t{packet.protocol.value()} << 16) +
      packet.source.value() + packet.destination.value();
  out = {.version_and_length = std::uint8_t{0x45},
         .service = std::uint8_t{0},
         .total_length = total,
         .identification = std::uint16_t{0},
         .fragment = kDontFragment,
         .ttl = kDefaultTtl,
         .protocol = packet.protocol.value(),
         .checksum = ChecksumOfWords(sum),
         .source = packet.source.value(),
         .destination = packet.destination.value()};
}

}  // namespace ipv4
}  // namespace slipway
