// SPDX-License-Identifier: Apache-2.0
#include "control/store/waiting_table.h"

#include <utility>

#include "control/store/named_rows.h"

namespace slipway::control {

const char* const kWaitingMigration =
    "CREATE TABLE waiting_boots(mac BLOB PRIMARY KEY, boot INTEGER NOT NULL, "
    "completed INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;";

absl::StatusOr<std::vector<BootCounter::Counted>> WaitingTable::All() {
  Statement statement = database_.Prepare("SELECT mac, boot, completed, last FROM waiting_boots");
  std::vector<BootCounter::Counted> boots;
  while (statement.Next()) {
    const Bytes mac = statement.Blob(0);
    if (mac.size() != 6) continue;
    boots.push_back({.mac = MacAddress::From(mac),
                     .completed = statement.Integer(2) != 0,
                     .boot = statement.Integer(1),
                     .last = statement.Integer(3)});
  }
  return Whole(statement, std::move(boots));
}

absl::Status WaitingTable::Put(const BootCounter::Counted& boot) {
  Statement statement = database_.Prepare(
      "INSERT OR REPLACE INTO waiting_boots(mac, boot, completed, last) VALUES(?, ?, ?, ?)");
  statement.Bind(1, Bytes(boot.mac.octets)).Bind(2, boot.boot);
  return statement.Bind(3, std::int64_t{boot.completed}).Bind(4, boot.last).Run();
}

absl::Status WaitingTable::Remove(const BootCounter::Counted& boot) {
  Statement statement = database_.Prepare("DELETE FROM waiting_boots WHERE mac=?");
  return statement.Bind(1, Bytes(boot.mac.octets)).Run();
}

}  // namespace slipway::control
