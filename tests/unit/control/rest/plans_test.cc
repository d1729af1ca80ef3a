// SPDX-License-Identifier: Apache-2.0
//
// Boots that count for plans, over restarts and faults of the catalog's file.
#include <sqlite3.h>

#include <array>
#include <nlohmann/json.hpp>

#include "control/serve/plan_watch.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBegin = 1'790'000'000 * kSecond;
constexpr std::array<std::uint8_t, 3> kMachines = {1, 2, 3};
constexpr const char* kUuid = "0a1b2c3d-0001-0203-0405-060708090a0b";

class PlansTest : public RestTest {
 protected:
  PlansTest() {
    ImportBootFile("installer:1");
    EXPECT_EQ(Slipway("rule set install --image installer:1 --mode once").code, 0);
  }
  static MacAddress Mac(std::uint8_t last) { return {{0x52, 0x54, 0, 0, 0, last}}; }
  static Boot Ended(std::uint8_t last, std::int64_t second, BootOutcome outcome) {
    Boot boot;
    boot.id = kBegin / 1000 + last;
    boot.mac = Mac(last);
    boot.outcome = outcome;
    boot.last_unix_nanoseconds = kBegin + second * kSecond;
    boot.steps = {{.kind = dataplane::EventKind::kDhcpDiscover, .text = "HTTPClient:Arch:00016"}};
    return boot;
  }
  absl::Status CountAt(std::int64_t second) {
    return plans_.Count(*core_, kBegin + second * kSecond);
  }
  void Restart() {
    End();
    Begin();
    plans_ = {};
    ASSERT_TRUE(plans_.Resume(*core_, kBegin).ok());
  }
  // Completed and failed; nothing where there is no record.
  std::string Counted(std::uint8_t last) {
    const auto machine = core_->store().FindMachine(Mac(last), std::nullopt);
    if (!machine.ok() || !*machine) return "nothing";
    return Text((*machine)->completed, ' ', (*machine)->failed);
  }
  // A machine that is known by its UUID, which both of its ports tell.
  void EnterWithTwoPorts() {
    ASSERT_EQ(Slipway(Text("machine label ", kUuid, " rack=a1")).code, 0);
    std::vector<dhcp::Lease> leases;
    for (const std::uint8_t last : std::initializer_list<std::uint8_t>{1, 2}) {
      leases.push_back({.address = Ipv4Address(10, 77, 0, static_cast<std::uint8_t>(100 + last)),
                        .mac = Mac(last),
                        .uuid = *Uuid::Parse(kUuid)});
    }
    core_->leases().Take(leases);
  }
  std::string CountedOfBoth() {
    const auto machine = core_->store().FindMachine(std::nullopt, Uuid::Parse(kUuid));
    if (!machine.ok() || !*machine) return "nothing";
    return Text((*machine)->completed, ' ', (*machine)->failed);
  }
  // Beside the process that has the catalog.
  void Execute(const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ / "state/catalog.db").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sql;
    sqlite3_close(database);
  }

  PlanWatch plans_;
};

TEST_F(PlansTest, ABootThatHasNotSettledIsCountedByTheProcessAfterAndOnce) {
  plans_.Take(Ended(1, 0, BootOutcome::kComplete));
  ASSERT_TRUE(CountAt(1).ok());
  Restart();
  ASSERT_TRUE(CountAt(30).ok());
  EXPECT_EQ(Counted(1), "nothing") << "it has not settled";
  Restart();
  ASSERT_TRUE(CountAt(90).ok());
  EXPECT_EQ(Counted(1), "1 0");
  Restart();
  ASSERT_TRUE(CountAt(200).ok());
  EXPECT_EQ(Counted(1), "1 0");
}

TEST_F(PlansTest, TheLastOfAChainCountsOverARestartToo) {
  plans_.Take(Ended(1, 0, BootOutcome::kComplete));  // firmware loads iPXE
  ASSERT_TRUE(CountAt(1).ok());
  Restart();
  Boot next = Ended(1, 30, BootOutcome::kFailed);
  ++next.id;
  plans_.Take(next);
  ASSERT_TRUE(CountAt(70).ok());
  EXPECT_EQ(Counted(1), "nothing");
  ASSERT_TRUE(CountAt(91).ok());
  EXPECT_EQ(Counted(1), "nothing") << "it failed, and once is not over";
  Restart();
  ASSERT_TRUE(CountAt(200).ok());
  EXPECT_EQ(Counted(1), "nothing");
}

// The process ends after it kept what is to be counted, and before the archive knew that the boot
// had ended: there it goes on, and is abandoned.
TEST_F(PlansTest, ABootThatTheArchiveDidNotKnowToHaveEndedCountsOnce) {
  ASSERT_EQ(Slipway("rule rm install").code, 0);
  ASSERT_EQ(Slipway("rule set install --image installer:1 --mode until-success:3").code, 0);
  plans_.Take(Ended(1, 0, BootOutcome::kComplete));
  plans_.Take(Ended(2, 0, BootOutcome::kFailed));
  ASSERT_TRUE(CountAt(1).ok());
  Restart();
  ASSERT_TRUE(CountAt(90).ok());
  EXPECT_EQ(Counted(1), "1 0");
  EXPECT_EQ(Counted(2), "0 1");
  for (const std::uint8_t last : std::initializer_list<std::uint8_t>{1, 2}) {
    plans_.Take(Ended(last, 300, BootOutcome::kAbandoned));
  }
  ASSERT_TRUE(CountAt(301).ok());
  Restart();
  ASSERT_TRUE(CountAt(400).ok());
  EXPECT_EQ(Counted(1), "1 0");
  EXPECT_EQ(Counted(2), "0 1");
  EXPECT_TRUE(core_->store().WaitingBoots()->empty());
  plans_.Take(Ended(2, 500, BootOutcome::kComplete));
  ASSERT_TRUE(CountAt(600).ok());
  EXPECT_EQ(Counted(2), "1 0") << "after all";
}

// Two ports of one machine, which its UUID says: the boot of the first is older by its id than what
// the second has booted since.
TEST_F(PlansTest, ABootOfOnePortCountsOnceThoughTheOtherHasBootedSince) {
  ASSERT_EQ(Slipway("rule rm install").code, 0);
  ASSERT_EQ(Slipway("rule set install --image installer:1 --mode until-success:9").code, 0);
  EnterWithTwoPorts();
  plans_.Take(Ended(2, 0, BootOutcome::kFailed));
  ASSERT_TRUE(CountAt(61).ok());
  for (const std::int64_t second : std::initializer_list<std::int64_t>{100, 200, 300}) {
    plans_.Take(Ended(1, second, BootOutcome::kFailed));
    ASSERT_TRUE(CountAt(second + 61).ok());
    EXPECT_EQ(CountedOfBoth(), "0 2") << second;
  }
}

TEST_F(PlansTest, APlanThatEndsByBootsOfTwoPortsAtOnceIsPublished) {
  ASSERT_EQ(Slipway("rule rm install").code, 0);
  ASSERT_EQ(Slipway("rule set install --image installer:1 --mode until-success:2").code, 0);
  EnterWithTwoPorts();
  plans_.Take(Ended(1, 0, BootOutcome::kFailed));
  plans_.Take(Ended(2, 0, BootOutcome::kFailed));
  const int published = published_;
  ASSERT_TRUE(CountAt(61).ok());
  EXPECT_EQ(CountedOfBoth(), "0 2");
  EXPECT_GT(published_.load(), published) << "neither of them alone ends it";
}

TEST_F(PlansTest, WhatNoPlanNeedsIsNotKept) {
  ASSERT_EQ(Slipway("rule rm install").code, 0);
  plans_.Take(Ended(1, 0, BootOutcome::kComplete));
  ASSERT_TRUE(CountAt(1).ok());
  EXPECT_TRUE(core_->store().WaitingBoots()->empty());
}

TEST_F(PlansTest, WhatTheCatalogCannotTakeIsCountedWhenItCan) {
  for (const std::uint8_t last : kMachines) {
    ASSERT_EQ(Slipway(Text("machine label ", Mac(last).ToString(), " rack=a1")).code, 0);
    plans_.Take(Ended(last, 0, BootOutcome::kComplete));
  }
  ASSERT_TRUE(CountAt(1).ok());
  // The second of the three cannot be counted.
  Execute(
      "CREATE TRIGGER fault BEFORE UPDATE ON machines WHEN OLD.id=2 "
      "BEGIN SELECT RAISE(ABORT, 'a fault'); END");
  EXPECT_FALSE(CountAt(90).ok());
  for (const std::uint8_t last : kMachines) EXPECT_EQ(Counted(last), "0 0");
  const auto kept = *core_->store().Machines();
  for (const auto& each : kept) {
    EXPECT_EQ(each->completed, 0u) << "what is kept in memory is as the disk";
  }
  Execute("DROP TRIGGER fault");
  ASSERT_TRUE(CountAt(91).ok());
  for (const std::uint8_t last : kMachines) EXPECT_EQ(Counted(last), "1 0");
  ASSERT_TRUE(CountAt(92).ok());
  EXPECT_EQ(Counted(2), "1 0");
}

}  // namespace
}  // namespace slipway::control
