// SPDX-License-Identifier: Apache-2.0
#include "control/store/audit_log.h"

#include <chrono>
#include <limits>

#include "control/text.h"

namespace slipway::control {
namespace {

// What stood in the table before it was chained is moved by Adopt(): SQL has no SHA-256.
constexpr std::string_view kColumns =
    "id, at, who, address, request, what, before, after, previous, hash";

AuditRecord RecordOf(const Statement& statement) {
  return {.id = statement.Integer(0),
          .unix_seconds = statement.Integer(1),
          .who = statement.String(2),
          .address = statement.String(3),
          .request = statement.String(4),
          .what = statement.String(5),
          .before = statement.String(6),
          .after = statement.String(7),
          .previous = statement.String(8),
          .hash = statement.String(9)};
}

std::int64_t UnixSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Bytes that are no UTF-8 come from uploads' names; they are replaced rather than refused.
std::string TextOf(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

const char* const kAuditMigration =
    "ALTER TABLE audit RENAME TO audit_unchained;"
    "CREATE TABLE audit("
    "  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, address TEXT NOT NULL,"
    "  request TEXT NOT NULL, what TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,"
    "  previous TEXT NOT NULL, hash TEXT NOT NULL);"
    "CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN"
    "  SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
    "CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN"
    "  SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
    "CREATE TRIGGER audit_grows BEFORE INSERT ON audit"
    "  WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM audit) BEGIN"
    "  SELECT RAISE(ABORT, 'the audit log grows by its next number only'); END;";

absl::Status AuditLog::Adopt() {
  Transaction transaction(database_);
  if (!transaction.status().ok()) return transaction.status();
  std::vector<AuditRecord> old;
  {
    Statement table = database_.Prepare(
        "SELECT count(*) FROM sqlite_master WHERE type='table' AND name='audit_unchained'");
    if (!table.Next()) return table.status();
    if (table.Integer(0) == 0) return absl::OkStatus();
    Statement read = database_.Prepare("SELECT at, who, what FROM audit_unchained ORDER BY rowid");
    while (read.Next()) {
      old.push_back({.unix_seconds = read.Integer(0),
                     .who = read.String(1),
                     .what = read.String(2),
                     .before = "null",
                     .after = "null"});
    }
    if (absl::Status status = read.status(); !status.ok()) return status;
  }
  for (AuditRecord& record : old) {
    if (absl::Status status = Write(std::move(record)); !status.ok()) return status;
  }
  if (absl::Status status = database_.Execute("DROP TABLE audit_unchained"); !status.ok()) {
    return status;
  }
  return transaction.Commit();
}

absl::Status AuditLog::Append(const Actor& actor, const std::string& what,
                              const nlohmann::json& before, const nlohmann::json& after) {
  actor.is_noted = true;
  return Write({.unix_seconds = UnixSeconds(),
                .who = actor.name,
                .address = actor.address,
                .request = actor.request,
                .what = what,
                .before = TextOf(before),
                .after = TextOf(after)});
}

absl::Status AuditLog::Write(AuditRecord record) {
  const auto head = Head();
  if (!head.ok()) return head.status();
  record.id = head->id + 1;
  record.previous = head->hash;
  record.hash = ChainHash(record);
  Statement insert = database_.Prepare(
      Text("INSERT INTO audit(", kColumns, ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.Bind(1, record.id).Bind(2, record.unix_seconds).Bind(3, record.who);
  insert.Bind(4, record.address).Bind(5, record.request).Bind(6, record.what);
  insert.Bind(7, record.before).Bind(8, record.after).Bind(9, record.previous);
  return insert.Bind(10, record.hash).Run();
}

absl::StatusOr<std::vector<AuditRecord>> AuditLog::List(const AuditQuery& query) {
  Statement statement = database_.Prepare(
      Text("SELECT ", kColumns, " FROM audit WHERE id<? AND at>=? ORDER BY id DESC LIMIT ?"));
  statement.Bind(1, query.before > 0 ? query.before : std::numeric_limits<std::int64_t>::max());
  statement.Bind(2, query.since).Bind(3, std::int64_t{query.limit});
  std::vector<AuditRecord> records;
  while (statement.Next()) records.push_back(RecordOf(statement));
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return records;
}

absl::StatusOr<AuditHead> AuditLog::Head() {
  Statement statement = database_.Prepare("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1");
  AuditHead head;
  if (statement.Next()) head = {statement.Integer(0), statement.String(1)};
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return head;
}

absl::StatusOr<AuditHead> AuditLog::Verify(const std::optional<AuditHead>& witness) {
  ChainCheck check(witness);
  Statement statement = database_.Prepare(Text("SELECT ", kColumns, " FROM audit ORDER BY id"));
  while (statement.Next()) {
    if (const auto fault = check.Take(RecordOf(statement))) return absl::DataLossError(*fault);
  }
  if (absl::Status status = statement.status(); !status.ok()) return status;
  if (const auto fault = check.Finish()) return absl::DataLossError(*fault);
  return check.head();
}

absl::StatusOr<AuditHead> VerifyAuditFile(const std::filesystem::path& catalog,
                                          const std::optional<AuditHead>& witness) {
  auto database = Database::OpenReadOnly(catalog);
  if (!database.ok()) return database.status();
  return AuditLog(**database).Verify(witness);
}

}  // namespace slipway::control
