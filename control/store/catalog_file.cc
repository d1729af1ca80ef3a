// SPDX-License-Identifier: Apache-2.0
#include "control/store/catalog_file.h"

#include "absl/status/status.h"
#include "control/store/audit_log.h"
#include "control/store/canary_table.h"
#include "control/store/machine_table.h"
#include "control/store/policy_table.h"
#include "control/store/private_file.h"
#include "control/store/token_table.h"
#include "control/store/waiting_table.h"
#include "control/store/webhook_table.h"

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
    "ALTER TABLE machines ADD COLUMN firmware TEXT NOT NULL DEFAULT '[]';",
    kCanaryMigration,
    kCountedMigration,
    kCountedOfMacsMigration,
    kFirstBootMigration,
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenCatalogFile(const std::filesystem::path& file) {
  // Webhooks' secrets are in it.
  if (absl::Status status = MakePrivate(file); !status.ok()) return status;
  return Database::Open(file, kMigrations);
}

}  // namespace slipway::control
