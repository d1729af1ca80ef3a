// SPDX-License-Identifier: Apache-2.0
//
// Routes: which station takes an IPv4 packet next (RFC 1122 3.3.1).
//
// Where a network of ours holds the destination, the destination itself; the longest network
// wins. Otherwise the gateway, if there is one and a network of ours holds it. The source to send
// from comes with it: our address in that network. An answer goes out from the address it was sent
// to, whatever this says. Left out: more than one gateway, redirects, routes learned from others.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "protocols/base/ipv4.h"

namespace slipway::ip {

struct Hop {
  Ipv4Address station;  // whose hardware address the frame goes to
  Ipv4Address source;   // ours, in the same network

  friend bool operator==(const Hop&, const Hop&) = default;
};

class Routes {
 public:
  Routes(std::span<const Ipv4Prefix> addresses, std::optional<Ipv4Address> gateway);

  // nullopt: there is no way there. Unicast destinations only.
  std::optional<Hop> Find(Ipv4Address destination) const;

 private:
  std::optional<Hop> OnLink(Ipv4Address destination) const;

  std::vector<Ipv4Prefix> addresses_;  // longest first
  std::optional<Hop> gateway_;
};

}  // namespace slipway::ip
