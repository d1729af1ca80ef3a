// SPDX-License-Identifier: Apache-2.0
//
// Addresses: which address a client is offered (RFC 2131 4.3.1), over the lease table.
//
// In this order: the one reserved for the machine; the client's own, current or last; the one it
// asks for; one nobody ever had; the one that was idle the longest. A never-used address comes from
// a cursor that walks each pool once, so that clients find their last address again for long.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocols/dhcp/exchange.h"
#include "protocols/dhcp/lease_table.h"
#include "protocols/dhcp/policy.h"

namespace slipway::dhcp {

class Addresses {
 public:
  using Slot = LeaseTable::Slot;

  explicit Addresses(LeaseTable& table) : table_(table), cursors_(Policy::kNetworksMax) {}

  // Nothing is read of the policy before: it may be gone.
  void SetPolicy(const Policy* policy);

  // A slot the client may have, not yet its own; kNone with the reason in `drop`.
  Slot Choose(const Exchange& x, Drop& drop);
  // The slot of this very address if the client may have it; kNone otherwise.
  Slot Take(const Exchange& x, Ipv4Address address);
  // The address is in a pool, or reserved for the machine, and nobody's own.
  bool IsGivable(const NetworkSettings& network, const MachineSettings* machine,
                 Ipv4Address address) const;
  // Releases the lease of the slot if its time has come.
  Slot Settled(Slot slot, std::int64_t now_unix_seconds);

 private:
  struct Cursor {
    std::size_t pool = 0;
    std::uint64_t offset = 0;
    bool skipped = false;  // something behind it was forgotten and may be walked over again
  };

  Slot TakeReserved(const Exchange& x, Ipv4Address address);
  Slot TakeNeverUsed(const Exchange& x);
  Slot TakeIdle(const Exchange& x);
  Slot Add(Ipv4Address address, std::uint16_t network);
  bool EvictIdle();

  LeaseTable& table_;
  const Policy* policy_ = nullptr;
  // The networks of the last policy, copied: whether the next one gives out the same addresses.
  std::optional<Policy> networks_;
  std::vector<Cursor> cursors_;
};

}  // namespace slipway::dhcp
