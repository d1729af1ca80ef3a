// SPDX-License-Identifier: Apache-2.0
//
// The client's messages of DHCPv4 (RFC 2131, RFC 4578), written as each firmware writes them, and
// what it reads out of the answers. When to send which is the farm's business.
#pragma once

#include <optional>
#include <string>

#include "bench/storm/personality.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/uuid.h"
#include "protocols/wire/dhcp.h"

namespace slipway::storm {

struct Identity {
  MacAddress mac;
  Uuid uuid;
};

struct DhcpOffer {
  DhcpMessageType type = DhcpMessageType::kOffer;
  std::uint32_t xid = 0;
  MacAddress mac;
  Ipv4Address address;
  Ipv4Address server;
  Ipv4Address router;
  Ipv4Address mask;
  Ipv4Address name_server;
  bool is_http = false;  // option 60 begins with HTTPClient
  std::string uri;       // option 67, else BOOTP's file
};

// What is the same in DISCOVER and REQUEST.
struct DhcpAsk {
  const Personality& personality;
  const Identity& identity;
  std::uint32_t xid = 0;
  std::uint16_t seconds = 0;
};

// Write to the front of `out` (600 bytes do) and return the size.
std::size_t WriteDiscover(const DhcpAsk& ask, MutableBytes out);
std::size_t WriteRequest(const DhcpAsk& ask, const DhcpOffer& offer, MutableBytes out);

// A server's answer; nullopt for anything else.
std::optional<DhcpOffer> ReadDhcpAnswer(Bytes payload);

}  // namespace slipway::storm
