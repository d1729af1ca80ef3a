// SPDX-License-Identifier: Apache-2.0
//
// WebhookTable: the webhooks of the catalog, with their secrets. Whoever shares the database holds
// its mutex around every call; Put and Remove belong in a transaction with their audit records.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/events/webhook.h"
#include "control/store/sqlite.h"

namespace slipway::control {

// One step of the catalog's history.
extern const char* const kWebhookMigration;

class WebhookTable {
 public:
  explicit WebhookTable(Database& database) : database_(database) {}

  absl::StatusOr<std::vector<WebhookRecord>> All();  // by name
  // AlreadyExists where the name is taken; FailedPrecondition where there are too many.
  absl::Status Put(const WebhookRecord& webhook);
  absl::Status Remove(const std::string& name);

 private:
  Database& database_;
};

// For the audit log: without the secret.
nlohmann::json Told(const WebhookRecord& webhook);

}  // namespace slipway::control
