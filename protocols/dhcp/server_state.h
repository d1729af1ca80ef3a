// SPDX-License-Identifier: Apache-2.0
//
// What a Server keeps between messages. Out of server.h so that its users do not see it.
#pragma once

#include "protocols/dhcp/addresses.h"
#include "protocols/dhcp/lease_table.h"
#include "protocols/dhcp/options.h"
#include "protocols/dhcp/probes.h"
#include "protocols/dhcp/server.h"

namespace slipway::dhcp {

struct Server::State {
  State(std::size_t leases_max, const SipKey& key)
      : table(leases_max, Policy::kNetworksMax, key), addresses(table) {}

  LeaseTable table;
  Addresses addresses;
  Probes probes;
  OptionScratch scratch;  // of the message that was taken last: an Outcome's views may point here
  const Policy* policy = nullptr;
  std::uint64_t revision = 0;  // of the latest change
};

}  // namespace slipway::dhcp
