// SPDX-License-Identifier: Apache-2.0
#include "control/store/webhook_outbox.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "control/store/named_rows.h"
#include "control/store/private_file.h"

namespace slipway::control {
namespace {

const char* const kMigrations[] = {
    "CREATE TABLE waiting("
    "  webhook TEXT NOT NULL, number INTEGER NOT NULL, give_up INTEGER NOT NULL,"
    "  id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(webhook, number)) WITHOUT ROWID;",
};

absl::Status RemoveUpTo(Database& database, const std::string& webhook, std::int64_t gone) {
  Statement statement = database.Prepare("DELETE FROM waiting WHERE webhook=? AND number<=?");
  return statement.Bind(1, webhook).Bind(2, gone).Run();
}

}  // namespace

absl::StatusOr<std::unique_ptr<WebhookOutbox>> WebhookOutbox::Open(
    const std::filesystem::path& file) {
  // What an admin may know is in it.
  if (absl::Status status = MakePrivate(file); !status.ok()) return status;
  auto database = Database::Open(file, kMigrations);
  if (!database.ok()) return database.status();
  if (absl::Status status = (*database)->Execute("PRAGMA synchronous=NORMAL"); !status.ok()) {
    return status;
  }
  return std::unique_ptr<WebhookOutbox>(new WebhookOutbox(*std::move(database)));
}

absl::StatusOr<std::vector<OutboxMessage>> WebhookOutbox::Waiting(const std::string& webhook) {
  const std::scoped_lock lock(mutex_);
  Statement statement = database_->Prepare(
      "SELECT number, give_up, id, body FROM waiting WHERE webhook=? ORDER BY number");
  statement.Bind(1, webhook);
  std::vector<OutboxMessage> messages;
  while (statement.Next()) {
    messages.push_back({.number = static_cast<std::uint64_t>(statement.Integer(0)),
                        .give_up_unix_nanoseconds = statement.Integer(1),
                        .message = {.id = statement.String(2), .body = statement.String(3)}});
  }
  return Whole(statement, std::move(messages));
}

absl::Status WebhookOutbox::Advance(const std::string& webhook, std::uint64_t gone,
                                    std::span<const OutboxMessage* const> added) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(*database_);
  if (!transaction.status().ok()) return transaction.status();
  absl::Status status = RemoveUpTo(*database_, webhook, static_cast<std::int64_t>(gone));
  if (!status.ok()) return status;
  Statement statement = database_->Prepare(
      "INSERT OR REPLACE INTO waiting(webhook, number, give_up, id, body) VALUES(?, ?, ?, ?, ?)");
  for (const OutboxMessage* each : added) {
    statement.Bind(1, webhook).Bind(2, static_cast<std::int64_t>(each->number));
    statement.Bind(3, each->give_up_unix_nanoseconds);
    statement.Bind(4, each->message.id).Bind(5, each->message.body);
    if (status = statement.Run(); !status.ok()) return status;
  }
  return transaction.Commit();
}

absl::Status WebhookOutbox::Clear(const std::string& webhook) {
  const std::scoped_lock lock(mutex_);
  return RemoveUpTo(*database_, webhook, std::numeric_limits<std::int64_t>::max());
}

absl::Status WebhookOutbox::ClearOthers(const std::vector<std::string>& webhooks) {
  const std::scoped_lock lock(mutex_);
  const auto names = Names();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (std::ranges::find(webhooks, name) != webhooks.end()) continue;
    absl::Status status = RemoveUpTo(*database_, name, std::numeric_limits<std::int64_t>::max());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> WebhookOutbox::Names() {
  Statement statement = database_->Prepare("SELECT DISTINCT webhook FROM waiting");
  std::vector<std::string> names;
  while (statement.Next()) names.push_back(statement.String(0));
  return Whole(statement, std::move(names));
}

}  // namespace slipway::control
