// SPDX-License-Identifier: Apache-2.0
//
// Interface: who the appliance is in one VLAN of a port, or among its untagged frames: addresses,
// MTU, and the tag of what leaves. Several of one port are as separate as if each had a port of its
// own, but for the link's queue and its outbox, which they share: no VLAN can push out another.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/link.h"
#include "dataplane/options.h"
#include "protocols/base/ipv4.h"
#include "protocols/dhcp/policy.h"

namespace slipway::dataplane {

class Interface {
 public:
  // `index` of Options::interfaces. The link and the options live longer.
  Interface(std::uint16_t index, const InterfaceOptions& options, Link& link)
      : options_(&options), link_(&link), index_(index) {}

  std::uint16_t index() const { return index_; }
  Link& link() const { return *link_; }
  MacAddress station() const { return link_->station(); }
  VlanId vlan() const { return options_->vlan; }  // VlanId{}: untagged
  std::span<const Ipv4Prefix> addresses() const { return options_->addresses; }
  std::uint16_t mtu() const { return options_->mtu; }  // bytes of an IPv4 packet
  // What a TCP segment carries at most, options included (RFC 6691).
  std::uint16_t mss() const { return static_cast<std::uint16_t>(options_->mtu - kTcpIpHeaders); }
  dhcp::Attachment attachment() const { return {index_, options_->vlan}; }

  // What leaves here carries the tag.
  void Tag(Frame& frame) const {
    if (options_->vlan != VlanId{}) frame.RequestVlan(options_->vlan.value());
  }

 private:
  static constexpr std::uint16_t kTcpIpHeaders = 40;

  const InterfaceOptions* options_;
  Link* link_;
  std::uint16_t index_;
};

}  // namespace slipway::dataplane
