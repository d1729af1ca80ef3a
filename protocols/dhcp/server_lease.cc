// SPDX-License-Identifier: Apache-2.0
//
// The second half of dhcp::Server: messages about an address the client names (RFC 2131 4.3.2 to
// 4.3.5), proxyDHCP, and taking a change back.
#include <algorithm>

#include "protocols/dhcp/exchange.h"
#include "protocols/dhcp/server_state.h"

namespace slipway::dhcp {

// RFC 2131 4.3.2: with a server identifier the client is SELECTING; with a requested address
// INIT-REBOOT; with ciaddr RENEWING (unicast) or REBINDING (broadcast).
void Server::Request(const Exchange& x, Outcome& outcome) {
  const auto server = x.message.options.Address(DhcpOption::kServerIdentifier);
  const auto requested = x.message.options.Address(DhcpOption::kRequestedAddress);
  if (server && *server != ServerIdentifier(x)) {
    ForgetOffer(x);
    outcome.drop = Drop::kDhcpOtherServer;
    return;
  }
  outcome.address = requested.value_or(x.message.ciaddr);
  if (outcome.address.is_unspecified()) {
    outcome.drop = Drop::kDhcpAddressMissing;
    return;
  }
  const bool selecting = server.has_value();
  const bool known = state_->table.FindIdentity(x.identity) != LeaseTable::kNone;
  const bool may_refuse = selecting || known || x.network->authoritative;
  if (!x.network->prefix.Contains(outcome.address)) {
    if (may_refuse) return Refuse(x, outcome, "address is not of this network");
    outcome.drop = Drop::kDhcpUnknownLease;
    return;
  }
  Addresses& addresses = state_->addresses;
  const LeaseTable::Slot found =
      addresses.Settled(state_->table.FindAddress(outcome.address), x.now_unix_seconds);
  const bool own = found != LeaseTable::kNone && state_->table.Matches(found, x.identity);
  if (own && addresses.IsGivable(*x.network, x.machine, outcome.address)) {
    return Acknowledge(x, outcome, found);
  }
  // Our own offer that a restart made us forget: as good as made again, if it is still free.
  if (selecting) {
    const LeaseTable::Slot slot = addresses.Take(x, outcome.address);
    if (slot != LeaseTable::kNone) return Acknowledge(x, outcome, slot);
  }
  if (may_refuse) return Refuse(x, outcome, "address is not yours");
  outcome.drop = Drop::kDhcpUnknownLease;
}

void Server::Refuse(const Exchange& x, Outcome& outcome, std::string_view reason) {
  outcome.reply = WriteNak(x, reason);
  outcome.reason = reason;
  outcome.decision = outcome.reply ? Decision::kRefused : Decision::kDropped;
  if (!outcome.reply) outcome.drop = Drop::kDhcpReplyTooLong;
}

void Server::Acknowledge(const Exchange& x, Outcome& outcome, LeaseTable::Slot slot) {
  outcome.reply = WriteAck(x, outcome.address);
  if (!outcome.reply) {
    outcome.drop = Drop::kDhcpReplyTooLong;
    return;
  }
  LeaseTable& table = state_->table;
  LeaseTable::Entry& entry = table[slot];
  if (!table.Matches(slot, x.identity)) table.Identify(slot, x.identity);
  entry.state_before = entry.lease.state;
  entry.expires_before = entry.held ? entry.lease.expires_unix_seconds : 0;
  entry.by_wall_clock_before = entry.by_wall_clock;
  entry.lease.state = LeaseState::kBound;
  entry.lease.mac = x.client.mac;
  entry.lease.uuid = x.client.uuid.is_set() ? x.client.uuid : entry.lease.uuid;
  entry.lease.revision = ++state_->revision;
  entry.was_bound = true;
  entry.probing = false;
  // One second more, for the part of a second that now_unix_seconds leaves out.
  table.Hold(slot, x.now_unix_seconds + LeaseTime(x).count() + 1);
  outcome.change = entry.lease;
  outcome.lease_time = LeaseTime(x);
  outcome.decision =
      x.message.ciaddr.is_unspecified() ? Decision::kAcknowledged : Decision::kRenewed;
}

// RFC 2131 3.1: a client that chose another server gives our offer back by that.
void Server::ForgetOffer(const Exchange& x) {
  LeaseTable& table = state_->table;
  const LeaseTable::Slot slot = table.FindIdentity(x.identity);
  if (slot == LeaseTable::kNone || !table[slot].held) return;
  if (table[slot].lease.state == LeaseState::kOffered) table.Release(slot);
}

void Server::Quarantine(LeaseTable::Slot slot, std::int64_t until, Outcome& outcome) {
  LeaseTable& table = state_->table;
  LeaseTable::Entry& entry = table[slot];
  table.Anonymize(slot);
  entry.state_before = entry.lease.state;
  entry.lease.state = LeaseState::kDeclined;
  entry.lease.revision = ++state_->revision;
  entry.was_bound = false;
  entry.probing = false;
  table.Hold(slot, until);
  outcome.change = entry.lease;
}

void Server::Decline(const Exchange& x, Outcome& outcome) {
  const auto server = x.message.options.Address(DhcpOption::kServerIdentifier);
  const auto address = x.message.options.Address(DhcpOption::kRequestedAddress);
  if (server && *server != ServerIdentifier(x)) {
    outcome.drop = Drop::kDhcpOtherServer;
    return;
  }
  if (!address) {
    outcome.drop = Drop::kDhcpAddressMissing;
    return;
  }
  outcome.address = *address;
  const LeaseTable::Slot slot =
      state_->addresses.Settled(state_->table.FindAddress(*address), x.now_unix_seconds);
  if (slot == LeaseTable::kNone || !state_->table[slot].held ||
      !state_->table.Matches(slot, x.identity)) {
    outcome.drop = Drop::kDhcpUnknownLease;
    return;
  }
  Quarantine(slot, x.now_unix_seconds + x.network->quarantine_time.count(), outcome);
  outcome.decision = Decision::kDeclined;
}

void Server::Release(const Exchange& x, Outcome& outcome) {
  const auto server = x.message.options.Address(DhcpOption::kServerIdentifier);
  if (server && *server != ServerIdentifier(x)) {
    outcome.drop = Drop::kDhcpOtherServer;
    return;
  }
  outcome.address = x.message.ciaddr;
  const LeaseTable::Slot slot =
      state_->addresses.Settled(state_->table.FindAddress(outcome.address), x.now_unix_seconds);
  if (slot == LeaseTable::kNone || !state_->table.Matches(slot, x.identity) ||
      !state_->table[slot].held || state_->table[slot].lease.state != LeaseState::kBound) {
    outcome.drop = Drop::kDhcpUnknownLease;
    return;
  }
  LeaseTable::Entry& entry = state_->table[slot];
  entry.lease.state = LeaseState::kReleased;
  entry.lease.expires_unix_seconds = x.now_unix_seconds;
  entry.lease.revision = ++state_->revision;
  state_->table.Hold(slot, x.now_unix_seconds);
  state_->table.Release(slot);
  outcome.change = entry.lease;
  outcome.decision = Decision::kReleased;
}

void Server::Inform(const Exchange& x, Outcome& outcome) {
  if (x.message.ciaddr.is_unspecified()) {
    outcome.drop = Drop::kDhcpAddressMissing;
    return;
  }
  outcome.address = x.message.ciaddr;
  outcome.reply = WriteInformAck(x);
  if (!outcome.reply)
    outcome.drop = Drop::kDhcpReplyTooLong;
  else
    outcome.decision = Decision::kInformed;
}

// Beside a foreign server: OFFERs without address to broadcast DISCOVERs, and the boot server's
// part for who asks for one. Never anything about addresses.
void Server::Proxy(const Exchange& x, Outcome& outcome) {
  const bool boot_server = x.asks_boot_server;
  const DhcpMessageType type = x.message.type;
  // Sent to us, it came from a menu that names us. Sent to everybody, it is for who has the item,
  // and ours is the bootstrap.
  const bool somebody_elses =
      x.boot_item && x.boot_item->type != kPxeBootstrap && x.in.destination.is_broadcast();
  // NOLINTNEXTLINE(bugprone-branch-clone): what is told first is by this order
  if (!boot_server && type != DhcpMessageType::kDiscover) {
    outcome.drop = Drop::kDhcpOtherServer;
  } else if (boot_server && type != DhcpMessageType::kRequest && type != DhcpMessageType::kInform) {
    outcome.drop = Drop::kDhcpTypeUnexpected;
  } else if (!x.client.is_boot_client()) {
    outcome.drop = Drop::kDhcpNotABootClient;
  } else if (somebody_elses) {
    outcome.drop = Drop::kDhcpOtherServer;
  } else if (x.boot == nullptr || (x.boot_item && x.boot_item->layer != 0)) {
    outcome.drop = Drop::kDhcpNoBootRule;
  } else if (boot_server && !x.message.is_relayed() && x.message.ciaddr.is_unspecified() &&
             !x.in.source.is_answerable()) {
    outcome.drop = Drop::kDhcpAddressMissing;  // nowhere to answer to
  } else {
    outcome.reply = boot_server ? WriteProxyAck(x) : WriteProxyOffer(x);
    if (!outcome.reply)
      outcome.drop = Drop::kDhcpReplyTooLong;
    else
      outcome.decision = boot_server ? Decision::kProxyAcknowledged : Decision::kProxyOffered;
  }
}

void Server::Abandon(const LeaseChange& change) {
  LeaseTable& table = state_->table;
  const LeaseTable::Slot slot = table.FindAddress(change.address);
  if (slot == LeaseTable::kNone || table[slot].lease.revision != change.revision) return;
  // A release or a decline that is not on disk only keeps the address from others for longer.
  if (change.state != LeaseState::kBound) return;
  LeaseTable::Entry& entry = table[slot];
  entry.lease.state = entry.state_before;
  if (!entry.held) return;
  if (entry.expires_before == 0) {
    table.Release(slot);
  } else {
    table.Hold(slot, entry.expires_before);
    entry.by_wall_clock = entry.by_wall_clock_before;
  }
}

}  // namespace slipway::dhcp
