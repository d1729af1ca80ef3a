// SPDX-License-Identifier: Apache-2.0
#include "control/store/store.h"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>

#include "control/store/lease_journal.h"
#include "control/store/machine_table.h"
#include "control/text.h"
#include "protocols/base/entropy.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StateTest : public testing::Test {
 protected:
  StateTest() {
    std::string pattern = testing::TempDir() + "slipway_store_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~StateTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

Machine WithMac(std::uint8_t last, std::string_view set) {
  return {.mac = MacAddress{{0x52, 0x54, 0, 0, 0, last}}, .image_set = *ImageSetName::Parse(set)};
}

Actor Tester() { return {.name = "token test", .role = Role::kOperator}; }

using StoreTest = StateTest;

TEST_F(StoreTest, MachinesSurviveTheProcess) {
  {
    auto store = OpenSqliteStore(folder_ / "catalog.db");
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->PutMachine(WithMac(1, "debian:stable"), Tester()).ok());
  }
  auto store = OpenSqliteStore(folder_ / "catalog.db");
  const auto machines = (*store)->Machines();
  ASSERT_THAT(*machines, SizeIs(1));
  EXPECT_EQ(machines->front()->image_set->ToString(), "debian:stable");
  EXPECT_EQ(machines->front()->mac->ToString(), "52:54:00:00:00:01");
  EXPECT_FALSE(machines->front()->uuid.has_value());
}

TEST_F(StoreTest, AVerdictIsKeptReplacedAndRemoved) {
  {
    auto store = *OpenSqliteStore(folder_ / "catalog.db");
    ASSERT_TRUE(store->PutVerdict({"a", "1", "{}"}).ok());
    ASSERT_TRUE(store->PutVerdict({"a", "2", "{\"outcome\":\"refused\"}"}).ok());
  }
  auto store = *OpenSqliteStore(folder_ / "catalog.db");
  const auto verdict = store->Verdict("a");
  ASSERT_TRUE(verdict.ok() && verdict->has_value());
  EXPECT_EQ((*verdict)->version, "2");
  EXPECT_THAT((*verdict)->document, HasSubstr("refused"));
  EXPECT_FALSE(store->Verdict("b")->has_value());
  EXPECT_TRUE(store->RemoveVerdict("a").ok());
  EXPECT_FALSE(store->Verdict("a")->has_value());
}

TEST_F(StoreTest, TheSameMacReplacesItsMachineAndKeepsItsId) {
  auto store = *OpenSqliteStore(folder_ / "catalog.db");
  const auto first = store->PutMachine(WithMac(1, "a:1"), Tester());
  const auto second = store->PutMachine(WithMac(1, "b:2"), Tester());
  EXPECT_EQ(first->id, second->id);
  EXPECT_THAT(*store->Machines(), SizeIs(1));
}

TEST_F(StoreTest, AMacAndAUuidOfTwoMachinesAreRefused) {
  auto store = *OpenSqliteStore(folder_ / "catalog.db");
  Machine other{.uuid = Uuid::Parse("0a1b2c3d-0001-0203-0405-060708090a0b"),
                .image_set = ImageSetName{"a", "1"}};
  ASSERT_TRUE(store->PutMachine(WithMac(1, "a:1"), Tester()).ok());
  ASSERT_TRUE(store->PutMachine(other, Tester()).ok());
  other.mac = WithMac(1, "a:1").mac;
  EXPECT_EQ(store->PutMachine(other, Tester()).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StoreTest, AMachineWithAnotherUuidKeepsItsId) {
  auto store = *OpenSqliteStore(folder_ / "catalog.db");
  Machine machine{.uuid = Uuid::Parse("0a1b2c3d-0001-0203-0405-060708090a0b")};
  machine.id = store->PutMachine(machine, Tester())->id;
  machine.uuid = Uuid::Parse("0a1b2c3d-0001-0203-0405-060708090a0c");
  EXPECT_EQ(store->PutMachine(machine, Tester())->id, machine.id);
  EXPECT_THAT(*store->Machines(), SizeIs(1));
  // That of another machine is refused as before.
  ASSERT_TRUE(store->PutMachine(WithMac(1, "a:1"), Tester()).ok());
  machine.mac = WithMac(1, "a:1").mac;
  EXPECT_EQ(store->PutMachine(machine, Tester()).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StoreTest, AMachineComesBackWithAllThatIsSaidOfIt) {
  Machine machine = WithMac(1, "a:1");
  machine.serial = "S1";
  machine.groups = {"web"};
  machine.labels = {{"rack", "a1"}};
  machine.variables = {{"console", "ttyS0"}};
  machine.plan = *ParseBootPlan("until-success:3");
  machine.approved = machine.hold = true;
  {
    auto store = *OpenSqliteStore(folder_ / "catalog.db");
    const auto stored = store->PutMachine(machine, Tester());
    ASSERT_TRUE(stored.ok());
    const std::vector<MachineBoot> boots = {
        {stored->id, {.id = 1, .completed = true}},
        {stored->id, {.id = 2, .completed = false}},
        {stored->id, {.id = 3, .completed = false, .is_refused = true, .next = 4}}};
    ASSERT_TRUE(store->CountBoots(boots, {}).ok());
  }
  auto store = *OpenSqliteStore(folder_ / "catalog.db");
  const auto found = store->FindMachine(machine.mac, std::nullopt);
  ASSERT_TRUE(found.ok() && found->has_value());
  machine.completed = 1;
  machine.failed = 2;
  EXPECT_EQ(ToJson(**found), ToJson(machine));
  // Which boot was the last is known as well, so that none counts twice; also beside what is said
  // of the machine meanwhile.
  Machine changed = **found;
  changed.labels = {{"rack", "a2"}};
  ASSERT_TRUE(store->PutMachine(changed, Tester()).ok());
  const std::vector<MachineBoot> again = {{changed.id, {.id = 3, .completed = false}},
                                          {changed.id, {.id = 4, .completed = false}}};
  ASSERT_TRUE(store->CountBoots(again, {}).ok());
  EXPECT_EQ((*store->FindMachine(machine.mac, std::nullopt))->failed, 2U);
  // Of each of its MACs, also where the other one's is the later.
  const MacAddress other{{0x52, 0x54, 0, 0, 1, 1}};
  const std::vector<MachineBoot> of_another = {{changed.id, {.mac = other, .id = 2'000}},
                                               {changed.id, {.mac = *machine.mac, .id = 1'000}}};
  for (int told = 0; told < 3; ++told) {
    auto next = *OpenSqliteStore(folder_ / "catalog.db");
    ASSERT_TRUE(next->CountBoots(of_another, {}).ok());
    EXPECT_EQ((*next->FindMachine(machine.mac, std::nullopt))->failed, 4U) << told;
  }
  EXPECT_FALSE(store->FindMachine(std::nullopt, std::nullopt)->has_value());
  EXPECT_FALSE(store->FindMachine(WithMac(2, "a:1").mac, std::nullopt)->has_value());
}

TEST_F(StoreTest, WhatAMachineBootsWithIsKeptBesideWhatIsSaidOfIt) {
  const SeenFirmware seen{{.client = "http", .dhcp = "d", .tcp = "t", .tls = "s"}, 7};
  {
    auto store = *OpenSqliteStore(folder_ / "catalog.db");
    const auto stored = store->PutMachine(WithMac(1, "a:1"), Tester());
    ASSERT_TRUE(stored.ok());
    ASSERT_THAT(*store->Machines(), SizeIs(1));
    const std::vector<MachineFirmware> notes = {{stored->id, {seen}}, {stored->id + 7, {seen}}};
    EXPECT_TRUE(store->NoteFirmware(notes).ok()) << "one of them is no more";
    EXPECT_EQ(store->Machines()->front()->firmware, std::vector{seen}) << "in memory too";
    EXPECT_THAT(*store->Audit({.limit = 10}), SizeIs(1)) << "the machine's alone";
    Machine changed = *store->Machines()->front();
    changed.labels["rack"] = "a1";
    ASSERT_TRUE(store->PutMachine(changed, Tester()).ok());
  }
  auto store = *OpenSqliteStore(folder_ / "catalog.db");
  ASSERT_THAT(*store->Machines(), SizeIs(1));
  EXPECT_EQ(store->Machines()->front()->firmware, std::vector{seen});
  EXPECT_EQ(store->Machines()->front()->labels.at("rack"), "a1");
  EXPECT_EQ(store->FindMachine(WithMac(1, "a:1").mac, std::nullopt)->value().firmware,
            std::vector{seen});
}

// Its row has what the migration gave it.
TEST_F(StoreTest, AMachineOfAnEarlierReleaseHasBootedWithNothingYet) {
  { auto store = *OpenSqliteStore(folder_ / "catalog.db"); }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ / "catalog.db").c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database,
                         "INSERT INTO machines(name, mac, image_set) "
                         "VALUES('old', x'525400000001', 'a:1')",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(database);
  auto store = *OpenSqliteStore(folder_ / "catalog.db");
  ASSERT_THAT(*store->Machines(), SizeIs(1));
  EXPECT_EQ(store->Machines()->front()->name, "old");
  EXPECT_THAT(store->Machines()->front()->firmware, IsEmpty());
}

std::string Described(Store& store) {
  std::string all;
  const auto machines = store.Machines();
  if (!machines.ok()) return std::string(machines.status().message());
  for (const auto& each : *machines) {
    all += Text(each->id, ' ', TitleOf(*each), ' ', Told(*each).dump(), '\n');
  }
  return all;
}

// Machines are read once and kept: whatever is done, they are what another process would read.
TEST_F(StoreTest, MachinesKeptInMemoryAreThoseOfTheDisk) {
  auto store = *OpenSqliteStore(folder_ / "catalog.db");
  constexpr unsigned kSeed = 20261126;
  std::mt19937 random(kSeed);
  for (int step = 0; step < 200; ++step) {
    Machine machine = WithMac(static_cast<std::uint8_t>(random() % 8), "a:1");
    machine.name = random() % 2 == 0 ? "" : Text("name", step);
    if (random() % 4 == 0) {
      machine.uuid = Uuid::Parse("0a1b2c3d-0001-0203-0405-060708090a0b");
      machine.uuid->octets[15] = static_cast<std::uint8_t>(random() % 4);
      if (random() % 2 == 0) machine.mac.reset();
    }
    const auto list = *store->Machines();
    const auto id = list.empty() ? 0 : list[random() % list.size()]->id;
    switch (random() % 4) {
      case 0:
        static_cast<void>(store->RemoveMachine(id + static_cast<int>(random() % 2), Tester()));
        break;
      case 1: {
        const std::vector<MachineBoot> boots = {{id, {.completed = random() % 2 == 0}}};
        ASSERT_TRUE(store->CountBoots(boots, {}).ok());
        break;
      }
      default:  // also such as two machines are meant by, which is refused
        static_cast<void>(store->PutMachine(machine, Tester()));
    }
    const auto other = *OpenSqliteStore(folder_ / "catalog.db");
    ASSERT_EQ(Described(*store), Described(*other)) << "seed " << kSeed << ", step " << step;
  }
}

TEST_F(StoreTest, OneThatDidNotChangeIsTheSameObject) {
  auto store = *OpenSqliteStore(folder_ / "catalog.db");
  for (std::uint8_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(store->PutMachine(WithMac(i, "a:1"), Tester()).ok());
  }
  const auto before = *store->Machines();
  const std::vector<MachineBoot> boots = {{before[1]->id, {.completed = true}}};
  ASSERT_TRUE(store->CountBoots(boots, {}).ok());
  const auto after = *store->Machines();
  EXPECT_EQ(before[0], after[0]);
  EXPECT_NE(before[1], after[1]);
  EXPECT_EQ(before[1]->completed + 1, after[1]->completed);
  EXPECT_EQ(before[2], after[2]);
}

TEST_F(StoreTest, RulesComeInTheirOrder) {
  auto store = *OpenSqliteStore(folder_ / "catalog.db");
  const auto put = [&](const std::string& name, int order) {
    return store->PutRule(*ParseRule(name, {{"order", order}, {"image_set", "a:1"}}), Tester());
  };
  ASSERT_TRUE(put("b", 2).ok() && put("c", 1).ok() && put("a", 2).ok() && put("b", 2).ok());
  std::string names;
  const auto rules = *store->Rules();
  for (const Rule& rule : rules) names += rule.name;
  EXPECT_EQ(names, "cab");
  EXPECT_TRUE(store->RemoveRule("c", Tester()).ok());
  EXPECT_EQ(store->RemoveRule("c", Tester()).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(*store->Audit({}), SizeIs(5));
}

TEST_F(StoreTest, AStateDirectoryOfANewerVersionIsRefused) {
  { auto store = *OpenSqliteStore(folder_ / "catalog.db"); }
  {
    auto database = *Database::Open(folder_ / "other.db", {});
    ASSERT_TRUE(database->Execute("PRAGMA user_version=99").ok());
  }
  const auto store = OpenSqliteStore(folder_ / "other.db");
  EXPECT_THAT(std::string(store.status().message().data()), HasSubstr("newer slipwayd"));
}

using JournalTest = StateTest;

dhcp::Lease LeaseOf(std::uint32_t index, std::uint64_t revision) {
  dhcp::Lease lease;
  lease.address = Ipv4Address(0x0a4d0000 + index);
  lease.mac = MacAddress{
      {0x52, 0x54, 0, 0, static_cast<std::uint8_t>(index >> 8), static_cast<std::uint8_t>(index)}};
  lease.client_identifier = dhcp::ClientIdentifier::From(AsBytes("\x01machine"));
  lease.state = dhcp::LeaseState::kBound;
  lease.expires_unix_seconds = 1'800'000'000;
  lease.revision = revision;
  return lease;
}

TEST_F(JournalTest, ALeaseComesBackAsItWas) {
  std::vector<dhcp::Lease> leases = {LeaseOf(1, 1), LeaseOf(2, 2)};
  leases[1].uuid = *Uuid::Parse("0a1b2c3d-0001-0203-0405-060708090a0b");
  leases[1].state = dhcp::LeaseState::kDeclined;
  ASSERT_TRUE((*LeaseJournal::Open(folder_ / "leases.db"))->Append(leases).ok());
  EXPECT_EQ(*(*LeaseJournal::Open(folder_ / "leases.db"))->Load(), leases);
}

TEST_F(JournalTest, TheLastChangeOfAnAddressCounts) {
  auto journal = *LeaseJournal::Open(folder_ / "leases.db");
  ASSERT_TRUE(journal->Append(std::vector{LeaseOf(1, 1), LeaseOf(1, 2)}).ok());
  ASSERT_TRUE(journal->Append(std::vector{LeaseOf(1, 3)}).ok());
  const auto leases = *journal->Load();
  ASSERT_THAT(leases, SizeIs(1));
  EXPECT_EQ(leases[0].revision, 3u);
}

// Appends batches and tells the parent, through a pipe, the highest revision of each after its
// commit, until it is killed.
[[noreturn]] void AppendUntilKilled(const std::filesystem::path& file, int acknowledgements,
                                    std::uint64_t revision) {
  auto journal = LeaseJournal::Open(file);
  if (!journal.ok()) ::_exit(1);
  while (true) {
    std::vector<dhcp::Lease> batch;
    for (int i = 0; i < 7; ++i, ++revision) {
      batch.push_back(LeaseOf(static_cast<std::uint32_t>(revision % 97), revision));
    }
    if (!(*journal)->Append(batch).ok()) ::_exit(2);
    const std::uint64_t durable = revision - 1;
    if (::write(acknowledgements, &durable, sizeof durable) != sizeof durable) ::_exit(3);
  }
}

TEST_F(JournalTest, EverythingAcknowledgedIsThereAfterKillNine) {
  constexpr std::uint64_t kSeed = 20261122;
  std::cout << "seed " << kSeed << '\n';
  SeededEntropy entropy(kSeed);
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 25; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) AppendUntilKilled(folder_ / "leases.db", ends[1], acknowledged + 1);
    ::close(ends[1]);
    // Begin counting when the child works, however loaded the machine is.
    std::uint64_t durable = 0;
    ASSERT_EQ(::read(ends[0], &durable, sizeof durable), static_cast<ssize_t>(sizeof durable));
    acknowledged = durable;
    ::usleep(static_cast<useconds_t>(entropy.Below(30000)));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    while (::read(ends[0], &durable, sizeof durable) == sizeof durable) acknowledged = durable;
    ::close(ends[0]);

    // A batch may have been committed whose acknowledgement was not sent: at most one, and whole.
    std::map<std::uint32_t, std::uint64_t> found;
    std::uint64_t newest = 0;
    const auto leases = *(*LeaseJournal::Open(folder_ / "leases.db"))->Load();
    for (const dhcp::Lease& lease : leases) {
      found[lease.address.value() - 0x0a4d0000] = lease.revision;
      newest = std::max(newest, lease.revision);
    }
    ASSERT_TRUE(newest == acknowledged || newest == acknowledged + 7) << newest;
    for (std::uint64_t revision = newest; revision + 97 > newest && revision > 0; --revision) {
      ASSERT_EQ(found[static_cast<std::uint32_t>(revision % 97)], revision) << "round " << round;
    }
    acknowledged = newest;
  }
  EXPECT_GT(acknowledged, 100u) << "the rounds were too short to prove anything";
}

}  // namespace
}  // namespace slipway::control
