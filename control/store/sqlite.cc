// SPDX-License-Identifier: Apache-2.0
#include "control/store/sqlite.h"

#include "control/text.h"

namespace slipway::control {
namespace {

absl::Status ErrorOf(sqlite3* database, int code) {
  const std::string what = Text("SQLite: ", std::string_view(sqlite3_errstr(code)), " (",
                                std::string_view(sqlite3_errmsg(database)), ")");
  if (code == SQLITE_CONSTRAINT) return absl::AlreadyExistsError(what);
  if (code == SQLITE_FULL) return absl::ResourceExhaustedError(what);
  if (code == SQLITE_BUSY) return absl::UnavailableError(what);
  return absl::InternalError(what);
}

// A migration, and the step of it that failed.
struct Way {
  std::int64_t from;
  std::int64_t to;
  std::int64_t step;
};
absl::Status Stopped(const absl::Status& why, const Way& way) {
  const auto message = why.message();
  return {why.code(),
          Text("the state directory is of an older slipwayd (schema ", way.from, ") and could not ",
               "be brought to schema ", way.to, ": ",
               way.step < way.to ? Text("step ", way.step + 1) : std::string("the last commit"),
               ": ", std::string_view(message.data(), message.size()),
               "; this file is as it was: make what stood in the way go away, or go back to that "
               "slipwayd, with a backup of its where another file was brought along before")};
}

}  // namespace

Statement::Statement(sqlite3* database, std::string_view sql) : database_(database) {
  sqlite3_stmt* statement = nullptr;
  Note(sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, nullptr));
  statement_.reset(statement);
}

void Statement::Note(int code) {
  if (error_ == SQLITE_OK && code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) {
    error_ = code;
  }
}

Statement& Statement::Bind(int index, std::int64_t value) {
  Note(sqlite3_bind_int64(statement_.get(), index, value));
  return *this;
}

Statement& Statement::Bind(int index, std::string_view text) {
  // A null pointer would bind NULL instead of an empty text.
  Note(sqlite3_bind_text(statement_.get(), index, text.empty() ? "" : text.data(),
                         static_cast<int>(text.size()), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::Bind(int index, Bytes blob) {
  Note(blob.empty() ? sqlite3_bind_zeroblob(statement_.get(), index, 0)
                    : sqlite3_bind_blob(statement_.get(), index, blob.data(),
                                        static_cast<int>(blob.size()), SQLITE_TRANSIENT));
  return *this;
}

bool Statement::Next() {
  if (error_ != SQLITE_OK) return false;
  const int code = sqlite3_step(statement_.get());
  Note(code);
  return code == SQLITE_ROW;
}

absl::Status Statement::Run() {
  while (Next()) {
  }
  absl::Status result = status();
  Reset();
  return result;
}

void Statement::Reset() {
  if (!statement_) return;  // of what could not be prepared, sqlite3_clear_bindings() would read
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  error_ = SQLITE_OK;
}

std::int64_t Statement::Integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::String(int column) const { return std::string(AsText(Blob(column))); }

Bytes Statement::Blob(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)};
}

absl::Status Statement::status() const {
  return error_ == SQLITE_OK ? absl::OkStatus() : ErrorOf(database_, error_);
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::filesystem::path& file,
                                                         Migrations migrations) {
  auto database = std::make_unique<Database>();
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  database->handle_.reset(handle);
  if (code != SQLITE_OK) {
    return absl::UnavailableError(
        Text(file.string(), ": cannot be opened: ", std::string_view(sqlite3_errmsg(handle)),
             "; make its folder writable for the daemon"));
  }
  sqlite3_busy_timeout(handle, 5000);
  absl::Status status;
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                             "PRAGMA foreign_keys=ON", "PRAGMA trusted_schema=OFF"}) {
    if (status.ok()) status = database->Execute(pragma);
  }
  if (status.ok()) status = database->Migrate(migrations);
  if (!status.ok()) {
    const auto message = status.message();
    return absl::Status(
        status.code(), Text(file.string(), ": ", std::string_view(message.data(), message.size())));
  }
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenReadOnly(
    const std::filesystem::path& file) {
  auto database = std::make_unique<Database>();
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  database->handle_.reset(handle);
  if (code == SQLITE_OK) return database;
  return absl::NotFoundError(Text(file.string(),
                                  ": cannot be opened: ", std::string_view(sqlite3_errmsg(handle)),
                                  "; name the catalog.db of a state directory"));
}

absl::Status Database::Execute(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorOf(handle_.get(), code);
}

absl::Status Database::Migrate(Migrations migrations) {
  std::int64_t version = 0;
  {
    Statement statement = Prepare("PRAGMA user_version");
    if (!statement.Next()) return statement.status();
    version = statement.Integer(0);
  }
  const auto known = static_cast<std::int64_t>(migrations.size());
  if (version < 0 || version > known) {
    return absl::FailedPreconditionError(
        Text("the state directory was written by a newer slipwayd (schema ", version,
             ", this one knows ", known, "); start that one, or another directory"));
  }
  if (version == known) return absl::OkStatus();
  // All of them or none: what stops halfway is as it was, and the slipwayd before still reads it.
  Transaction transaction(*this);
  if (!transaction.status().ok()) return transaction.status();
  for (std::int64_t step = version; step < known; ++step) {
    const absl::Status status = Execute(migrations[static_cast<std::size_t>(step)]);
    if (!status.ok()) return Stopped(status, {version, known, step});
  }
  const std::string record = Text("PRAGMA user_version=", known);
  absl::Status status = Execute(record.c_str());
  if (status.ok()) status = transaction.Commit();
  return status.ok() ? status : Stopped(status, {version, known, known});
}

absl::Status Transaction::Commit() {
  if (!status_.ok()) return status_;
  absl::Status status = database_.Execute("COMMIT");
  if (status.ok()) open_ = false;
  return status;
}

}  // namespace slipway::control
