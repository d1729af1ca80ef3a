// SPDX-License-Identifier: Apache-2.0
//
// The audit log against whoever may write its file: every change of a record, a record less, two
// exchanged, a tail cut off, a chain made anew. And what it is for: who, from where, what.
#include "control/store/audit_log.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "control/store/store.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

const Actor kAlice{.name = "token alice",
                   .role = Role::kOperator,
                   .address = "192.0.2.7",
                   .request = "PUT /api/v1/machines/52:54:00:00:00:01"};

Machine WithMac(std::uint8_t last, std::string_view set) {
  return {.mac = MacAddress{{0x52, 0x54, 0, 0, 0, last}}, .image_set = *ImageSetName::Parse(set)};
}

class AuditLogTest : public testing::Test {
 protected:
  AuditLogTest() {
    std::string pattern = testing::TempDir() + "slipway_audit_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    file_ = folder_ / "catalog.db";
  }
  ~AuditLogTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Store> Open() {
    auto store = OpenSqliteStore(file_);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  void WriteFive() {
    const auto store = Open();
    for (const char* what : {"one", "two", "three", "four", "five"}) {
      ASSERT_TRUE(store->Note(kAlice, what, nullptr, {{"n", what}}).ok());
    }
  }
  // What SQL does to the file, as somebody would who may write it.
  absl::Status Tamper(const std::string& sql, bool with_triggers = false) {
    sqlite3* handle = nullptr;
    sqlite3_open(file_.c_str(), &handle);
    const std::string whole =
        (with_triggers ? ""
                       : "DROP TRIGGER audit_keeps; DROP TRIGGER audit_stays; "
                         "DROP TRIGGER audit_grows; ") +
        sql;
    const int code = sqlite3_exec(handle, whole.c_str(), nullptr, nullptr, nullptr);
    const std::string error = sqlite3_errmsg(handle);
    sqlite3_close_v2(handle);
    return code == SQLITE_OK ? absl::OkStatus() : absl::AbortedError(error);
  }
  std::string Fault(const std::optional<AuditHead>& witness = std::nullopt) {
    const auto head = VerifyAuditFile(file_, witness);
    return head.ok() ? "" : std::string(head.status().message());
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
};

TEST_F(AuditLogTest, EveryChangeSaysWhoFromWhereWhatAndBothStates) {
  auto store = Open();
  const auto machine = store->PutMachine(WithMac(1, "a:1"), kAlice);
  ASSERT_TRUE(store->PutMachine(WithMac(1, "b:2"), kAlice).ok());
  EXPECT_TRUE(kAlice.is_noted);
  ASSERT_TRUE(store->RemoveMachine(machine->id, DaemonActor()).ok());
  const auto audit = *store->Audit({});
  ASSERT_THAT(audit, SizeIs(3));
  EXPECT_EQ(audit[0].who, "slipwayd");
  EXPECT_EQ(audit[0].after, "null");
  EXPECT_EQ(audit[1].who, "token alice");
  EXPECT_EQ(audit[1].address, "192.0.2.7");
  EXPECT_EQ(audit[1].request, "PUT /api/v1/machines/52:54:00:00:00:01");
  EXPECT_EQ(audit[1].what, "machine 52:54:00:00:00:01");
  EXPECT_THAT(audit[1].before, HasSubstr("\"image_set\":\"a:1\""));
  EXPECT_THAT(audit[1].after, HasSubstr("\"image_set\":\"b:2\""));
  EXPECT_EQ(audit[2].before, "null");
  EXPECT_EQ(store->RemoveMachine(machine->id, kAlice).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(*store->Audit({}), SizeIs(3)) << "what failed is not noted";
  EXPECT_THAT(*store->Audit({.before = 3, .limit = 1}), SizeIs(1));
  EXPECT_THAT(*store->Audit({.since = audit[0].unix_seconds + 10}), SizeIs(0));
}

TEST_F(AuditLogTest, TheDatabaseItselfRefusesToChangeOrRemoveARecord) {
  WriteFive();
  for (const char* sql :
       {"UPDATE audit SET who='bob' WHERE id=3", "DELETE FROM audit WHERE id=5",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit VALUES(3, 0, '', '', '', '', '', '', '', '')",
        "INSERT INTO audit VALUES(9, 0, '', '', '', '', '', '', '', '')"}) {
    EXPECT_THAT(std::string(Tamper(sql, true).message()), HasSubstr("audit log")) << sql;
  }
  EXPECT_EQ(Fault(), "");
  EXPECT_EQ(VerifyAuditFile(file_, std::nullopt)->id, 5);
}

TEST_F(AuditLogTest, AnyColumnOfAnyRecordThatWasChangedIsFound) {
  for (const char* column :
       {"at", "who", "address", "request", "what", "before", "after", "hash"}) {
    for (int id = 1; id <= 5; ++id) {
      std::filesystem::remove(file_);
      WriteFive();
      ASSERT_TRUE(
          Tamper("UPDATE audit SET " + std::string(column) + "='7' WHERE id=" + std::to_string(id))
              .ok());
      EXPECT_EQ(Fault(), "record " + std::to_string(id) + " was changed") << column;
    }
  }
}

TEST_F(AuditLogTest, MovingTextBetweenColumnsIsAChange) {
  WriteFive();
  ASSERT_TRUE(Tamper("UPDATE audit SET who='token', address=' alice192.0.2.7' WHERE id=2").ok());
  EXPECT_EQ(Fault(), "record 2 was changed");
}

TEST_F(AuditLogTest, ARecordLessIsNamed) {
  WriteFive();
  ASSERT_TRUE(Tamper("DELETE FROM audit WHERE id=3").ok());
  EXPECT_EQ(Fault(), "record 3 is missing");
  ASSERT_TRUE(Tamper("DELETE FROM audit WHERE id=2", true).ok());
  EXPECT_EQ(Fault(), "records 2 to 3 are missing");
}

TEST_F(AuditLogTest, ARecordLessWhoseSuccessorsWereNumberedAnewIsNamed) {
  WriteFive();
  ASSERT_TRUE(Tamper("DELETE FROM audit WHERE id=3; UPDATE audit SET id=id-1 WHERE id>3").ok());
  EXPECT_THAT(Fault(), HasSubstr("record 3 does not follow from the one before"));
}

TEST_F(AuditLogTest, TwoThatWereExchangedAreNamed) {
  WriteFive();
  ASSERT_TRUE(Tamper("UPDATE audit SET id=-1 WHERE id=2; UPDATE audit SET id=2 WHERE id=4; "
                     "UPDATE audit SET id=4 WHERE id=-1")
                  .ok());
  EXPECT_THAT(Fault(), HasSubstr("record 2 does not follow from the one before"));
}

TEST_F(AuditLogTest, ATailCutOffAndAChainMadeAnewShowAgainstAHeadKeptElsewhere) {
  WriteFive();
  const auto head = *VerifyAuditFile(file_, std::nullopt);
  EXPECT_EQ(AuditHead::Parse(head.ToString())->hash, head.hash);
  ASSERT_TRUE(Tamper("DELETE FROM audit WHERE id>3").ok());
  EXPECT_EQ(Fault(), "") << "the chain alone cannot tell";
  EXPECT_EQ(Fault(head), "records 4 to 5 are missing: the log ends at 3");
  std::filesystem::remove(file_);
  {
    const auto store = Open();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(store->Note(kAlice, "other", nullptr, i).ok());
  }
  EXPECT_EQ(Fault(), "");
  EXPECT_THAT(Fault(head), HasSubstr("record 5 is not the one that the head names"));
}

TEST_F(AuditLogTest, WhatWasNotedBeforeTheLogWasChainedComesFirst) {
  {
    sqlite3* handle = nullptr;
    sqlite3_open(file_.c_str(), &handle);
    // The second step of the schema's history, as released.
    ASSERT_EQ(sqlite3_exec(handle,
                           "CREATE TABLE machines(id INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                           "mac BLOB UNIQUE, uuid BLOB UNIQUE, image_set TEXT NOT NULL);"
                           "CREATE TABLE tokens(name TEXT PRIMARY KEY, sha256 TEXT NOT NULL);"
                           "CREATE TABLE boots(id INTEGER PRIMARY KEY, mac BLOB NOT NULL, "
                           "began INTEGER NOT NULL, document TEXT NOT NULL);"
                           "CREATE TABLE audit(at INTEGER NOT NULL, who TEXT NOT NULL, "
                           "what TEXT NOT NULL);"
                           "CREATE TABLE verdicts(digest TEXT PRIMARY KEY, version TEXT NOT NULL, "
                           "document TEXT NOT NULL);"
                           "INSERT INTO audit VALUES(100, 'rest', 'machine m -> a:1');"
                           "INSERT INTO audit VALUES(200, 'rest', 'machine 1 removed');"
                           "PRAGMA user_version=2",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close_v2(handle);
  }
  { Open(); }
  const auto store = Open();
  ASSERT_TRUE(store->Note(kAlice, "new", nullptr, nullptr).ok());
  const auto audit = *store->Audit({});
  ASSERT_THAT(audit, SizeIs(3));
  EXPECT_EQ(audit[2].what, "machine m -> a:1");
  EXPECT_EQ(audit[2].unix_seconds, 100);
  EXPECT_EQ(audit[1].who, "rest");
  EXPECT_EQ(Fault(), "");
}

TEST_F(AuditLogTest, ARecordIsThereWithItsChangeOrNeither) {
  {
    const auto store = Open();
    ASSERT_TRUE(store->PutMachine(WithMac(1, "a:1"), kAlice).ok());
  }
  // A record that cannot be written takes its change with it.
  ASSERT_TRUE(Tamper("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN "
                     "SELECT RAISE(ABORT, 'no more'); END;",
                     true)
                  .ok());
  const auto store = Open();
  EXPECT_THAT(*store->Machines(), SizeIs(1)) << "and is kept in memory from here on";
  EXPECT_FALSE(store->PutMachine(WithMac(1, "b:2"), kAlice).ok());
  EXPECT_EQ(store->Machines()->front()->image_set->ToString(), "a:1");
  EXPECT_FALSE(store->RemoveMachine(store->Machines()->front()->id, kAlice).ok());
  EXPECT_THAT(*store->Machines(), SizeIs(1));
}

}  // namespace
}  // namespace slipway::control
