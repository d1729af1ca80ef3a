// SPDX-License-Identifier: Apache-2.0
//
// The Store in one SQLite file: which tables a change is of, in one transaction with its record;
// what lies in them is the tables' (daemon_tables.h, machine_table.h and its like). Calls come from
// the REST threads and the event thread and take turns behind one mutex: all of them are rare
// beside what a worker does.
#include <algorithm>
#include <mutex>
#include <utility>

#include "control/store/canary_table.h"
#include "control/store/catalog_file.h"
#include "control/store/daemon_tables.h"
#include "control/store/machine_table.h"
#include "control/store/policy_table.h"
#include "control/store/sqlite.h"
#include "control/store/store.h"
#include "control/store/token_table.h"
#include "control/store/waiting_table.h"
#include "control/store/webhook_table.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// What the audit log says of a change.
struct Change {
  std::string what;
  nlohmann::json before;
  nlohmann::json after;
};

class SqliteStore final : public Store {
 public:
  SqliteStore(std::filesystem::path file, std::unique_ptr<Database> database)
      : file_(std::move(file)),
        database_(std::move(database)),
        audit_(*database_),
        machines_(*database_),
        waiting_(*database_),
        tokens_(*database_),
        policy_(*database_),
        canaries_(*database_),
        webhooks_(*database_),
        daemon_(*database_) {}

  absl::Status Adopt() { return audit_.Adopt(); }

  absl::StatusOr<MachineList> Machines() override {
    const std::scoped_lock lock(mutex_);
    return machines_.All();
  }

  absl::StatusOr<Machine> PutMachine(const Machine& machine, const Actor& actor) override {
    Machine stored;
    const auto put = [&]() -> absl::StatusOr<Change> {
      const auto before = machines_.TakenPlaceOf(machine);
      if (!before.ok()) return before.status();
      auto after = machines_.Put(machine, *before);
      if (!after.ok()) return after.status();
      stored = *std::move(after);
      return Change{TitleOf(stored), *before ? Told(**before) : nlohmann::json(), Told(stored)};
    };
    if (absl::Status status = Recorded(actor, put); !status.ok()) return status;
    return stored;
  }

  absl::Status RemoveMachine(std::int64_t id, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto removed = machines_.Remove(id);
      if (!removed.ok()) return removed.status();
      return Change{TitleOf(*removed), Told(*removed), nullptr};
    });
  }

  absl::StatusOr<std::optional<Machine>> FindMachine(const std::optional<MacAddress>& mac,
                                                     const std::optional<Uuid>& uuid) override {
    const std::scoped_lock lock(mutex_);
    auto same = machines_.Same(mac, uuid);
    if (!same.ok()) return same.status();
    return same->empty() ? std::nullopt : std::optional(std::move(same->front()));
  }

  absl::StatusOr<std::int64_t> CountMachines() override {
    const std::scoped_lock lock(mutex_);
    return machines_.Count();
  }

  absl::StatusOr<std::vector<BootCounter::Counted>> WaitingBoots() override {
    const std::scoped_lock lock(mutex_);
    return waiting_.All();
  }

  absl::Status PutWaitingBoots(std::span<const BootCounter::Counted> boots) override {
    const std::scoped_lock lock(mutex_);
    return Together([&]() -> absl::Status {
      for (const BootCounter::Counted& boot : boots) {
        if (absl::Status status = waiting_.Put(boot); !status.ok()) return status;
      }
      return absl::OkStatus();
    });
  }

  absl::Status CountBoots(std::span<const MachineBoot> boots,
                          std::span<const BootCounter::Counted> settled) override {
    const std::scoped_lock lock(mutex_);
    absl::Status status = Together([&]() -> absl::Status {
      for (const MachineBoot& boot : boots) {
        absl::Status counted = machines_.CountBoot(boot.machine, boot.boot);
        if (!counted.ok()) return counted;
      }
      for (const BootCounter::Counted& boot : settled) {
        if (absl::Status removed = waiting_.Remove(boot); !removed.ok()) return removed;
      }
      return absl::OkStatus();
    });
    if (!status.ok()) machines_.Forget();
    return status;
  }

  absl::Status NoteFirmware(std::span<const MachineFirmware> seen) override {
    const std::scoped_lock lock(mutex_);
    absl::Status status = Together([&]() -> absl::Status {
      for (const MachineFirmware& each : seen) {
        absl::Status noted = machines_.NoteFirmware(each.machine, each.firmware);
        if (!noted.ok()) return noted;
      }
      return absl::OkStatus();
    });
    if (!status.ok()) machines_.Forget();
    return status;
  }

  absl::StatusOr<std::vector<Rule>> Rules() override {
    const std::scoped_lock lock(mutex_);
    return policy_.Rules();
  }

  absl::Status PutRule(const Rule& rule, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto before = policy_.RuleNow(rule.name);
      if (!before.ok()) return before.status();
      if (absl::Status status = policy_.Put(rule); !status.ok()) return status;
      return Change{"rule " + rule.name, *before, ToJson(rule)};
    });
  }

  absl::Status RemoveRule(const std::string& name, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto before = policy_.RuleNow(name);
      if (!before.ok()) return before.status();
      if (absl::Status status = policy_.RemoveRule(name); !status.ok()) return status;
      return Change{"rule " + name, *before, nullptr};
    });
  }

  absl::StatusOr<std::vector<NetworkDocument>> Networks() override {
    const std::scoped_lock lock(mutex_);
    return policy_.Networks();
  }

  absl::Status PutNetwork(const NetworkDocument& network, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto before = policy_.NetworkNow(network.name);
      if (!before.ok()) return before.status();
      if (absl::Status status = policy_.Put(network); !status.ok()) return status;
      return Change{"network " + network.name, *before, network.document};
    });
  }

  absl::Status RemoveNetwork(const std::string& name, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto before = policy_.NetworkNow(name);
      if (!before.ok()) return before.status();
      if (absl::Status status = policy_.RemoveNetwork(name); !status.ok()) return status;
      return Change{"network " + name, *before, nullptr};
    });
  }

  absl::StatusOr<std::vector<Rollout>> Rollouts() override {
    const std::scoped_lock lock(mutex_);
    return policy_.Rollouts();
  }

  absl::Status PutRollout(const Rollout& rollout, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto before = policy_.RolloutNow(rollout.stable);
      if (!before.ok()) return before.status();
      if (absl::Status status = policy_.Put(rollout); !status.ok()) return status;
      // No document where there was none.
      const auto old = ParseRollout(rollout.stable, *before);
      if (!old.ok() || !GoesOn(*old, rollout)) {
        const absl::Status forgotten = canaries_.Remove(rollout.stable.ToString());
        if (!forgotten.ok()) return forgotten;
      }
      return Change{"rollout of " + rollout.stable.ToString(), *before, ToJson(rollout)};
    });
  }

  absl::Status EndRollout(const ImageSetName& stable, const std::string& what, const Actor& actor,
                          const nlohmann::json& why) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto before = policy_.RolloutNow(stable);
      if (!before.ok()) return before.status();
      if (absl::Status status = policy_.RemoveRollout(stable); !status.ok()) return status;
      if (absl::Status status = canaries_.Remove(stable.ToString()); !status.ok()) return status;
      return Change{Text("rollout of ", stable.ToString(), " ", what), *before, why};
    });
  }

  absl::StatusOr<std::vector<CanaryFailure>> CanaryFailures() override {
    const std::scoped_lock lock(mutex_);
    return canaries_.All();
  }

  absl::Status NoteCanaryFailures(std::span<const CanaryFailure> failures) override {
    const std::scoped_lock lock(mutex_);
    return Together([&] { return canaries_.Put(failures); });
  }

  absl::StatusOr<std::vector<Template>> Templates() override {
    const std::scoped_lock lock(mutex_);
    return policy_.Templates();
  }

  absl::Status PutTemplate(const Template& one, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto before = policy_.TemplateNow(one.name);
      if (!before.ok()) return before.status();
      if (absl::Status status = policy_.Put(one); !status.ok()) return status;
      return Change{"template " + one.name, *before, ToJson(one)};
    });
  }

  absl::Status RemoveTemplate(const std::string& name, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto before = policy_.TemplateNow(name);
      if (!before.ok()) return before.status();
      if (absl::Status status = policy_.RemoveTemplate(name); !status.ok()) return status;
      return Change{"template " + name, *before, nullptr};
    });
  }

  absl::StatusOr<std::vector<TokenRecord>> Tokens() override {
    const std::scoped_lock lock(mutex_);
    return tokens_.All();
  }

  absl::Status AddToken(const TokenRecord& token, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      if (absl::Status status = tokens_.Put(token); !status.ok()) return status;
      return Change{"token " + token.name, nullptr, Told(token)};
    });
  }

  absl::Status RemoveToken(const std::string& name, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto before = tokens_.ToldNow(name);
      if (absl::Status status = tokens_.Remove(name); !status.ok()) return status;
      return Change{"token " + name, before, nullptr};
    });
  }

  absl::Status SetFirstToken(const std::string& sha256, std::int64_t now) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    const auto tokens = tokens_.All();
    if (!tokens.ok()) return tokens.status();
    const auto old = std::ranges::find(*tokens, kFirstToken, &TokenRecord::name);
    if (old != tokens->end() && old->sha256 == sha256) return absl::OkStatus();
    const TokenRecord token{
        .name = std::string(kFirstToken), .role = Role::kAdmin, .sha256 = sha256, .created = now};
    const auto before = tokens_.ToldNow(token.name);
    if (absl::Status status = tokens_.Replace(token); !status.ok()) return status;
    const absl::Status noted =
        audit_.Append(DaemonActor(), "token " + token.name, before, Told(token));
    return noted.ok() ? transaction.Commit() : noted;
  }

  absl::Status TouchToken(const std::string& name, std::int64_t now) override {
    const std::scoped_lock lock(mutex_);
    return tokens_.Touch(name, now);
  }

  absl::StatusOr<std::vector<WebhookRecord>> Webhooks() override {
    const std::scoped_lock lock(mutex_);
    return webhooks_.All();
  }

  absl::Status AddWebhook(const WebhookRecord& webhook, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      if (absl::Status status = webhooks_.Put(webhook); !status.ok()) return status;
      return Change{"webhook " + webhook.name, nullptr, Told(webhook)};
    });
  }

  absl::Status RemoveWebhook(const std::string& name, const Actor& actor) override {
    return Recorded(actor, [&]() -> absl::StatusOr<Change> {
      const auto webhooks = webhooks_.All();
      if (!webhooks.ok()) return webhooks.status();
      const auto before = std::ranges::find(*webhooks, name, &WebhookRecord::name);
      if (absl::Status status = webhooks_.Remove(name); !status.ok()) return status;
      return Change{"webhook " + name, Told(*before), nullptr};
    });
  }

  absl::StatusOr<std::vector<BootRecord>> Boots() override {
    const std::scoped_lock lock(mutex_);
    return daemon_.Boots();
  }

  absl::Status PutVerdict(const VerdictRecord& verdict) override {
    const std::scoped_lock lock(mutex_);
    return daemon_.Put(verdict);
  }

  absl::StatusOr<std::optional<VerdictRecord>> Verdict(const std::string& digest) override {
    const std::scoped_lock lock(mutex_);
    return daemon_.Verdict(digest);
  }

  absl::Status RemoveVerdict(const std::string& digest) override {
    const std::scoped_lock lock(mutex_);
    return daemon_.RemoveVerdict(digest);
  }

  absl::StatusOr<std::int64_t> EventNumber() override {
    const std::scoped_lock lock(mutex_);
    return daemon_.EventNumber();
  }

  absl::Status NoteEventNumber(std::int64_t last) override {
    const std::scoped_lock lock(mutex_);
    return daemon_.NoteEventNumber(last);
  }

  absl::Status Note(const Actor& actor, const std::string& what, const nlohmann::json& before,
                    const nlohmann::json& after) override {
    return Recorded(actor, [&] { return absl::StatusOr<Change>(Change{what, before, after}); });
  }

  absl::StatusOr<std::vector<AuditRecord>> Audit(const AuditQuery& query) override {
    const std::scoped_lock lock(mutex_);
    return audit_.List(query);
  }

  absl::StatusOr<AuditHead> VerifyAudit(const std::optional<AuditHead>& witness) override {
    // The log has no end: it is walked in a view of its own, and nobody waits for it.
    return VerifyAuditFile(file_, witness);
  }

 private:
  // What `make` changes and the record that it returns, or neither.
  absl::Status Recorded(const Actor& actor, const auto& make) {
    const std::scoped_lock lock(mutex_);
    absl::Status status = Together([&]() -> absl::Status {
      const absl::StatusOr<Change> made = make();
      if (!made.ok()) return made.status();
      return audit_.Append(actor, made->what, made->before, made->after);
    });
    if (!status.ok()) machines_.Forget();
    return status;
  }

  // All that `make` changes, or nothing.
  absl::Status Together(const auto& make) {
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    if (absl::Status status = make(); !status.ok()) return status;
    return transaction.Commit();
  }

  const std::filesystem::path file_;
  std::mutex mutex_;
  std::unique_ptr<Database> database_;
  AuditLog audit_;
  MachineTable machines_;
  WaitingTable waiting_;
  TokenTable tokens_;
  PolicyTable policy_;
  CanaryTable canaries_;
  WebhookTable webhooks_;
  DaemonTables daemon_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::filesystem::path& file) {
  auto database = OpenCatalogFile(file);
  if (!database.ok()) return database.status();
  auto store = std::make_unique<SqliteStore>(file, *std::move(database));
  if (absl::Status status = store->Adopt(); !status.ok()) return status;
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace slipway::control
