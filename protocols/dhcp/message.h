// SPDX-License-Identifier: Apache-2.0
//
// Message: one DHCPv4 message, validated, in host types (RFC 2131 2). Option values are views into
// the input or the scratch and live as long as both.
//
// Both directions are parsed: the server reads requests, the load generator and the tests read
// replies. Checked here: length, Ethernet hardware address, magic cookie, options, message type
// (1 to 8), relay hops (at most 16, RFC 1542 4.1.1).
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/base/bytes.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/parsed.h"
#include "protocols/dhcp/options.h"
#include "protocols/wire/dhcp.h"

namespace slipway::dhcp {

struct Message {
  bool is_request = true;  // BOOTREQUEST
  DhcpMessageType type = DhcpMessageType::kDiscover;
  std::uint8_t hops = 0;
  std::uint32_t xid = 0;
  std::uint16_t secs = 0;
  std::uint16_t flags = 0;
  Ipv4Address ciaddr;
  Ipv4Address yiaddr;
  Ipv4Address siaddr;
  Ipv4Address giaddr;
  MacAddress mac;
  Bytes file;  // the BOOTP file field up to its NUL; empty when it holds options
  Options options;
  Bytes options_field;  // as it came, from the first option on; not what file and sname hold

  bool wants_broadcast() const { return (flags & kDhcpBroadcastFlag) != 0; }
  bool is_relayed() const { return !giaddr.is_unspecified(); }
  // A sub-option of option 82 (RFC 3046 2.0); empty when absent or the option is malformed.
  Bytes RelayValue(RelaySubOption code) const;
  // One that is an address (RFC 3527, RFC 5107).
  std::optional<Ipv4Address> RelayAddress(RelaySubOption code) const;

  static constexpr std::uint8_t kHopsMax = 16;
};

Parsed<Message> Parse(Bytes bytes, OptionScratch& scratch);

}  // namespace slipway::dhcp
