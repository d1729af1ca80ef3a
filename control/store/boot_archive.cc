// SPDX-License-Identifier: Apache-2.0
#include "control/store/boot_archive.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "control/boots/causes.h"
#include "control/parse_json.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// `id` rises with the time of the beginning, so every index ends in it and a page is read
// backwards.
constexpr const char* kMigrations[] = {
    "CREATE TABLE boots("
    "  id INTEGER PRIMARY KEY, mac BLOB NOT NULL, address INTEGER NOT NULL, began INTEGER NOT NULL,"
    "  last INTEGER NOT NULL, complete INTEGER NOT NULL, outcome TEXT NOT NULL, cause TEXT NOT "
    "NULL,"
    "  words TEXT NOT NULL, tls TEXT NOT NULL, bytes INTEGER NOT NULL, left_out INTEGER NOT NULL,"
    "  steps TEXT NOT NULL);"
    "CREATE INDEX boots_by_mac ON boots(mac, id);"
    "CREATE INDEX boots_by_outcome ON boots(outcome, id);"
    "CREATE INDEX boots_by_cause ON boots(cause, id);",
    // Else a cause that never ends so would be walked from end to end.
    "CREATE INDEX boots_by_cause_and_outcome ON boots(cause, outcome, id);",
    "CREATE TABLE version_boots("
    "  version TEXT PRIMARY KEY, complete INTEGER NOT NULL, failed INTEGER NOT NULL,"
    "  last_failure TEXT NOT NULL) WITHOUT ROWID;"
    // Those that failed all the same (boots/version_count.h).
    "CREATE TABLE refused_boots(boot INTEGER PRIMARY KEY);"};

constexpr std::string_view kColumns =
    "id, mac, address, began, last, complete, outcome, cause, words, tls, bytes, left_out";
constexpr int kStepsColumn = 12;

constexpr BootOutcome kOutcomes[] = {BootOutcome::kUnderWay, BootOutcome::kComplete,
                                     BootOutcome::kFailed, BootOutcome::kAbandoned};

BootOutcome OutcomeOf(std::string_view name) {
  const auto* const found =
      std::ranges::find_if(kOutcomes, [&](BootOutcome outcome) { return Name(outcome) == name; });
  return found == std::end(kOutcomes) ? BootOutcome::kAbandoned : *found;
}

// [[nanoseconds since the boot began, kind, number, extra, connection, text], ...]
std::string StepsText(const Boot& boot) {
  nlohmann::json steps = nlohmann::json::array();
  for (const BootStep& step : boot.steps) {
    steps.push_back(
        nlohmann::json::array({step.unix_nanoseconds - boot.began(), Describe(step.kind).name,
                               step.number, step.extra, step.connection, step.text}));
  }
  return steps.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Steps of a kind that is no more are left out.
void ReadSteps(const std::string& text, Boot& boot) {
  const auto steps = ParseJson(text);
  if (!steps.is_array()) return;
  for (const auto& each : steps) {
    if (!each.is_array() || each.size() != 6 || !each[1].is_string()) continue;
    const std::string kind = each[1];
    const auto* const known =
        std::ranges::find(dataplane::kEventDescriptions, kind, &dataplane::EventDescription::name);
    if (known == std::end(dataplane::kEventDescriptions)) continue;
    boot.steps.push_back(
        {.unix_nanoseconds = boot.began_unix_nanoseconds + each[0].get<std::int64_t>(),
         .kind = static_cast<dataplane::EventKind>(known - dataplane::kEventDescriptions),
         .number = each[2],
         .extra = each[3],
         .connection = each[4],
         .text = each[5]});
  }
}

Boot ReadBoot(const Statement& row) {
  Boot boot{.id = row.Integer(0),
            .address = Ipv4Address(static_cast<std::uint32_t>(row.Integer(2))),
            .outcome = OutcomeOf(row.String(6)),
            .words = row.String(8),
            .tls = row.String(9),
            .bytes = static_cast<std::uint64_t>(row.Integer(10)),
            .last_unix_nanoseconds = row.Integer(4),
            .complete_unix_nanoseconds = row.Integer(5),
            .began_unix_nanoseconds = row.Integer(3)};
  if (const Bytes mac = row.Blob(1); mac.size() == 6) boot.mac = MacAddress::From(mac);
  if (const Cause* cause = FindCause(row.String(7))) boot.cause = cause->id;
  boot.steps_left_out = static_cast<std::uint64_t>(row.Integer(11));
  return boot;
}

Boot ReadWhole(const Statement& row) {
  Boot boot = ReadBoot(row);
  ReadSteps(row.String(kStepsColumn), boot);
  return boot;
}

// Newest first as they are read, oldest first as they are given.
absl::StatusOr<std::vector<Boot>> ReadAll(Statement& statement) {
  std::vector<Boot> boots;
  while (statement.Next()) boots.push_back(ReadWhole(statement));
  if (absl::Status status = statement.status(); !status.ok()) return status;
  std::ranges::reverse(boots);
  return boots;
}

}  // namespace

bool Fits(const BootFilter& filter, const Boot& boot) {
  return (!filter.mac || boot.mac == *filter.mac) &&
         (filter.outcome.empty() || Name(boot.outcome) == filter.outcome) &&
         (filter.cause.empty() || boot.cause == filter.cause) &&
         boot.began() >= filter.since_unix_nanoseconds && boot.id < filter.before_id;
}

absl::StatusOr<std::shared_ptr<BootArchive>> BootArchive::Open(const std::filesystem::path& file) {
  auto database = Database::Open(file, kMigrations);
  if (!database.ok()) return database.status();
  std::shared_ptr<BootArchive> archive(new BootArchive(*std::move(database)));
  if (absl::Status status = archive->Count(); !status.ok()) return status;
  return archive;
}

absl::Status BootArchive::Count() {
  Statement statement = database_->Prepare("SELECT count(*) FROM boots");
  if (statement.Next()) count_ = statement.Integer(0);
  return statement.status();
}

absl::Status BootArchive::Put(std::span<const Boot> boots, const ArchiveLimits& limits,
                              const VersionCounts& counts) {
  if (boots.empty() && counts.is_empty()) return absl::OkStatus();
  const std::scoped_lock lock(mutex_);
  Transaction transaction(*database_);
  if (!transaction.status().ok()) return transaction.status();
  Statement insert =
      database_->Prepare(Text("INSERT OR REPLACE INTO boots(", kColumns,
                              ", steps) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  Statement trim = database_->Prepare(
      "DELETE FROM boots WHERE mac=?1 AND id <= "
      "(SELECT id FROM boots WHERE mac=?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)");
  Statement find = database_->Prepare("SELECT 1 FROM boots WHERE id=?");
  Statement as_it_says = database_->Prepare("DELETE FROM refused_boots WHERE boot=?");
  std::int64_t count = count_;
  for (const Boot& boot : boots) {
    const bool is_new = !find.Bind(1, boot.id).Next();
    if (absl::Status status = find.status(); !status.ok()) return status;
    find.Reset();
    count += is_new ? 1 : 0;
    insert.Bind(1, boot.id).Bind(2, Bytes(boot.mac.octets));
    insert.Bind(3, std::int64_t{boot.address.value()}).Bind(4, boot.began());
    insert.Bind(5, boot.last()).Bind(6, boot.complete_unix_nanoseconds);
    insert.Bind(7, Name(boot.outcome)).Bind(8, boot.cause).Bind(9, boot.words).Bind(10, boot.tls);
    insert.Bind(11, static_cast<std::int64_t>(boot.bytes));
    insert.Bind(12, static_cast<std::int64_t>(boot.steps_left_out)).Bind(13, StepsText(boot));
    if (absl::Status status = insert.Run(); !status.ok()) return status;
    if (absl::Status status = as_it_says.Bind(1, boot.id).Run(); !status.ok()) return status;
    trim.Bind(1, Bytes(boot.mac.octets)).Bind(2, std::int64_t{limits.boots_per_machine});
    if (absl::Status status = trim.Run(); !status.ok()) return status;
    count -= database_->changes();
  }
  // Whoever makes up machines fills no disk: of all, the oldest go.
  if (count > limits.boots) {
    Statement bound = database_->Prepare(
        "DELETE FROM boots WHERE id IN (SELECT id FROM boots ORDER BY id LIMIT ?1)");
    if (absl::Status status = bound.Bind(1, count - limits.boots).Run(); !status.ok()) {
      return status;
    }
    count -= database_->changes();
  }
  if (absl::Status status = PutCounts(counts); !status.ok()) return status;
  if (absl::Status status = transaction.Commit(); !status.ok()) return status;
  count_ = count;
  return absl::OkStatus();
}

absl::Status BootArchive::PutCounts(const VersionCounts& counts) {
  Statement put = database_->Prepare(
      "INSERT OR REPLACE INTO version_boots(version, complete, failed, last_failure) "
      "VALUES(?, ?, ?, ?)");
  Statement forget = database_->Prepare("DELETE FROM version_boots WHERE version=?");
  for (const auto& [version, count] : counts.versions) {
    absl::Status status;
    if (count.complete == 0 && count.failed == 0) {
      status = forget.Bind(1, version).Run();
    } else {
      put.Bind(1, version).Bind(2, static_cast<std::int64_t>(count.complete));
      put.Bind(3, static_cast<std::int64_t>(count.failed)).Bind(4, count.last_failure);
      status = put.Run();
    }
    if (!status.ok()) return status;
  }
  if (counts.failed_all_the_same.empty()) return absl::OkStatus();
  Statement refuse = database_->Prepare("INSERT OR IGNORE INTO refused_boots(boot) VALUES(?)");
  for (const std::int64_t boot : counts.failed_all_the_same) {
    if (absl::Status status = refuse.Bind(1, boot).Run(); !status.ok()) return status;
  }
  return database_->Execute("DELETE FROM refused_boots WHERE boot NOT IN (SELECT id FROM boots)");
}

absl::StatusOr<VersionCounts> BootArchive::BootsOfVersions() {
  const std::scoped_lock lock(mutex_);
  VersionCounts counts;
  Statement versions =
      database_->Prepare("SELECT version, complete, failed, last_failure FROM version_boots");
  while (versions.Next()) {
    counts.versions[versions.String(0)] = {
        .complete = static_cast<std::uint64_t>(versions.Integer(1)),
        .failed = static_cast<std::uint64_t>(versions.Integer(2)),
        .last_failure = versions.String(3)};
  }
  if (absl::Status status = versions.status(); !status.ok()) return status;
  Statement refused = database_->Prepare("SELECT boot FROM refused_boots");
  while (refused.Next()) counts.failed_all_the_same.push_back(refused.Integer(0));
  if (absl::Status status = refused.status(); !status.ok()) return status;
  return counts;
}

absl::StatusOr<std::vector<Boot>> BootArchive::List(const BootFilter& filter) {
  // One index carries the walk. Of a machine there are few; the others have an index for each of
  // the two filters and one for both.
  const bool by_mac = filter.mac.has_value();
  const bool by_cause = !by_mac && !filter.cause.empty();
  const bool by_outcome = !by_mac && !filter.outcome.empty();
  std::string where = "id < ?1 AND id >= ?2";
  if (by_mac) where += " AND mac = ?3";
  if (!filter.cause.empty()) where += by_cause ? " AND cause = ?4" : " AND +cause = ?4";
  if (!filter.outcome.empty()) where += by_outcome ? " AND outcome = ?5" : " AND +outcome = ?5";
  const std::scoped_lock lock(mutex_);
  Statement statement = database_->Prepare(
      Text("SELECT ", kColumns, " FROM boots WHERE ", where, " ORDER BY id DESC LIMIT ?6"));
  statement.Bind(1, filter.before_id).Bind(2, filter.since_unix_nanoseconds / 1000);
  if (by_mac) statement.Bind(3, Bytes(filter.mac->octets));
  if (!filter.cause.empty()) statement.Bind(4, filter.cause);
  if (!filter.outcome.empty()) statement.Bind(5, filter.outcome);
  statement.Bind(6, std::int64_t{filter.limit});
  std::vector<Boot> boots;
  while (statement.Next()) boots.push_back(ReadBoot(statement));
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return boots;
}

absl::StatusOr<std::vector<Boot>> BootArchive::ListOf(std::span<const MacAddress> macs,
                                                      const BootFilter& filter) {
  // Ids alone, most of which no page shows: an index has them.
  std::string where = "mac = ?3 AND id < ?1 AND id >= ?2";
  if (!filter.cause.empty()) where += " AND +cause = ?4";
  if (!filter.outcome.empty()) where += " AND +outcome = ?5";
  const std::scoped_lock lock(mutex_);
  Statement find =
      database_->Prepare(Text("SELECT id FROM boots WHERE ", where, " ORDER BY id DESC LIMIT ?6"));
  std::vector<std::int64_t> ids;
  for (const MacAddress& mac : macs) {
    find.Bind(1, filter.before_id).Bind(2, filter.since_unix_nanoseconds / 1000);
    find.Bind(3, Bytes(mac.octets)).Bind(6, std::int64_t{filter.limit});
    if (!filter.cause.empty()) find.Bind(4, filter.cause);
    if (!filter.outcome.empty()) find.Bind(5, filter.outcome);
    while (find.Next()) ids.push_back(find.Integer(0));
    if (absl::Status status = find.status(); !status.ok()) return status;
    find.Reset();
  }
  std::ranges::sort(ids, std::ranges::greater{});
  if (ids.size() > filter.limit) ids.resize(filter.limit);
  Statement read = database_->Prepare(Text("SELECT ", kColumns, " FROM boots WHERE id = ?"));
  std::vector<Boot> boots;
  for (const std::int64_t id : ids) {
    if (read.Bind(1, id).Next()) boots.push_back(ReadBoot(read));
    if (absl::Status status = read.status(); !status.ok()) return status;
    read.Reset();
  }
  return boots;
}

absl::StatusOr<std::optional<Boot>> BootArchive::Find(std::int64_t id) {
  const std::scoped_lock lock(mutex_);
  Statement statement =
      database_->Prepare(Text("SELECT ", kColumns, ", steps FROM boots WHERE id = ?"));
  statement.Bind(1, id);
  std::optional<Boot> boot;
  if (statement.Next()) boot = ReadWhole(statement);
  if (absl::Status status = statement.status(); !status.ok()) return status;
  return boot;
}

absl::StatusOr<std::vector<Boot>> BootArchive::Of(const MacAddress& mac, std::uint32_t newest) {
  const std::scoped_lock lock(mutex_);
  Statement statement = database_->Prepare(
      Text("SELECT ", kColumns, ", steps FROM boots WHERE mac = ? ORDER BY id DESC LIMIT ?"));
  statement.Bind(1, Bytes(mac.octets)).Bind(2, std::int64_t{newest});
  return ReadAll(statement);
}

absl::StatusOr<std::vector<Boot>> BootArchive::UnderWay(std::uint32_t most) {
  const std::scoped_lock lock(mutex_);
  Statement statement = database_->Prepare(
      Text("SELECT ", kColumns, ", steps FROM boots WHERE outcome = ? ORDER BY id DESC LIMIT ?"));
  statement.Bind(1, Name(BootOutcome::kUnderWay)).Bind(2, std::int64_t{most});
  return ReadAll(statement);
}

absl::StatusOr<std::int64_t> BootArchive::Forget(std::int64_t before_unix_nanoseconds) {
  const std::scoped_lock lock(mutex_);
  Statement statement = database_->Prepare("DELETE FROM boots WHERE id < ?");
  statement.Bind(1, before_unix_nanoseconds / 1000);
  if (absl::Status status = statement.Run(); !status.ok()) return status;
  count_ -= database_->changes();
  return std::int64_t{database_->changes()};
}

}  // namespace slipway::control
