// SPDX-License-Identifier: Apache-2.0
//
// Policies the DHCP tests and the fuzzer share, without a test framework.
#pragma once

#include "protocols/dhcp/server.h"

namespace slipway::dhcp {

inline constexpr Ipv4Address kServer(10, 77, 0, 1);
inline constexpr Ipv4Address kFirst(10, 77, 0, 100);
inline constexpr Ipv4Address kLast(10, 77, 0, 109);

inline PolicySettings TestSettings() {
  NetworkSettings network;
  network.name = "test";
  network.prefix = *Ipv4Prefix::Parse("10.77.0.0/24");
  network.attachment = Attachment{};
  network.server_address = kServer;
  network.pools = {{kFirst, kLast}};
  network.gateway = Ipv4Address(10, 77, 0, 254);
  network.dns_servers = {kServer};
  network.domain_name = "rig.test";
  PolicySettings settings;
  settings.networks = {network};
  settings.boot = {
      {.kind = ClientKind::kHttp, .architecture = 0x10, .uri = "https://boot.rig.test/x64.efi"},
      {.kind = ClientKind::kHttp, .architecture = 0x13, .uri = "https://boot.rig.test/a64.efi"},
      {.kind = ClientKind::kPxe, .architecture = 7, .uri = "ipxe.efi"},
      {.kind = ClientKind::kIpxe, .uri = "https://boot.rig.test/boot.ipxe"},
  };
  return settings;
}

// One network of each sort: attached, attached as proxy on VLAN 1, behind a relay.
inline PolicySettings FuzzSettings() {
  PolicySettings settings = TestSettings();
  NetworkSettings proxy = settings.networks[0];
  proxy.prefix = *Ipv4Prefix::Parse("10.78.0.0/24");
  proxy.attachment = Attachment{.vlan = VlanId(1)};
  proxy.mode = ServiceMode::kProxy;
  NetworkSettings far = settings.networks[0];
  far.prefix = *Ipv4Prefix::Parse("0.0.0.0/5");
  far.attachment.reset();
  far.pools = {{Ipv4Address(1, 0, 0, 1), Ipv4Address(1, 0, 0, 9)}};
  far.routes = {{*Ipv4Prefix::Parse("10.0.0.0/9"), Ipv4Address(1, 0, 0, 3)}};
  settings.networks.push_back(proxy);
  settings.networks.push_back(far);
  return settings;
}

inline Received FuzzReceived(Bytes message, std::uint8_t how) {
  return {.message = message,
          .source = Ipv4Address(10, 77, 0, how),
          .destination = (how & 16) != 0 ? kServer : Ipv4Address::Broadcast(),
          .destination_port = (how & 32) != 0 ? kPxeServerPort : kDhcpServerPort,
          .ingress = {.vlan = VlanId((how & 64) != 0 ? 1 : 0)}};
}

}  // namespace slipway::dhcp
