// SPDX-License-Identifier: Apache-2.0
//
// LeaseBook: the leases as the control plane knows them, a step behind the worker that owns them:
// what the journal held at start, then every batch it wrote. For lists, and to tell which machine
// an address is.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "protocols/dhcp/lease.h"

namespace slipway::control {

class LeaseBook {
 public:
  void Take(std::span<const dhcp::Lease> leases) {
    const std::scoped_lock lock(mutex_);
    for (const dhcp::Lease& lease : leases) leases_.insert_or_assign(lease.address, lease);
  }
  std::vector<dhcp::Lease> All() const {
    const std::scoped_lock lock(mutex_);
    std::vector<dhcp::Lease> all;
    for (const auto& [address, lease] : leases_) all.push_back(lease);
    return all;
  }
  // Of those whose clients told it, by MAC.
  std::unordered_map<std::uint64_t, Uuid> Uuids() const {
    const std::scoped_lock lock(mutex_);
    std::unordered_map<std::uint64_t, Uuid> uuids;
    for (const auto& [address, lease] : leases_) {
      if (lease.uuid.is_set()) uuids.insert_or_assign(lease.mac.value(), lease.uuid);
    }
    return uuids;
  }
  std::optional<MacAddress> MacOf(Ipv4Address address) const {
    const std::scoped_lock lock(mutex_);
    const auto found = leases_.find(address);
    if (found == leases_.end() || found->second.state != dhcp::LeaseState::kBound) {
      return std::nullopt;
    }
    return found->second.mac;
  }

 private:
  mutable std::mutex mutex_;
  std::map<Ipv4Address, dhcp::Lease> leases_;
};

}  // namespace slipway::control
