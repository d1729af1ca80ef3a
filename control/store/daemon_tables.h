// SPDX-License-Identifier: Apache-2.0
//
// DaemonTables: what the daemon keeps in the catalog for itself, and no operator changes: verdicts
// on image sets, the number of the last event, and boots of before these had a database of their
// own. Whoever shares the database holds its mutex around every call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/store/sqlite.h"
#include "control/store/store.h"

namespace slipway::control {

class DaemonTables {
 public:
  explicit DaemonTables(Database& database) : database_(database) {}

  absl::StatusOr<std::vector<BootRecord>> Boots();  // oldest first
  // In the place of a verdict on the same set.
  absl::Status Put(const VerdictRecord& verdict);
  absl::StatusOr<std::optional<VerdictRecord>> Verdict(const std::string& digest);
  absl::Status RemoveVerdict(const std::string& digest);
  absl::StatusOr<std::int64_t> EventNumber();  // 0: none was noted
  absl::Status NoteEventNumber(std::int64_t last);

 private:
  Database& database_;
};

}  // namespace slipway::control
