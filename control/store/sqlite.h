// SPDX-License-Identifier: Apache-2.0
//
// SQLite with statuses and scopes: a database in WAL mode whose commits are on disk when they
// return (synchronous=FULL), prepared statements, transactions. A Database is used by one thread
// at a time; whoever shares one holds a mutex.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

// The steps of a schema's history; those that a file has not yet are applied once, in order, in one
// transaction that also records it in user_version: a step that was released never changes.
using Migrations = std::span<const char* const>;

class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql);

  // Parameters count from 1. All return *this, so that a statement reads in one line.
  Statement& Bind(int index, std::int64_t value);
  Statement& Bind(int index, std::string_view text);
  Statement& Bind(int index, Bytes blob);
  // True while there is a row; false at the end or on an error, which status() tells apart.
  bool Next();
  // Runs it to its end and makes it ready for other parameters.
  absl::Status Run();
  void Reset();

  // Columns count from 0.
  std::int64_t Integer(int column) const;
  std::string String(int column) const;
  Bytes Blob(int column) const;  // until the next Next() or Reset()

  absl::Status status() const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  void Note(int code);

  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int error_ = SQLITE_OK;
};

class Database {
 public:
  // FailedPrecondition where the file's schema is newer than these migrations. Where one of them
  // fails the file is as it was.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::filesystem::path& file,
                                                        Migrations migrations);
  // As it is, without its history; NotFound where there is no such file.
  static absl::StatusOr<std::unique_ptr<Database>> OpenReadOnly(const std::filesystem::path& file);

  Statement Prepare(std::string_view sql) { return {handle_.get(), sql}; }
  absl::Status Execute(const char* sql);
  int changes() const { return sqlite3_changes(handle_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  absl::Status Migrate(Migrations migrations);

  std::unique_ptr<sqlite3, Close> handle_;
};

// Rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database)
      : database_(database), status_(database.Execute("BEGIN IMMEDIATE")) {}
  ~Transaction() {
    if (open_) static_cast<void>(database_.Execute("ROLLBACK"));
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  const absl::Status& status() const { return status_; }
  absl::Status Commit();

 private:
  Database& database_;
  absl::Status status_;
  bool open_ = true;
};

}  // namespace slipway::control
