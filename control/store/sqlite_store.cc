// SPDX-License-Identifier: Apache-2.0
//
// The Store in one SQLite file. Calls come from the REST threads and the event thread and take
// turns behind one mutex: all of them are rare beside what a worker does.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>

#include "control/store/policy_table.h"
#include "control/store/sqlite.h"
#include "control/store/store.h"
#include "control/store/token_table.h"
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
};

constexpr std::string_view kMachineColumns =
    "id, name, mac, uuid, image_set, document, completed, failed";

std::string NameOf(const Machine& machine) {
  return Text("machine ", machine.mac ? machine.mac->ToString() : machine.uuid->ToString());
}

// For the audit log.
nlohmann::json Told(const Machine& machine) {
  nlohmann::json told = ToJson(machine);
  told["mac"] = machine.mac ? machine.mac->ToString() : "";
  told["uuid"] = machine.uuid ? machine.uuid->ToString() : "";
  return told;
}

nlohmann::json Told(const TokenRecord& token) {
  return {{"role", NameOf(token.role)}, {"expires", token.expires}};
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::filesystem::path file, std::unique_ptr<Database> database)
      : file_(std::move(file)),
        database_(std::move(database)),
        audit_(*database_),
        tokens_(*database_),
        policy_(*database_),
        webhooks_(*database_) {}

  absl::Status Adopt() { return audit_.Adopt(); }

  absl::StatusOr<std::vector<Machine>> Machines() override {
    const std::scoped_lock lock(mutex_);
    return ReadMachines();
  }

  absl::StatusOr<Machine> PutMachine(const Machine& machine, const Actor& actor) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    Machine stored = machine;
    stored.id = 0;
    const auto same = Same(machine.mac, machine.uuid);
    if (!same.ok()) return same.status();
    if (same->size() > 1) {
      return absl::AlreadyExistsError(
          "the MAC and the UUID belong to two machines; remove one of them first");
    }
    nlohmann::json before;
    if (!same->empty()) {
      const Machine& other = same->front();
      stored.id = other.id;
      before = Told(other);
      if (!stored.mac) stored.mac = other.mac;
      if (!stored.uuid) stored.uuid = other.uuid;
      if (stored.name.empty()) stored.name = other.name;
    }
    if (absl::Status status = Write(stored); !status.ok()) return status;
    const absl::Status noted = audit_.Append(actor, NameOf(stored), before, Told(stored));
    if (!noted.ok()) return noted;
    if (absl::Status status = transaction.Commit(); !status.ok()) return status;
    return stored;
  }

  absl::Status RemoveMachine(std::int64_t id, const Actor& actor) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    const auto machines = ReadMachines();
    if (!machines.ok()) return machines.status();
    const auto machine = std::ranges::find(*machines, id, &Machine::id);
    if (machine == machines->end()) return absl::NotFoundError("no such machine");
    Statement statement = database_->Prepare("DELETE FROM machines WHERE id=?");
    if (absl::Status status = statement.Bind(1, id).Run(); !status.ok()) return status;
    const absl::Status noted = audit_.Append(actor, NameOf(*machine), Told(*machine), nullptr);
    if (!noted.ok()) return noted;
    return transaction.Commit();
  }

  absl::StatusOr<std::optional<Machine>> FindMachine(const std::optional<MacAddress>& mac,
                                                     const std::optional<Uuid>& uuid) override {
    const std::scoped_lock lock(mutex_);
    auto same = Same(mac, uuid);
    if (!same.ok()) return same.status();
    return same->empty() ? std::nullopt : std::optional(std::move(same->front()));
  }

  absl::StatusOr<std::int64_t> CountMachines() override {
    const std::scoped_lock lock(mutex_);
    Statement statement = database_->Prepare("SELECT COUNT(*) FROM machines");
    const std::int64_t count = statement.Next() ? statement.Integer(0) : 0;
    if (absl::Status status = statement.status(); !status.ok()) return status;
    return count;
  }

  absl::Status CountBoot(std::int64_t machine, bool completed) override {
    const std::scoped_lock lock(mutex_);
    Statement statement =
        database_->Prepare(completed ? "UPDATE machines SET completed=completed+1 WHERE id=?"
                                     : "UPDATE machines SET failed=failed+1 WHERE id=?");
    return statement.Bind(1, machine).Run();
  }

  absl::StatusOr<std::vector<Rule>> Rules() override {
    const std::scoped_lock lock(mutex_);
    return policy_.Rules();
  }

  absl::Status PutRule(const Rule& rule, const Actor& actor) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    const auto before = policy_.RuleNow(rule.name);
    if (!before.ok()) return before.status();
    if (absl::Status status = policy_.Put(rule); !status.ok()) return status;
    const absl::Status noted = audit_.Append(actor, "rule " + rule.name, *before, ToJson(rule));
    return noted.ok() ? transaction.Commit() : noted;
  }

  absl::Status RemoveRule(const std::string& name, const Actor& actor) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    const auto before = policy_.RuleNow(name);
    if (!before.ok()) return before.status();
    if (absl::Status status = policy_.RemoveRule(name); !status.ok()) return status;
    const absl::Status noted = audit_.Append(actor, "rule " + name, *before, nullptr);
    return noted.ok() ? transaction.Commit() : noted;
  }

  absl::StatusOr<std::vector<Rollout>> Rollouts() override {
    const std::scoped_lock lock(mutex_);
    return policy_.Rollouts();
  }

  absl::Status PutRollout(const Rollout& rollout, const Actor& actor) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    const auto before = policy_.RolloutNow(rollout.stable);
    if (!before.ok()) return before.status();
    if (absl::Status status = policy_.Put(rollout); !status.ok()) return status;
    const absl::Status noted =
        audit_.Append(actor, "rollout of " + rollout.stable.ToString(), *before, ToJson(rollout));
    return noted.ok() ? transaction.Commit() : noted;
  }

  absl::Status EndRollout(const ImageSetName& stable, const std::string& what,
                          const Actor& actor) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    const auto before = policy_.RolloutNow(stable);
    if (!before.ok()) return before.status();
    if (absl::Status status = policy_.RemoveRollout(stable); !status.ok()) return status;
    const absl::Status noted =
        audit_.Append(actor, Text("rollout of ", stable.ToString(), " ", what), *before, nullptr);
    return noted.ok() ? transaction.Commit() : noted;
  }

  absl::StatusOr<std::vector<TokenRecord>> Tokens() override {
    const std::scoped_lock lock(mutex_);
    return tokens_.All();
  }

  absl::Status AddToken(const TokenRecord& token, const Actor& actor) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    if (absl::Status status = tokens_.Put(token); !status.ok()) return status;
    const absl::Status noted = audit_.Append(actor, "token " + token.name, nullptr, Told(token));
    return noted.ok() ? transaction.Commit() : noted;
  }

  absl::Status RemoveToken(const std::string& name, const Actor& actor) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    const auto before = ToldToken(name);
    if (absl::Status status = tokens_.Remove(name); !status.ok()) return status;
    const absl::Status noted = audit_.Append(actor, "token " + name, before, nullptr);
    return noted.ok() ? transaction.Commit() : noted;
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
    const auto before = ToldToken(token.name);
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
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    if (absl::Status status = webhooks_.Put(webhook); !status.ok()) return status;
    const absl::Status noted =
        audit_.Append(actor, "webhook " + webhook.name, nullptr, Told(webhook));
    return noted.ok() ? transaction.Commit() : noted;
  }

  absl::Status RemoveWebhook(const std::string& name, const Actor& actor) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    const auto webhooks = webhooks_.All();
    if (!webhooks.ok()) return webhooks.status();
    const auto before = std::ranges::find(*webhooks, name, &WebhookRecord::name);
    if (absl::Status status = webhooks_.Remove(name); !status.ok()) return status;
    const absl::Status noted = audit_.Append(actor, "webhook " + name, Told(*before), nullptr);
    return noted.ok() ? transaction.Commit() : noted;
  }

  absl::StatusOr<std::vector<BootRecord>> Boots() override {
    const std::scoped_lock lock(mutex_);
    Statement statement =
        database_->Prepare("SELECT id, mac, began, document FROM boots ORDER BY began");
    std::vector<BootRecord> boots;
    while (statement.Next()) {
      boots.push_back({.id = statement.Integer(0),
                       .mac = MacAddress::From(statement.Blob(1)),
                       .began_unix_nanoseconds = statement.Integer(2),
                       .document = statement.String(3)});
    }
    if (absl::Status status = statement.status(); !status.ok()) return status;
    return boots;
  }

  absl::Status PutVerdict(const VerdictRecord& verdict) override {
    const std::scoped_lock lock(mutex_);
    Statement statement = database_->Prepare(
        "INSERT OR REPLACE INTO verdicts(digest, version, document) VALUES(?, ?, ?)");
    statement.Bind(1, verdict.digest).Bind(2, verdict.version).Bind(3, verdict.document);
    return statement.Run();
  }

  absl::StatusOr<std::optional<VerdictRecord>> Verdict(const std::string& digest) override {
    const std::scoped_lock lock(mutex_);
    Statement statement =
        database_->Prepare("SELECT version, document FROM verdicts WHERE digest=?");
    statement.Bind(1, digest);
    std::optional<VerdictRecord> verdict;
    if (statement.Next()) {
      verdict = {.digest = digest, .version = statement.String(0), .document = statement.String(1)};
    }
    if (absl::Status status = statement.status(); !status.ok()) return status;
    return verdict;
  }

  absl::Status RemoveVerdict(const std::string& digest) override {
    const std::scoped_lock lock(mutex_);
    Statement statement = database_->Prepare("DELETE FROM verdicts WHERE digest=?");
    return statement.Bind(1, digest).Run();
  }

  absl::Status Note(const Actor& actor, const std::string& what, const nlohmann::json& before,
                    const nlohmann::json& after) override {
    const std::scoped_lock lock(mutex_);
    Transaction transaction(*database_);
    if (!transaction.status().ok()) return transaction.status();
    const absl::Status noted = audit_.Append(actor, what, before, after);
    return noted.ok() ? transaction.Commit() : noted;
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
  absl::StatusOr<std::vector<Machine>> ReadMachines() {
    Statement statement =
        database_->Prepare(Text("SELECT ", kMachineColumns, " FROM machines ORDER BY id"));
    return Read(statement);
  }

  // Those with this MAC or this UUID: one, unless the two belong to different machines.
  absl::StatusOr<std::vector<Machine>> Same(const std::optional<MacAddress>& mac,
                                            const std::optional<Uuid>& uuid) {
    Statement statement = database_->Prepare(
        Text("SELECT ", kMachineColumns, " FROM machines WHERE mac=? OR uuid=? ORDER BY id"));
    if (mac) statement.Bind(1, Bytes(mac->octets));
    if (uuid) statement.Bind(2, Bytes(uuid->octets));
    return Read(statement);
  }

  static absl::StatusOr<std::vector<Machine>> Read(Statement& statement) {
    std::vector<Machine> machines;
    while (statement.Next()) {
      Machine machine;
      const auto document = nlohmann::json::parse(statement.String(5), nullptr, false);
      if (absl::Status status = Update(document, machine); !status.ok()) return status;
      machine.id = statement.Integer(0);
      machine.name = statement.String(1);
      if (const Bytes mac = statement.Blob(2); mac.size() == 6) machine.mac = MacAddress::From(mac);
      if (const Bytes uuid = statement.Blob(3); uuid.size() == 16) {
        machine.uuid.emplace();
        Copy(uuid, machine.uuid->octets);
      }
      machine.image_set = ImageSetName::Parse(statement.String(4));
      machine.completed = static_cast<std::uint32_t>(statement.Integer(6));
      machine.failed = static_cast<std::uint32_t>(statement.Integer(7));
      machines.push_back(std::move(machine));
    }
    if (absl::Status status = statement.status(); !status.ok()) return status;
    return machines;
  }

  nlohmann::json ToldToken(const std::string& name) {
    const auto tokens = tokens_.All();
    if (!tokens.ok()) return nullptr;
    const auto token = std::ranges::find(*tokens, name, &TokenRecord::name);
    return token == tokens->end() ? nlohmann::json() : Told(*token);
  }

  // Gives a new machine its id.
  absl::Status Write(Machine& machine) {
    Statement statement = database_->Prepare(
        "INSERT OR REPLACE INTO machines(id, name, mac, uuid, image_set, document, completed, "
        "failed) VALUES(?, ?, ?, ?, ?, ?, ?, ?) RETURNING id");
    if (machine.id != 0) statement.Bind(1, machine.id);
    statement.Bind(2, machine.name);
    if (machine.mac) statement.Bind(3, Bytes(machine.mac->octets));
    if (machine.uuid) statement.Bind(4, Bytes(machine.uuid->octets));
    const std::string set = machine.image_set ? machine.image_set->ToString() : "";
    const std::string document = DocumentOf(machine).dump();
    statement.Bind(5, set).Bind(6, document);
    statement.Bind(7, std::int64_t{machine.completed}).Bind(8, std::int64_t{machine.failed});
    if (statement.Next()) machine.id = statement.Integer(0);
    return statement.Run();
  }

  // What has no column of its own.
  static nlohmann::json DocumentOf(const Machine& machine) {
    nlohmann::json document = ToJson(machine);
    for (const char* column : {"name", "image_set", "boots_completed", "boots_failed"}) {
      document.erase(column);
    }
    return document;
  }

  const std::filesystem::path file_;
  std::mutex mutex_;
  std::unique_ptr<Database> database_;
  AuditLog audit_;
  TokenTable tokens_;
  PolicyTable policy_;
  WebhookTable webhooks_;
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

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::filesystem::path& file) {
  if (absl::Status status = MakePrivate(file); !status.ok()) return status;
  auto database = Database::Open(file, kMigrations);
  if (!database.ok()) return database.status();
  auto store = std::make_unique<SqliteStore>(file, *std::move(database));
  if (absl::Status status = store->Adopt(); !status.ok()) return status;
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace slipway::control
