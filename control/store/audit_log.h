// SPDX-License-Identifier: Apache-2.0
//
// AuditLog: the audit table of the catalog. It only grows: triggers refuse UPDATE and DELETE, and
// an INSERT whose number is not the next. Records are chained (access/audit_chain.h).
//
// Append() belongs in the transaction of the change that it tells of. Whoever shares the database
// holds its mutex around every call.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/access/actor.h"
#include "control/access/audit_chain.h"
#include "control/store/sqlite.h"

namespace slipway::control {

// One step of the catalog's history: puts the chained table beside the old one.
extern const char* const kAuditMigration;

struct AuditQuery {
  std::int64_t before = 0;  // numbers below it; 0: from the newest
  std::int64_t since = 0;   // Unix seconds
  std::uint32_t limit = 100;
};

class AuditLog {
 public:
  explicit AuditLog(Database& database) : database_(database) {}

  // Brings what was noted before the log was chained into it, as it was. In a transaction of its
  // own; does nothing the second time.
  absl::Status Adopt();

  absl::Status Append(const Actor& actor, const std::string& what, const nlohmann::json& before,
                      const nlohmann::json& after);
  absl::StatusOr<std::vector<AuditRecord>> List(const AuditQuery& query);  // newest first
  absl::StatusOr<AuditHead> Head();
  // DataLoss, naming the first record that is wrong; else the head.
  absl::StatusOr<AuditHead> Verify(const std::optional<AuditHead>& witness);

 private:
  absl::Status Write(AuditRecord record);

  Database& database_;
};

// The same of a catalog that nobody needs to serve, which is opened for reading only.
absl::StatusOr<AuditHead> VerifyAuditFile(const std::filesystem::path& catalog,
                                          const std::optional<AuditHead>& witness);

}  // namespace slipway::control
