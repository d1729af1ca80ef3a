// SPDX-License-Identifier: Apache-2.0
//
// ARP packets (RFC 826), IPv4 over Ethernet only. The machine that answers and asks is
// protocols/arp; here is what the 28 bytes mean.
//
// Parse refuses what no station may send: another hardware or protocol type, other lengths, an
// operation that is neither request nor reply (RARP, InARP), a sender that is no single station
// (its hardware address a group or zero; its protocol address a group, loopback or reserved).
// 0.0.0.0 as a sender is a probe (RFC 5227 1.1) and passes. What follows the 28 bytes is padding.
#pragma once

#include <array>
#include <cstdint>

#include "protocols/base/bytes.h"
#include "protocols/base/endian.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/parsed.h"

namespace slipway::arp {

struct WirePacket {
  Big<std::uint16_t> hardware_type;
  Big<std::uint16_t> protocol_type;
  Big<std::uint8_t> hardware_length;
  Big<std::uint8_t> protocol_length;
  Big<std::uint16_t> operation;
  std::array<std::uint8_t, 6> sender_mac;
  Big<std::uint32_t> sender_ip;
  std::array<std::uint8_t, 6> target_mac;
  Big<std::uint32_t> target_ip;
};
static_assert(sizeof(WirePacket) == 28 && alignof(WirePacket) == 1);

inline constexpr std::size_t kPacketSize = sizeof(WirePacket);

enum class Operation : std::uint16_t { kRequest = 1, kReply = 2 };

struct Packet {
  Operation operation = Operation::kRequest;
  MacAddress sender_mac;
  Ipv4Address sender_ip;
  MacAddress target_mac;  // means nothing in a request (RFC 826)
  Ipv4Address target_ip;

  // Asks whether anyone has target_ip, claiming nothing (RFC 5227 1.1).
  bool is_probe() const { return operation == Operation::kRequest && sender_ip.is_unspecified(); }
  // Tells everyone the sender's own address (RFC 5227 1.1; the reply form is RFC 5944 4.6).
  bool is_announcement() const { return sender_ip == target_ip && !sender_ip.is_unspecified(); }
  friend bool operator==(const Packet&, const Packet&) = default;
};

Parsed<Packet> Parse(Bytes bytes);

// Writes kPacketSize bytes to the front of `out`, which must hold them; returns how many.
std::size_t Emit(const Packet& packet, MutableBytes out);

}  // namespace slipway::arp
