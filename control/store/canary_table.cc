// SPDX-License-Identifier: Apache-2.0
#include "control/store/canary_table.h"

#include <utility>

#include "control/store/named_rows.h"

namespace slipway::control {

const char* const kCanaryMigration =
    "CREATE TABLE canary_failures(stable TEXT NOT NULL, boot INTEGER NOT NULL, "
    "version TEXT NOT NULL, PRIMARY KEY(stable, boot)) WITHOUT ROWID;";

absl::StatusOr<std::vector<CanaryFailure>> CanaryTable::All() {
  Statement statement = database_.Prepare("SELECT stable, version, boot FROM canary_failures");
  std::vector<CanaryFailure> failures;
  while (statement.Next()) {
    failures.push_back({.stable = statement.String(0),
                        .version = statement.String(1),
                        .boot = statement.Integer(2),
                        .is_over = false});
  }
  return Whole(statement, std::move(failures));
}

absl::Status CanaryTable::Put(std::span<const CanaryFailure> failures) {
  Statement forget = database_.Prepare("DELETE FROM canary_failures WHERE stable=? AND version<>?");
  Statement put = database_.Prepare(
      "INSERT OR REPLACE INTO canary_failures(stable, boot, version) "
      "SELECT ?1, ?2, ?3 WHERE EXISTS(SELECT 1 FROM rollouts WHERE stable=?1)");
  Statement over = database_.Prepare("DELETE FROM canary_failures WHERE stable=? AND boot=?");
  const CanaryFailure* before = nullptr;  // most of them are of one version
  for (const CanaryFailure& each : failures) {
    absl::Status status;
    if (each.is_over) {
      status = over.Bind(1, each.stable).Bind(2, each.boot).Run();
      if (!status.ok()) return status;
      continue;
    }
    const bool is_same =
        before != nullptr && before->stable == each.stable && before->version == each.version;
    if (!is_same) status = forget.Bind(1, each.stable).Bind(2, each.version).Run();
    if (!status.ok()) return status;
    before = &each;
    status = put.Bind(1, each.stable).Bind(2, each.boot).Bind(3, each.version).Run();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CanaryTable::Remove(const std::string& stable) {
  Statement statement = database_.Prepare("DELETE FROM canary_failures WHERE stable=?");
  return statement.Bind(1, stable).Run();
}

}  // namespace slipway::control
