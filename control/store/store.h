// SPDX-License-Identifier: Apache-2.0
//
// Store: what the control plane must remember, behind one small interface, so that appliances that
// share their state can put another behind it. Leases are not here: their journal has its own file
// and its own pace (lease_journal.h).
//
// Invariants: a change is on disk when its call returns; every change that an Actor is given for is
// written to the audit log in the same transaction.
// Left out: tokens in clear (only their SHA-256), image sets (they lie in the OCI layout).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/access/actor.h"
#include "control/config/value.h"
#include "control/store/audit_log.h"

namespace slipway::control {

// A machine and what it boots.
struct Machine {
  std::int64_t id = 0;
  std::string name;
  std::optional<MacAddress> mac;
  std::optional<Uuid> uuid;
  ImageSetName image_set;
};

// A boot that came to its end, as its JSON document.
struct BootRecord {
  std::int64_t id = 0;
  MacAddress mac;
  std::int64_t began_unix_nanoseconds = 0;
  std::string document;
};

// What the check at the door said of an image set, as its JSON document.
struct VerdictRecord {
  std::string digest;   // of the set's manifest
  std::string version;  // of what it was judged by (FirmwareTrust)
  std::string document;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual absl::StatusOr<std::vector<Machine>> Machines() = 0;
  // Replaces the machine with the same MAC or UUID; fails when they name two different ones.
  virtual absl::StatusOr<Machine> PutMachine(const Machine& machine, const Actor& actor) = 0;
  virtual absl::Status RemoveMachine(std::int64_t id, const Actor& actor) = 0;

  virtual absl::Status SetTokenHash(const std::string& hash_hex) = 0;
  virtual absl::StatusOr<std::optional<std::string>> TokenHash() = 0;

  // Replaces a record with the same id; keeps the newest `keep` of each machine.
  virtual absl::Status PutBoot(const BootRecord& boot, std::uint32_t keep) = 0;
  virtual absl::StatusOr<std::vector<BootRecord>> Boots() = 0;  // oldest first

  // Replaces a verdict on the same set.
  virtual absl::Status PutVerdict(const VerdictRecord& verdict) = 0;
  virtual absl::StatusOr<std::optional<VerdictRecord>> Verdict(const std::string& digest) = 0;
  virtual absl::Status RemoveVerdict(const std::string& digest) = 0;

  // A record of a change that was made elsewhere.
  virtual absl::Status Note(const Actor& actor, const std::string& what,
                            const nlohmann::json& before, const nlohmann::json& after) = 0;
  virtual absl::StatusOr<std::vector<AuditRecord>> Audit(const AuditQuery& query) = 0;
  virtual absl::StatusOr<AuditHead> VerifyAudit(const std::optional<AuditHead>& witness) = 0;
};

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::filesystem::path& file);

}  // namespace slipway::control
