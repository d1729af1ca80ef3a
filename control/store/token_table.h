// SPDX-License-Identifier: Apache-2.0
//
// TokenTable: the tokens of the catalog, as hashes. Whoever shares the database holds its mutex
// around every call; Put and Remove belong in a transaction with their audit records.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/access/tokens.h"
#include "control/store/sqlite.h"

namespace slipway::control {

// One step of the catalog's history: names, roles and times; the one token becomes the admin's.
extern const char* const kTokenMigration;
extern const char* const kTokenScopeMigration;

class TokenTable {
 public:
  explicit TokenTable(Database& database) : database_(database) {}

  absl::StatusOr<std::vector<TokenRecord>> All();  // by name
  // AlreadyExists where the name is taken; FailedPrecondition where there are too many.
  absl::Status Put(const TokenRecord& token);
  absl::Status Replace(const TokenRecord& token);
  absl::Status Remove(const std::string& name);
  absl::Status Touch(const std::string& name, std::int64_t now);
  // For the audit log; null where there is no such token.
  nlohmann::json ToldNow(const std::string& name);

 private:
  Database& database_;
};

// For the audit log: without the hash.
nlohmann::json Told(const TokenRecord& token);

}  // namespace slipway::control
