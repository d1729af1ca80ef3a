// SPDX-License-Identifier: Apache-2.0
#include "control/store/lease_journal.h"

#include <utility>

namespace slipway::control {
namespace {

constexpr const char* kMigrations[] = {
    "CREATE TABLE leases("
    "  address INTEGER PRIMARY KEY, mac BLOB NOT NULL, client_id BLOB NOT NULL,"
    "  uuid BLOB NOT NULL, state INTEGER NOT NULL, expires INTEGER NOT NULL,"
    "  revision INTEGER NOT NULL) WITHOUT ROWID;",
};

}  // namespace

LeaseJournal::LeaseJournal(std::unique_ptr<Database> database)
    : database_(std::move(database)),
      upsert_(database_->Prepare(
          "INSERT OR REPLACE INTO leases(address, mac, client_id, uuid, state, expires, revision) "
          "VALUES(?, ?, ?, ?, ?, ?, ?)")) {}

absl::StatusOr<std::unique_ptr<LeaseJournal>> LeaseJournal::Open(
    const std::filesystem::path& file) {
  auto database = Database::Open(file, kMigrations);
  if (!database.ok()) return database.status();
  std::unique_ptr<LeaseJournal> journal(new LeaseJournal(*std::move(database)));
  if (absl::Status status = journal->upsert_.status(); !status.ok()) return status;
  return journal;
}

absl::StatusOr<std::vector<dhcp::Lease>> LeaseJournal::Load() {
  Statement statement = database_->Prepare(
      "SELECT address, mac, client_id, uuid, state, expires, revision FROM leases ORDER BY "
      "address");
  std::vector<dhcp::Lease> leases;
  while (statement.Next()) {
    dhcp::Lease lease;
    lease.address = Ipv4Address(static_cast<std::uint32_t>(statement.Integer(0)));
    lease.mac = MacAddress::From(statement.Blob(1));
    lease.client_identifier = dhcp::ClientIdentifier::From(statement.Blob(2));
    Copy(statement.Blob(3), lease.uuid.octets);
    lease.state = static_cast<dhcp::LeaseState>(statement.Integer(4));
    lease.expires_unix_seconds = statement.Integer(5);
    lease.revision = static_cast<std::uint64_t>(statement.Integer(6));
    leases.push_back(lease);
  }
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return leases;
}

absl::Status LeaseJournal::Append(std::span<const dhcp::LeaseChange> changes) {
  if (changes.empty()) return absl::OkStatus();
  Transaction transaction(*database_);
  if (!transaction.status().ok()) return transaction.status();
  for (const dhcp::LeaseChange& lease : changes) {
    upsert_.Bind(1, std::int64_t{lease.address.value()}).Bind(2, Bytes(lease.mac.octets));
    upsert_.Bind(3, lease.client_identifier.bytes()).Bind(4, Bytes(lease.uuid.octets));
    upsert_.Bind(5, static_cast<std::int64_t>(lease.state)).Bind(6, lease.expires_unix_seconds);
    upsert_.Bind(7, static_cast<std::int64_t>(lease.revision));
    if (absl::Status status = upsert_.Run(); !status.ok()) return status;
  }
  return transaction.Commit();
}

}  // namespace slipway::control
