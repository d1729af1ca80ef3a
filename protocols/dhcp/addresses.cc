// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/addresses.h"

#include <algorithm>

namespace slipway::dhcp {

void Addresses::SetPolicy(const Policy* policy) {
  policy_ = policy;
  if (policy == nullptr) return networks_.reset();
  if (networks_ && networks_->SameAddressing(*policy)) return;
  networks_.emplace(PolicySettings{
      .networks = policy->networks(), .machines = {}, .boot = {}, .unknown = nullptr});
  std::ranges::fill(cursors_, Cursor{});
  table_.Rehome([&](Ipv4Address address) {
    const NetworkSettings* network = policy->NetworkOf(address);
    if (network == nullptr) return std::pair(LeaseTable::kNoNetwork, true);
    return std::pair(static_cast<std::uint16_t>(network - policy->networks().data()),
                     network->match_client_identifier);
  });
}

bool Addresses::IsGivable(const NetworkSettings& network, const MachineSettings* machine,
                          Ipv4Address address) const {
  if (!network.prefix.Contains(address)) return false;
  if (const MachineSettings* owner = policy_->ReservedFor(address)) return owner == machine;
  if (address == network.server_address || address == network.gateway) return false;
  if (network.prefix.length < 31 &&
      (address == network.prefix.network() || address == network.prefix.broadcast())) {
    return false;
  }
  return std::ranges::any_of(network.pools,
                             [&](const AddressRange& pool) { return pool.Contains(address); });
}

Addresses::Slot Addresses::Settled(Slot slot, std::int64_t now_unix_seconds) {
  if (slot != LeaseTable::kNone && table_[slot].held &&
      table_[slot].lease.expires_unix_seconds <= now_unix_seconds) {
    table_.Release(slot);
  }
  return slot;
}

Addresses::Slot Addresses::Choose(const Exchange& x, Drop& drop) {
  if (x.machine != nullptr) {
    if (const auto reserved = Policy::ReservedAddress(*x.machine, *x.network)) {
      const Slot slot = TakeReserved(x, *reserved);
      if (slot != LeaseTable::kNone) return slot;
    }
  }
  const Slot own = Settled(table_.FindIdentity(x.identity), x.now_unix_seconds);
  if (own != LeaseTable::kNone && IsGivable(*x.network, x.machine, table_[own].lease.address)) {
    return own;
  }
  if (const auto wish = x.message.options.Address(DhcpOption::kRequestedAddress)) {
    const Slot slot = Take(x, *wish);
    if (slot != LeaseTable::kNone) return slot;
  }
  Slot slot = TakeNeverUsed(x);
  if (slot == LeaseTable::kNone) slot = TakeIdle(x);
  if (slot == LeaseTable::kNone && cursors_[x.network_index].skipped) {
    cursors_[x.network_index] = Cursor{};
    slot = TakeNeverUsed(x);
  }
  if (slot == LeaseTable::kNone) {
    const Cursor& cursor = cursors_[x.network_index];
    drop = cursor.pool < x.network->pools.size() ? Drop::kDhcpLeaseTableFull : Drop::kDhcpPoolEmpty;
  }
  return slot;
}

Addresses::Slot Addresses::Take(const Exchange& x, Ipv4Address address) {
  if (!IsGivable(*x.network, x.machine, address)) return LeaseTable::kNone;
  const Slot slot = Settled(table_.FindAddress(address), x.now_unix_seconds);
  if (slot == LeaseTable::kNone) return Add(address, x.network_index);
  return table_[slot].held && !table_.Matches(slot, x.identity) ? LeaseTable::kNone : slot;
}

Addresses::Slot Addresses::TakeReserved(const Exchange& x, Ipv4Address address) {
  const Slot slot = Settled(table_.FindAddress(address), x.now_unix_seconds);
  if (slot == LeaseTable::kNone) return Add(address, x.network_index);
  const LeaseTable::Entry& entry = table_[slot];
  if (!entry.held || table_.Matches(slot, x.identity)) return slot;
  // Another stage of the same machine's boot, under another name of it.
  const Lease& lease = entry.lease;
  const bool same_machine =
      entry.identified &&
      policy_->FindMachine({lease.mac, lease.uuid, lease.client_identifier.bytes()}) == x.machine;
  return same_machine ? slot : LeaseTable::kNone;
}

Addresses::Slot Addresses::TakeNeverUsed(const Exchange& x) {
  Cursor& cursor = cursors_[x.network_index];
  for (; cursor.pool < x.network->pools.size(); ++cursor.pool, cursor.offset = 0) {
    const AddressRange& pool = x.network->pools[cursor.pool];
    for (; cursor.offset < pool.size(); ++cursor.offset) {
      const Ipv4Address address(static_cast<std::uint32_t>(pool.first.value() + cursor.offset));
      if (!IsGivable(*x.network, nullptr, address)) continue;
      if (table_.FindAddress(address) != LeaseTable::kNone) continue;
      // Full: the cursor stays for when there is room.
      return Add(address, x.network_index);
    }
  }
  return LeaseTable::kNone;
}

Addresses::Slot Addresses::TakeIdle(const Exchange& x) {
  for (;;) {
    const Slot slot = table_.LeastRecentlyUsed(x.network_index);
    if (slot == LeaseTable::kNone) return slot;
    if (IsGivable(*x.network, x.machine, table_[slot].lease.address)) return slot;
    table_.Remove(slot);  // no longer in a pool
  }
}

Addresses::Slot Addresses::Add(Ipv4Address address, std::uint16_t network) {
  if (table_.full() && !EvictIdle()) return LeaseTable::kNone;
  return table_.Add(address, network);
}

bool Addresses::EvictIdle() {
  Slot oldest = LeaseTable::kNone;
  for (std::uint16_t network = 0; network <= Policy::kNetworksMax; ++network) {
    const Slot slot = table_.LeastRecentlyUsed(network);
    if (slot == LeaseTable::kNone) continue;
    if (oldest == LeaseTable::kNone ||
        table_[slot].lease.expires_unix_seconds < table_[oldest].lease.expires_unix_seconds) {
      oldest = slot;
    }
  }
  if (oldest == LeaseTable::kNone) return false;
  if (table_[oldest].network < cursors_.size()) cursors_[table_[oldest].network].skipped = true;
  table_.Remove(oldest);
  return true;
}

}  // namespace slipway::dhcp
