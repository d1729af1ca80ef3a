// SPDX-License-Identifier: Apache-2.0
#include "control/store/daemon_tables.h"

#include <utility>

#include "control/store/named_rows.h"

namespace slipway::control {

absl::StatusOr<std::vector<BootRecord>> DaemonTables::Boots() {
  Statement statement =
      database_.Prepare("SELECT id, mac, began, document FROM boots ORDER BY began");
  std::vector<BootRecord> boots;
  while (statement.Next()) {
    boots.push_back({.id = statement.Integer(0),
                     .mac = MacAddress::From(statement.Blob(1)),
                     .began_unix_nanoseconds = statement.Integer(2),
                     .document = statement.String(3)});
  }
  return Whole(statement, std::move(boots));
}

absl::Status DaemonTables::Put(const VerdictRecord& verdict) {
  Statement statement = database_.Prepare(
      "INSERT OR REPLACE INTO verdicts(digest, version, document) VALUES(?, ?, ?)");
  statement.Bind(1, verdict.digest).Bind(2, verdict.version).Bind(3, verdict.document);
  return statement.Run();
}

absl::StatusOr<std::optional<VerdictRecord>> DaemonTables::Verdict(const std::string& digest) {
  Statement statement = database_.Prepare("SELECT version, document FROM verdicts WHERE digest=?");
  statement.Bind(1, digest);
  std::optional<VerdictRecord> verdict;
  if (statement.Next()) {
    verdict = {.digest = digest, .version = statement.String(0), .document = statement.String(1)};
  }
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return verdict;
}

absl::Status DaemonTables::RemoveVerdict(const std::string& digest) {
  Statement statement = database_.Prepare("DELETE FROM verdicts WHERE digest=?");
  return statement.Bind(1, digest).Run();
}

absl::StatusOr<std::int64_t> DaemonTables::EventNumber() {
  Statement statement = database_.Prepare("SELECT last FROM event_numbers");
  const std::int64_t last = statement.Next() ? statement.Integer(0) : 0;
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return last;
}

absl::Status DaemonTables::NoteEventNumber(std::int64_t last) {
  Statement statement =
      database_.Prepare("INSERT OR REPLACE INTO event_numbers(id, last) VALUES(1, ?)");
  return statement.Bind(1, last).Run();
}

}  // namespace slipway::control
