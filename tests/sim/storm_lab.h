// SPDX-License-Identifier: Apache-2.0
//
// Where slipway-storm's machines boot in tests: one network, one image, certificates of both kinds.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "bench/storm/library.h"
#include "tests/support/appliance.h"
#include "tls/certificates.h"

namespace slipway::dataplane {

// ECDSA for Linux, RSA for firmware. The RSA key is made once.
inline std::shared_ptr<const tls::Context> BothKinds() {
  static const auto context = [] {
    const tls::Authority authority = tls::MakeAuthority({});
    tls::ContextOptions options;
    for (const tls::KeyType type : {tls::KeyType::kEcdsaP256, tls::KeyType::kRsa2048}) {
      options.certificates.push_back(std::get<tls::Certificate>(tls::IssueServerCertificate(
          authority,
          {.key_type = type, .dns_names = {"boot.test"}, .ip_addresses = {"10.77.0.1"}})));
    }
    return std::get<std::shared_ptr<const tls::Context>>(tls::Context::Create(options));
  }();
  return context;
}

// Serves `image` as /image.efi with its digest, and boots firmware from `uri`.
inline std::unique_ptr<Snapshot> LabSnapshot(const std::shared_ptr<const MutableBytes>& image,
                                             const std::string& uri) {
  dhcp::NetworkSettings network;
  network.name = "lab";
  network.prefix = Ipv4Prefix{kApplianceAddress, 24};
  network.attachment = dhcp::Attachment{0, VlanId{}};
  network.server_address = kApplianceAddress;
  network.pools = {{Ipv4Address(10, 77, 0, 2), Ipv4Address(10, 77, 0, 254)}};
  network.dns_servers = {kApplianceAddress};
  network.boot = {
      {.kind = dhcp::ClientKind::kHttp, .architecture = {}, .uri = uri, .next_server = {}}};
  auto snapshot = NewSnapshot({.image = image});
  snapshot->images = http::TableCatalog({{.path = "/image.efi",
                                          .content = Bytes(*image),
                                          .etag_digest = storm::DigestOf(Bytes(*image)),
                                          .media_type = "application/efi",
                                          .last_modified = 0,
                                          .loaded = true}});
  snapshot->tls = BothKinds();
  snapshot->dhcp = std::make_unique<const dhcp::Policy>(
      dhcp::PolicySettings{.networks = {network}, .machines = {}, .boot = {}});
  return snapshot;
}

}  // namespace slipway::dataplane
