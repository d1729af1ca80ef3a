// SPDX-License-Identifier: Apache-2.0
//
// LeaseBook: the leases as the control plane knows them, a step behind the worker that owns them:
// what the journal held at start, then every batch it wrote. For lists, and to tell which machine
// an address is.
//
// A lease that runs out is told of by nobody: the worker's table lets its address go in silence, as
// the machine does. So whoever asks for what is held says when.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocols/dhcp/lease.h"

namespace slipway::control {

// Whether it is a machine's now. Until its last second, as dhcp::LeaseTable has it.
inline bool IsHeld(const dhcp::Lease& lease, std::int64_t now_unix_seconds) {
  return lease.state == dhcp::LeaseState::kBound && now_unix_seconds < lease.expires_unix_seconds;
}

// As lists show it: "expired" once its address is free for another machine.
inline std::string_view StateName(const dhcp::Lease& lease, std::int64_t now_unix_seconds) {
  const bool ends =
      lease.state == dhcp::LeaseState::kBound || lease.state == dhcp::LeaseState::kDeclined;
  return ends && now_unix_seconds >= lease.expires_unix_seconds ? "expired" : Name(lease.state);
}

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
  // Of the machine that holds it.
  std::optional<MacAddress> MacOf(Ipv4Address address, std::int64_t now_unix_seconds) const {
    const std::scoped_lock lock(mutex_);
    const auto found = leases_.find(address);
    if (found == leases_.end() || !IsHeld(found->second, now_unix_seconds)) return std::nullopt;
    return found->second.mac;
  }

 private:
  mutable std::mutex mutex_;
  std::map<Ipv4Address, dhcp::Lease> leases_;
};

}  // namespace slipway::control
