// SPDX-License-Identifier: Apache-2.0
//
// TcpRun: the headers of a run of segments that follow each other in one stream. They differ only
// in sequence number, length and checksum, and FIN and PSH stand on the last: so they are made
// once and copied, and TCP is asked once for the whole run (tcp::Host::Emit with payload_max).
//
// Where the port cuts (TSO), the run leaves as one frame; where it does not, as one frame for each
// segment, each filled straight from its source. Either way no text is copied to be cut.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/packets.h"
#include "protocols/tcp/send.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/tcp.h"

namespace slipway::dataplane {

class TcpRun {
 public:
  TcpRun(const Link& link, const MacAddress& station, const tcp::Outgoing& out);

  // A frame with the headers of the text [at, at + size) of the run; the caller appends the text.
  // Empty when the pool is.
  Frame Start(Link& link, std::uint32_t at, std::uint32_t size) const;

 private:
  static constexpr std::size_t kNetworkAt = sizeof(ethernet::WireHeader);
  static constexpr std::size_t kTransportAt = kNetworkAt + ipv4::kHeaderSize;

  std::array<std::uint8_t, kTransportAt + kTcpHeaderMax> bytes_;
  std::size_t size_ = 0;
  std::uint32_t length_;
  std::uint16_t mss_;
  std::uint32_t sequence_;
  std::uint16_t total_length_;  // of the IPv4 packet without text
  std::uint16_t ip_checksum_;   // of that packet
  std::uint16_t vlan_;          // 0: none
  std::uint8_t flags_;
};

}  // namespace slipway::dataplane
