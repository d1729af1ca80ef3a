// SPDX-License-Identifier: Apache-2.0
//
// WaitingTable: boots that have ended and are not counted for a plan yet (policy/boot_counter.h).
// Whoever shares the database holds its mutex around every call.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/policy/boot_counter.h"
#include "control/store/sqlite.h"

namespace slipway::control {

// One step of the catalog's history.
extern const char* const kWaitingMigration;

class WaitingTable {
 public:
  explicit WaitingTable(Database& database) : database_(database) {}

  absl::StatusOr<std::vector<BootCounter::Counted>> All();
  // In the place of what waits of this MAC.
  absl::Status Put(const BootCounter::Counted& boot);
  // What waits of this MAC: it, or one from before it, whatever the clock said then.
  absl::Status Remove(const BootCounter::Counted& boot);

 private:
  Database& database_;
};

}  // namespace slipway::control
