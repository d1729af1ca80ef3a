// SPDX-License-Identifier: Apache-2.0
#include "control/store/catalog_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "control/store/audit_log.h"
#include "control/store/policy_table.h"
#include "control/store/token_table.h"
#include "control/store/waiting_table.h"
#include "control/store/webhook_table.h"
#include "control/text.h"

namespace slipway::control {
namespace {

const char* const kMigrations[] = {
    "CREATE TABLE machines("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL, mac BLOB UNIQUE, uuid BLOB UNIQUE,"
    "  image_set TEXT NOT NULL, CHECK(mac IS NOT NULL OR uuid IS NOT NULL));"
    "CREATE TABLE tokens(name TEXT PRIMARY KEY, sha256 TEXT NOT NULL);"
    "CREATE TABLE boots("
    "  id INTEGER PRIMARY KEY, mac BLOB NOT NULL, began INTEGER NOT NULL, document TEXT NOT NULL);"
    "CREATE INDEX boots_by_mac ON boots(mac, began);"
    "CREATE TABLE audit(at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL);",
    "CREATE TABLE verdicts("
    "  digest TEXT PRIMARY KEY, version TEXT NOT NULL, document TEXT NOT NULL);",
    kAuditMigration,
    // An empty image_set: as the rules say.
    "ALTER TABLE machines ADD COLUMN document TEXT NOT NULL DEFAULT '{}';"
    "ALTER TABLE machines ADD COLUMN completed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE machines ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE rules(name TEXT PRIMARY KEY, position INTEGER NOT NULL, document TEXT NOT NULL);",
    "CREATE TABLE rollouts(stable TEXT PRIMARY KEY, document TEXT NOT NULL);",
    kTokenMigration,
    kWebhookMigration,
    "CREATE TABLE networks(name TEXT PRIMARY KEY, document TEXT NOT NULL);",
    // One row.
    "CREATE TABLE event_numbers(id INTEGER PRIMARY KEY CHECK(id=1), last INTEGER NOT NULL);",
    kTokenScopeMigration,
    kTemplateMigration,
    kWaitingMigration,
};

// Webhooks' secrets are in it. SQLite gives what it makes beside it the same mode.
absl::Status MakePrivate(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return absl::UnavailableError(Text(file.string(), ": cannot be opened; is it another user's?"));
  }
  ::close(descriptor);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const std::string each = file.string() + suffix;
    if (::chmod(each.c_str(), 0600) != 0 && errno != ENOENT) {
      return absl::UnavailableError(Text(each, ": cannot be made private; is it another user's?"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenCatalogFile(const std::filesystem::path& file) {
  if (absl::Status status = MakePrivate(file); !status.ok()) return status;
  return Database::Open(file, kMigrations);
}

}  // namespace slipway::control
