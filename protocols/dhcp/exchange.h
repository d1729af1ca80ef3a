// SPDX-License-Identifier: Apache-2.0
//
// Exchange: one message on its way through the server, with everything that was found out about
// it; and the composition of the answers from that (RFC 2131 4.3, table 3). Nothing here knows
// the lease table.
#pragma once

#include <optional>

#include "protocols/dhcp/lease_table.h"
#include "protocols/dhcp/message.h"
#include "protocols/dhcp/pxe.h"
#include "protocols/dhcp/reply.h"
#include "protocols/dhcp/server.h"

namespace slipway::dhcp {

struct Exchange {
  const Received& in;
  const Message& message;
  MutableBytes reply;
  std::int64_t now_unix_seconds = 0;
  Time now;

  // Found by Resolve().
  const NetworkSettings* network = nullptr;
  std::uint16_t network_index = 0;
  const MachineSettings* machine = nullptr;
  const Choice* choice = nullptr;
  const BootRule* boot = nullptr;
  // A boot server is asked, not a DHCP server (PXE 2.1, 2.2.3), perhaps for one item of a menu.
  bool asks_boot_server = false;
  std::optional<BootItem> boot_item;
  Identity identity;
  Client client;
};

// Fills in what the policy says about the message; the drop when it says "not ours".
Drop Resolve(const Policy& policy, Exchange& x);

// Who we are to this client: option 54, which a relay may override (RFC 5107).
Ipv4Address ServerIdentifier(const Exchange& x);
// Option 51's wish within the network's limits.
std::chrono::seconds LeaseTime(const Exchange& x);

// Each writes to x.reply; nullopt when the reply does not fit the client's limit.
std::optional<ReplyPlan> WriteOffer(const Exchange& x, Ipv4Address address);
std::optional<ReplyPlan> WriteAck(const Exchange& x, Ipv4Address address);
std::optional<ReplyPlan> WriteNak(const Exchange& x, std::string_view reason);
std::optional<ReplyPlan> WriteInformAck(const Exchange& x);
// Boot facts only, no address (PXE 2.1, 2.2.3 and UEFI 24.7.3).
std::optional<ReplyPlan> WriteProxyOffer(const Exchange& x);
std::optional<ReplyPlan> WriteProxyAck(const Exchange& x);

}  // namespace slipway::dhcp
