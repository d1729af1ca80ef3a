// SPDX-License-Identifier: Apache-2.0
//
// The way from every schema that was ever released to the present one. The steps stand here as they
// were released, with rows as they were written then: a step that is changed in the sources, or a
// row that cannot be read any more, fails these tests.
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "control/access/audit_chain.h"
#include "control/store/boot_archive.h"
#include "control/store/lease_journal.h"
#include "control/store/store.h"
#include "control/store/webhook_outbox.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// A step, and what a slipwayd of that schema then wrote.
struct Step {
  const char* schema;
  const char* rows;
};

constexpr Step kCatalog[] = {
    {"CREATE TABLE machines("
     "  id INTEGER PRIMARY KEY, name TEXT NOT NULL, mac BLOB UNIQUE, uuid BLOB UNIQUE,"
     "  image_set TEXT NOT NULL, CHECK(mac IS NOT NULL OR uuid IS NOT NULL));"
     "CREATE TABLE tokens(name TEXT PRIMARY KEY, sha256 TEXT NOT NULL);"
     "CREATE TABLE boots("
     "  id INTEGER PRIMARY KEY, mac BLOB NOT NULL, began INTEGER NOT NULL, document TEXT NOT NULL);"
     "CREATE INDEX boots_by_mac ON boots(mac, began);"
     "CREATE TABLE audit(at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL);",
     "INSERT INTO machines VALUES(1, 'node1', x'525400000001', NULL, 'debian:stable');"
     "INSERT INTO tokens VALUES('operator', 'aa');"
     "INSERT INTO boots VALUES(7, x'525400000001', 100, '{}');"
     "INSERT INTO audit VALUES(100, 'rest', 'machine 1');"},
    {"CREATE TABLE verdicts("
     "  digest TEXT PRIMARY KEY, version TEXT NOT NULL, document TEXT NOT NULL);",
     "INSERT INTO verdicts VALUES('d1', 'v1', '{\"outcome\": \"accepted\"}');"},
    // The log was chained; Chain() writes what was in it.
    {"ALTER TABLE audit RENAME TO audit_unchained;"
     "CREATE TABLE audit("
     "  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, address TEXT NOT NULL,"
     "  request TEXT NOT NULL, what TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,"
     "  previous TEXT NOT NULL, hash TEXT NOT NULL);"
     "CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN"
     "  SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
     "CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN"
     "  SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
     "CREATE TRIGGER audit_grows BEFORE INSERT ON audit"
     "  WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM audit) BEGIN"
     "  SELECT RAISE(ABORT, 'the audit log grows by its next number only'); END;",
     ""},
    {"ALTER TABLE machines ADD COLUMN document TEXT NOT NULL DEFAULT '{}';"
     "ALTER TABLE machines ADD COLUMN completed INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE machines ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;"
     "CREATE TABLE rules(name TEXT PRIMARY KEY, position INTEGER NOT NULL, document TEXT NOT "
     "NULL);",
     "UPDATE machines SET document='{\"labels\": {\"rack\": \"a1\"}, \"approved\": true}',"
     "  completed=2, failed=1;"
     "INSERT INTO rules VALUES('racks', 20, '{\"name\": \"racks\", \"order\": 20,"
     "  \"selector\": \"rack=a1\", \"action\": \"boot\", \"image_set\": \"debian:stable\"}');"},
    {"CREATE TABLE rollouts(stable TEXT PRIMARY KEY, document TEXT NOT NULL);",
     "INSERT INTO rollouts VALUES('debian:stable', '{\"candidate\": \"debian:next\","
     "  \"percent\": 10}');"},
    {"ALTER TABLE tokens ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';"
     "ALTER TABLE tokens ADD COLUMN created INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE tokens ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE tokens ADD COLUMN last_used INTEGER NOT NULL DEFAULT 0;"
     "UPDATE tokens SET name='admin' WHERE name='operator';",
     "INSERT INTO tokens VALUES('ci', 'bb', 'operator', 200, 300, 250);"},
    {"CREATE TABLE webhooks("
     "  name TEXT PRIMARY KEY, url TEXT NOT NULL, kinds TEXT NOT NULL, mac TEXT NOT NULL,"
     "  ca TEXT NOT NULL, secret TEXT NOT NULL, created INTEGER NOT NULL);",
     "INSERT INTO webhooks VALUES('chat', 'https://chat.example/', 'boot,link', '', '', 'secret',"
     "  400);"},
    {"CREATE TABLE networks(name TEXT PRIMARY KEY, document TEXT NOT NULL);",
     "INSERT INTO networks VALUES('far', '{\"subnet\": \"10.88.0.0/24\"}');"},
    {"CREATE TABLE event_numbers(id INTEGER PRIMARY KEY CHECK(id=1), last INTEGER NOT NULL);",
     "INSERT INTO event_numbers VALUES(1, 5000);"},
    {"ALTER TABLE tokens ADD COLUMN scope TEXT NOT NULL DEFAULT '';",
     "UPDATE tokens SET scope='rack=a1' WHERE name='ci';"},
    {"CREATE TABLE templates(name TEXT PRIMARY KEY, document TEXT NOT NULL);",
     "INSERT INTO templates VALUES('user-data', '{\"text\": \"{{name}}\"}');"},
    {"CREATE TABLE waiting_boots(mac BLOB PRIMARY KEY, boot INTEGER NOT NULL, "
     "completed INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;",
     "INSERT INTO waiting_boots VALUES(x'525400000001', 7, 1, 600);"},
    {"ALTER TABLE machines ADD COLUMN firmware TEXT NOT NULL DEFAULT '[]';",
     "UPDATE machines SET firmware='[{\"client\": \"http\", \"dhcp\": \"0123456789abcdef\","
     "  \"tcp\": \"\", \"tls\": \"\", \"since\": 700}]';"},
    {"CREATE TABLE canary_failures(stable TEXT NOT NULL, boot INTEGER NOT NULL, "
     "version TEXT NOT NULL, PRIMARY KEY(stable, boot)) WITHOUT ROWID;",
     "INSERT INTO canary_failures VALUES('debian:stable', 7, 'debian/0123456789ab');"},
    {"ALTER TABLE machines ADD COLUMN counted_boot INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE machines ADD COLUMN counted_completed INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE machines ADD COLUMN counted_next INTEGER NOT NULL DEFAULT 0;",
     "UPDATE machines SET counted_boot=6, counted_completed=1, counted_next=0;"},
    {"ALTER TABLE machines ADD COLUMN counted TEXT NOT NULL DEFAULT '[]';"
     "UPDATE machines SET counted='[{\"boot\": ' || counted_boot || ', \"completed\": ' ||"
     "  iif(counted_completed, 'true', 'false') || ', \"next\": ' || counted_next || '}]'"
     "  WHERE counted_boot<>0;"
     "ALTER TABLE machines DROP COLUMN counted_boot;"
     "ALTER TABLE machines DROP COLUMN counted_completed;"
     "ALTER TABLE machines DROP COLUMN counted_next;",
     "UPDATE machines SET counted='[{\"mac\": \"52:54:00:00:00:01\", \"boot\": 6,"
     "  \"completed\": true, \"next\": 5}]';"},
    {"ALTER TABLE rollouts ADD COLUMN first_boot INTEGER NOT NULL DEFAULT 0;",
     "UPDATE rollouts SET first_boot=8;"},
};
constexpr std::size_t kPresent = std::size(kCatalog);
constexpr std::size_t kChained = 3;  // the schema from which on the log is a chain

class Raw {
 public:
  explicit Raw(const std::filesystem::path& file) {
    EXPECT_EQ(sqlite3_open(file.c_str(), &handle_), SQLITE_OK);
  }
  ~Raw() { sqlite3_close_v2(handle_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  void Run(const std::string& sql) {
    EXPECT_EQ(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sql << ": " << sqlite3_errmsg(handle_);
  }
  // All columns of all rows, as text.
  std::vector<std::string> Rows(const std::string& sql) {
    std::vector<std::string> rows;
    const auto add = [](void* all, int columns, char** values, char**) {
      std::string row;
      for (int i = 0; i < columns; ++i) {
        row += Text(row.empty() ? "" : "|", values[i] == nullptr ? "" : values[i]);
      }
      static_cast<std::vector<std::string>*>(all)->push_back(row);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(handle_, sql.c_str(), add, &rows, nullptr), SQLITE_OK) << sql;
    return rows;
  }
  std::vector<std::string> Schema() {
    return Rows("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name");
  }
  std::string Version() { return Rows("PRAGMA user_version").at(0); }

 private:
  sqlite3* handle_ = nullptr;
};

class SchemaHistoryTest : public testing::Test {
 protected:
  SchemaHistoryTest() {
    std::string pattern = testing::TempDir() + "slipway_schema_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~SchemaHistoryTest() override { std::filesystem::remove_all(folder_); }

  // What a slipwayd of the third schema left: the old log in the new table.
  static void Chain(Raw& raw) {
    AuditRecord record{.id = 1, .unix_seconds = 100, .who = "rest", .what = "machine 1"};
    record.before = record.after = "null";
    raw.Run("DROP TABLE audit_unchained");
    raw.Run(Text("INSERT INTO audit VALUES(1, 100, 'rest', '', '', 'machine 1', 'null', 'null', '",
                 "', '", ChainHash(record), "')"));
  }
  // A catalog as that schema's slipwayd left it.
  std::filesystem::path Catalog(std::size_t version) const {
    const auto file = folder_ / Text("catalog", version, ".db");
    Raw raw(file);
    for (std::size_t step = 0; step < version; ++step) {
      raw.Run(kCatalog[step].schema);
      if (step + 1 == kChained) Chain(raw);
      raw.Run(kCatalog[step].rows);
    }
    raw.Run(Text("PRAGMA user_version=", version));
    return file;
  }

  std::filesystem::path folder_;
};

void ExpectMachines(Store& store, std::size_t version) {
  const auto machines = store.Machines();
  ASSERT_TRUE(machines.ok()) << machines.status();
  ASSERT_THAT(*machines, SizeIs(1));
  const Machine& machine = *machines->front();
  EXPECT_EQ(machine.name, "node1");
  EXPECT_EQ(machine.mac, MacAddress::Parse("52:54:00:00:00:01"));
  EXPECT_EQ(machine.image_set->ToString(), "debian:stable");
  EXPECT_EQ(machine.approved, version >= 4);
  EXPECT_EQ(machine.completed, version >= 4 ? 2U : 0U);
  EXPECT_EQ(machine.failed, version >= 4 ? 1U : 0U);
  EXPECT_EQ(machine.labels.contains("rack"), version >= 4);
  ASSERT_THAT(machine.firmware, SizeIs(version >= 13 ? 1 : 0));
  if (version >= 13) {
    EXPECT_EQ(machine.firmware.front().firmware.dhcp, "0123456789abcdef");
  }
  ASSERT_THAT(machine.counted, SizeIs(version >= 15 ? 1 : 0));
  if (version >= 15) {
    EXPECT_EQ(machine.counted.front().id, 6);
    EXPECT_TRUE(machine.counted.front().completed);
    EXPECT_EQ(machine.counted.front().mac, version >= 16 ? *machine.mac : MacAddress{});
    EXPECT_EQ(machine.counted.front().next, version >= 16 ? 5 : 0);
  }
  const auto boots = store.Boots();
  ASSERT_TRUE(boots.ok()) << boots.status();
  EXPECT_THAT(*boots, SizeIs(1));
  const auto waiting = store.WaitingBoots();
  ASSERT_TRUE(waiting.ok()) << waiting.status();
  EXPECT_THAT(*waiting, SizeIs(version >= 12 ? 1 : 0));
}

void ExpectPolicy(Store& store, std::size_t version) {
  const auto rules = store.Rules();
  ASSERT_TRUE(rules.ok()) << rules.status();
  ASSERT_THAT(*rules, SizeIs(version >= 4 ? 1 : 0));
  if (version >= 4) {
    EXPECT_EQ(rules->front().selector.ToString(), "rack=a1");
  }
  const auto rollouts = store.Rollouts();
  ASSERT_TRUE(rollouts.ok()) << rollouts.status();
  ASSERT_THAT(*rollouts, SizeIs(version >= 5 ? 1 : 0));
  if (version >= 5) {
    EXPECT_EQ(rollouts->front().percent, 10U);
    EXPECT_EQ(rollouts->front().first_boot, version >= 17 ? 8 : 0);
  }
  const auto failures = store.CanaryFailures();
  ASSERT_TRUE(failures.ok()) << failures.status();
  ASSERT_THAT(*failures, SizeIs(version >= 14 ? 1 : 0));
  if (version >= 14) {
    EXPECT_EQ(failures->front().version, "debian/0123456789ab");
    EXPECT_EQ(failures->front().boot, 7);
  }
  const auto networks = store.Networks();
  ASSERT_TRUE(networks.ok()) << networks.status();
  EXPECT_THAT(*networks, SizeIs(version >= 8 ? 1 : 0));
  const auto templates = store.Templates();
  ASSERT_TRUE(templates.ok()) << templates.status();
  ASSERT_THAT(*templates, SizeIs(version >= 11 ? 1 : 0));
  if (version >= 11) {
    EXPECT_EQ(templates->front().text, "{{name}}");
  }
  const auto verdict = store.Verdict("d1");
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_EQ(verdict->has_value(), version >= 2);
}

void ExpectAccess(Store& store, std::size_t version) {
  const auto tokens = store.Tokens();
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  ASSERT_THAT(*tokens, SizeIs(version >= 6 ? 2 : 1));
  EXPECT_EQ(tokens->front().name, "admin");
  EXPECT_EQ(tokens->front().role, Role::kAdmin);
  EXPECT_EQ(tokens->front().sha256, "aa");
  if (version >= 6) {
    EXPECT_EQ(tokens->back().role, Role::kOperator);
    EXPECT_EQ(tokens->back().expires, 300);
    EXPECT_EQ(tokens->back().scope, version >= 10 ? "rack=a1" : "");
  }
  const auto webhooks = store.Webhooks();
  ASSERT_TRUE(webhooks.ok()) << webhooks.status();
  ASSERT_THAT(*webhooks, SizeIs(version >= 7 ? 1 : 0));
  if (version >= 7) {
    EXPECT_THAT(webhooks->front().filter.kinds, ElementsAre(FeedKind::kBoot, FeedKind::kLink));
  }
  const auto number = store.EventNumber();
  ASSERT_TRUE(number.ok()) << number.status();
  EXPECT_EQ(*number, version >= 9 ? 5000 : 0);
  // The log is whole, and goes on.
  Actor actor{.name = "token test", .role = Role::kAdmin};
  EXPECT_TRUE(store.Note(actor, "other", nullptr, nullptr).ok());
  const auto audit = store.Audit({});
  ASSERT_TRUE(audit.ok()) << audit.status();
  ASSERT_THAT(*audit, SizeIs(2));
  EXPECT_EQ(audit->back().what, "machine 1");
  EXPECT_EQ(audit->back().unix_seconds, 100);
  const auto head = store.VerifyAudit(std::nullopt);
  EXPECT_TRUE(head.ok()) << head.status();
}

TEST_F(SchemaHistoryTest, ACatalogOfAnyReleaseIsThePresentOneWithAllThatWasInIt) {
  { ASSERT_TRUE(OpenSqliteStore(folder_ / "new.db").ok()); }
  const std::vector<std::string> present = Raw(folder_ / "new.db").Schema();
  ASSERT_EQ(Raw(folder_ / "new.db").Version(), std::to_string(kPresent))
      << "a step is new: write it, and rows of it, into this test";
  for (std::size_t version = 1; version <= kPresent; ++version) {
    SCOPED_TRACE(Text("schema ", version));
    const auto file = Catalog(version);
    // The second time there is nothing left to do.
    for (int opened = 0; opened < 2; ++opened) {
      const auto store = OpenSqliteStore(file);
      ASSERT_TRUE(store.ok()) << store.status();
      if (opened == 0) continue;
      ExpectMachines(**store, version);
      ExpectPolicy(**store, version);
      ExpectAccess(**store, version);
    }
    EXPECT_EQ(Raw(file).Schema(), present);
    EXPECT_EQ(Raw(file).Version(), std::to_string(kPresent));
  }
}

TEST_F(SchemaHistoryTest, AMigrationThatFailsLeavesTheCatalogAsItWas) {
  const auto file = Catalog(kChained);
  // What a later step makes is there already, of somebody else.
  { Raw(file).Run("CREATE TABLE networks(mine INTEGER)"); }
  const auto before = Raw(file).Schema();
  const auto store = OpenSqliteStore(file);
  ASSERT_FALSE(store.ok());
  const std::string words(store.status().message().data(), store.status().message().size());
  EXPECT_THAT(words, HasSubstr(file.string()));
  EXPECT_THAT(words, HasSubstr(Text("(schema 3) and could not be brought to schema ", kPresent,
                                    ": step 8: SQLite: ")));
  EXPECT_THAT(words, HasSubstr("this file is as it was: make what stood in the way go away"));
  EXPECT_EQ(Raw(file).Schema(), before) << "also of the steps that went well";
  EXPECT_EQ(Raw(file).Version(), "3");
  { Raw(file).Run("DROP TABLE networks"); }
  const auto after = OpenSqliteStore(file);
  ASSERT_TRUE(after.ok()) << after.status();
  ExpectMachines(**after, kChained);
}

TEST_F(SchemaHistoryTest, AFileOfANewerReleaseIsRefusedAndLeftAlone) {
  const auto file = folder_ / "any.db";
  const std::pair<const char*, std::function<absl::Status()>> kFiles[] = {
      {"catalog", [&] { return OpenSqliteStore(file).status(); }},
      {"boots", [&] { return BootArchive::Open(file).status(); }},
      {"leases", [&] { return LeaseJournal::Open(file).status(); }},
      {"outbox", [&] { return WebhookOutbox::Open(file).status(); }},
  };
  for (const auto& [name, open] : kFiles) {
    std::filesystem::remove(file);
    ASSERT_TRUE(open().ok()) << name;
    const int known = std::stoi(Raw(file).Version());
    { Raw(file).Run(Text("CREATE TABLE later(x); PRAGMA user_version=", known + 1)); }
    const auto schema = Raw(file).Schema();
    const absl::Status refused = open();
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << name;
    const std::string words(refused.message().data(), refused.message().size());
    EXPECT_THAT(words, HasSubstr(Text("written by a newer slipwayd (schema ", known + 1,
                                      ", this one knows ", known, "); start that one")));
    EXPECT_THAT(words, HasSubstr(file.string()));
    EXPECT_EQ(Raw(file).Schema(), schema) << name;
    EXPECT_EQ(Raw(file).Version(), std::to_string(known + 1)) << name;
  }
}

TEST_F(SchemaHistoryTest, WhatIsNoDatabaseIsSaidSo) {
  const auto file = folder_ / "catalog.db";
  { std::ofstream(file) << std::string(8192, 'x'); }
  const auto store = OpenSqliteStore(file);
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(std::string(store.status().message().data(), store.status().message().size()),
              testing::AllOf(HasSubstr(file.string()), HasSubstr("not a database")));
}

// The first schema had no index for a cause that never ends in an outcome.
TEST_F(SchemaHistoryTest, BootsOfTheFirstSchemaAreFoundByTheirCause) {
  const auto file = folder_ / "boots.db";
  {
    Raw raw(file);
    raw.Run(
        "CREATE TABLE boots("
        "  id INTEGER PRIMARY KEY, mac BLOB NOT NULL, address INTEGER NOT NULL, began INTEGER NOT "
        "NULL,"
        "  last INTEGER NOT NULL, complete INTEGER NOT NULL, outcome TEXT NOT NULL, cause TEXT NOT "
        "NULL,"
        "  words TEXT NOT NULL, tls TEXT NOT NULL, bytes INTEGER NOT NULL, left_out INTEGER NOT "
        "NULL,"
        "  steps TEXT NOT NULL);"
        "CREATE INDEX boots_by_mac ON boots(mac, id);"
        "CREATE INDEX boots_by_outcome ON boots(outcome, id);"
        "CREATE INDEX boots_by_cause ON boots(cause, id);"
        "INSERT INTO boots VALUES(7, x'525400000001', 0, 7000, 8000, 0, 'failed', "
        "'tls.unknown_ca', 'w', '', 0, 0, '[[0, \"DhcpDiscover\", 16, 0, 0, \"HTTPClient\"]]');"
        "PRAGMA user_version=1");
  }
  const auto archive = BootArchive::Open(file);
  ASSERT_TRUE(archive.ok()) << archive.status();
  const auto boots = (*archive)->List({.outcome = "failed", .cause = "tls.unknown_ca"});
  ASSERT_TRUE(boots.ok()) << boots.status();
  ASSERT_THAT(*boots, SizeIs(1));
  const auto whole = (*archive)->Find(7);
  ASSERT_TRUE(whole.ok() && *whole);
  EXPECT_EQ((*whole)->steps.at(0).text, "HTTPClient");
  const auto counts = (*archive)->BootsOfVersions();
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_TRUE(counts->is_empty());
  EXPECT_THAT(Raw(file).Rows("SELECT name FROM sqlite_master WHERE type='index'"),
              testing::Contains("boots_by_cause_and_outcome"));
}

}  // namespace
}  // namespace slipway::control
