// SPDX-License-Identifier: Apache-2.0
//
// CanaryTable: boots of rollouts' candidates that failed, a row each; so many of a rollout at most
// as may fail before it is rolled back. Whoever shares the database holds its mutex around every
// call.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/policy/rollout.h"
#include "control/store/sqlite.h"

namespace slipway::control {

// One step of the catalog's history.
extern const char* const kCanaryMigration;

class CanaryTable {
 public:
  explicit CanaryTable(Database& database) : database_(database) {}

  absl::StatusOr<std::vector<CanaryFailure>> All();
  // In their order: those of another version of the same rollout go, and so does one that is over.
  // Passed over where there is no such rollout any more.
  absl::Status Put(std::span<const CanaryFailure> failures);
  // Of the rollout of this tag.
  absl::Status Remove(const std::string& stable);

 private:
  Database& database_;
};

}  // namespace slipway::control
