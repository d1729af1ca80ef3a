// SPDX-License-Identifier: Apache-2.0
//
// LeaseJournal: leases on disk before their ACK leaves (RFC 2131 2.1).
//
// Append writes a batch in one transaction and returns when it is on disk (WAL, synchronous=FULL:
// one fsync). The file holds the last state of each address, not a history.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/store/sqlite.h"
#include "protocols/dhcp/lease.h"

namespace slipway::control {

class LeaseJournal {
 public:
  static absl::StatusOr<std::unique_ptr<LeaseJournal>> Open(const std::filesystem::path& file);

  // Every lease on disk, by address.
  absl::StatusOr<std::vector<dhcp::Lease>> Load();
  // All of them on disk, or none.
  absl::Status Append(std::span<const dhcp::LeaseChange> changes);

 private:
  explicit LeaseJournal(std::unique_ptr<Database> database);

  std::unique_ptr<Database> database_;
  Statement upsert_;
};

}  // namespace slipway::control
