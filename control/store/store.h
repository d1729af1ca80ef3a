// SPDX-License-Identifier: Apache-2.0
//
// Store: what the control plane must remember, behind one small interface, so that appliances that
// share their state can put another behind it. Leases are not here: their journal has its own file
// and its own pace (lease_journal.h).
//
// Invariants: a change is on disk when its call returns; every change that an Actor is given for is
// written to the audit log in the same transaction.
// Left out: tokens in clear (only their SHA-256), image sets (they lie in the OCI layout).
// Webhooks' secrets are here as they are, for every message is signed with them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/access/actor.h"
#include "control/access/tokens.h"
#include "control/config/networks.h"
#include "control/config/value.h"
#include "control/events/webhook.h"
#include "control/policy/boot_counter.h"
#include "control/policy/machine.h"
#include "control/policy/rollout.h"
#include "control/policy/rule.h"
#include "control/store/audit_log.h"
#include "control/templates/template.h"

namespace slipway::control {

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

// A boot that counts for a machine of the catalog.
struct MachineBoot {
  std::int64_t machine = 0;  // its id
  CountedBoot boot;
};

// What a machine of the catalog is seen to boot with from now on.
struct MachineFirmware {
  std::int64_t machine = 0;  // its id
  std::vector<SeenFirmware> firmware;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual absl::StatusOr<MachineList> Machines() = 0;  // by id
  // The one with this MAC or this UUID; nullopt when there is none.
  virtual absl::StatusOr<std::optional<Machine>> FindMachine(const std::optional<MacAddress>& mac,
                                                             const std::optional<Uuid>& uuid) = 0;
  // Replaces the machine with the same MAC or UUID; fails when they name two different ones. A name
  // it does not mention stays as it was.
  virtual absl::StatusOr<Machine> PutMachine(const Machine& machine, const Actor& actor) = 0;
  virtual absl::Status RemoveMachine(std::int64_t id, const Actor& actor) = 0;

  virtual absl::StatusOr<std::int64_t> CountMachines() = 0;
  // Boots that have ended and are still to be counted for plans, so that a restart does not lose
  // them: one of each MAC at most, which Put replaces. What counts boots is no operator's doing, so
  // it is not in the audit table.
  virtual absl::StatusOr<std::vector<BootCounter::Counted>> WaitingBoots() = 0;
  virtual absl::Status PutWaitingBoots(std::span<const BootCounter::Counted> boots) = 0;
  // The first are counted, each once by its id (policy/counted_boot.h), and the second wait no
  // more: both or, after an error, neither.
  virtual absl::Status CountBoots(std::span<const MachineBoot> boots,
                                  std::span<const BootCounter::Counted> settled) = 0;
  // All of them or, after an error, none; machines that are no more are passed over. No operator's
  // doing either.
  virtual absl::Status NoteFirmware(std::span<const MachineFirmware> seen) = 0;

  virtual absl::StatusOr<std::vector<Rule>> Rules() = 0;  // in their order
  virtual absl::Status PutRule(const Rule& rule, const Actor& actor) = 0;
  virtual absl::Status RemoveRule(const std::string& name, const Actor& actor) = 0;

  // Not checked against each other here; Put replaces the one of the same name.
  virtual absl::StatusOr<std::vector<NetworkDocument>> Networks() = 0;  // by name
  virtual absl::Status PutNetwork(const NetworkDocument& network, const Actor& actor) = 0;
  virtual absl::Status RemoveNetwork(const std::string& name, const Actor& actor) = 0;

  virtual absl::StatusOr<std::vector<Rollout>> Rollouts() = 0;
  // Replaces the one of the same tag. Where this begins a trial anew (GoesOn), its boots that
  // failed are forgotten.
  virtual absl::Status PutRollout(const Rollout& rollout, const Actor& actor) = 0;
  // `what` is told in the audit log: "promoted", "rolled back"; so is `why`, where it is given.
  virtual absl::Status EndRollout(const ImageSetName& stable, const std::string& what,
                                  const Actor& actor, const nlohmann::json& why = nullptr) = 0;
  // Boots that failed of the trials that go on.
  virtual absl::StatusOr<std::vector<CanaryFailure>> CanaryFailures() = 0;
  // Adds to them, in their order (canary_table.h); all or, after an error, none. No operator's
  // doing, so not in the audit table.
  virtual absl::Status NoteCanaryFailures(std::span<const CanaryFailure> failures) = 0;

  virtual absl::StatusOr<std::vector<Template>> Templates() = 0;  // by name
  virtual absl::Status PutTemplate(const Template& one, const Actor& actor) = 0;
  virtual absl::Status RemoveTemplate(const std::string& name, const Actor& actor) = 0;

  virtual absl::StatusOr<std::vector<TokenRecord>> Tokens() = 0;  // by name
  // AlreadyExists where the name is taken.
  virtual absl::Status AddToken(const TokenRecord& token, const Actor& actor) = 0;
  virtual absl::Status RemoveToken(const std::string& name, const Actor& actor) = 0;
  // Puts the token of the state directory in the place of the one before, where it is another.
  virtual absl::Status SetFirstToken(const std::string& sha256, std::int64_t now) = 0;
  virtual absl::Status TouchToken(const std::string& name, std::int64_t now) = 0;

  virtual absl::StatusOr<std::vector<WebhookRecord>> Webhooks() = 0;  // by name
  // AlreadyExists where the name is taken.
  virtual absl::Status AddWebhook(const WebhookRecord& webhook, const Actor& actor) = 0;
  virtual absl::Status RemoveWebhook(const std::string& name, const Actor& actor) = 0;

  // Those of before boots had a database of their own (boot_archive.h), oldest first.
  virtual absl::StatusOr<std::vector<BootRecord>> Boots() = 0;

  // Replaces a verdict on the same set.
  virtual absl::Status PutVerdict(const VerdictRecord& verdict) = 0;
  virtual absl::StatusOr<std::optional<VerdictRecord>> Verdict(const std::string& digest) = 0;
  virtual absl::Status RemoveVerdict(const std::string& digest) = 0;

  // The last number that an event may have (events/feed.h); 0: none was noted.
  virtual absl::StatusOr<std::int64_t> EventNumber() = 0;
  virtual absl::Status NoteEventNumber(std::int64_t last) = 0;

  // A record of a change that was made elsewhere.
  virtual absl::Status Note(const Actor& actor, const std::string& what,
                            const nlohmann::json& before, const nlohmann::json& after) = 0;
  virtual absl::StatusOr<std::vector<AuditRecord>> Audit(const AuditQuery& query) = 0;
  virtual absl::StatusOr<AuditHead> VerifyAudit(const std::optional<AuditHead>& witness) = 0;
};

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::filesystem::path& file);

}  // namespace slipway::control
