// SPDX-License-Identifier: Apache-2.0
//
// Boots on disk: what comes back, what is found, and how fast among many. SLIPWAY_ARCHIVE_BOOTS
// makes it as many as wanted (8 steps each; 125,000 are a million) and prints the times.
#include "control/store/boot_archive.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

namespace slipway::control {
namespace {

using dataplane::EventKind;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kFirst = 1'790'000'000 * kSecond;

MacAddress Mac(std::int64_t n) {
  return {{0x52, 0x54, 0, static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
           static_cast<std::uint8_t>(n)}};
}

// The n-th boot: of one of 10,000 machines, ten seconds after the one before.
Boot NewBoot(std::int64_t n) {
  const std::int64_t began = kFirst + 10 * n * kSecond;
  Boot boot{.id = began / 1000,
            .mac = Mac(n % 10'000),
            .address = Ipv4Address(10, 77, 0, 100),
            .outcome = n % 10 == 0 ? BootOutcome::kFailed : BootOutcome::kComplete,
            .words = "has the whole file /debian/stable/boot.efi",
            .cause = n % 10 == 0 ? "tls.unknown_ca" : "boot.complete",
            .tls = "TLS 1.2",
            .bytes = 9000,
            .last_unix_nanoseconds = began + 8 * kSecond,
            .complete_unix_nanoseconds = began + 7 * kSecond,
            .began_unix_nanoseconds = began};
  boot.steps_left_out = 3;
  for (int i = 0; i < 8; ++i) {
    boot.steps.push_back({.unix_nanoseconds = began + i * kSecond + 1,
                          .kind = static_cast<EventKind>(i),
                          .number = i,
                          .extra = -i,
                          .connection = 7,
                          .text = "HTTPClient:Arch:00016"});
  }
  return boot;
}

class BootArchiveTest : public testing::Test {
 protected:
  BootArchiveTest() {
    std::string pattern = testing::TempDir() + "slipway_archive_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    Open();
  }
  ~BootArchiveTest() override { std::filesystem::remove_all(folder_); }
  void Open() {
    archive_.reset();
    archive_ = *BootArchive::Open(folder_ / "boots.db");
  }
  void Fill(std::int64_t count) {
    for (std::int64_t n = 0; n < count;) {
      std::vector<Boot> boots;
      for (; n < count && boots.size() < 1000; ++n) boots.push_back(NewBoot(n));
      ASSERT_TRUE(archive_->Put(boots, {.boots_per_machine = 1000}).ok());
    }
  }
  std::vector<std::int64_t> Ids(const BootFilter& filter) {
    std::vector<std::int64_t> ids;
    const auto boots = archive_->List(filter);
    EXPECT_TRUE(boots.ok()) << boots.status();
    for (const Boot& boot : *boots) {
      EXPECT_TRUE(Fits(filter, boot)) << boot.id;
      EXPECT_THAT(boot.steps, IsEmpty());
      ids.push_back(boot.id);
    }
    EXPECT_TRUE(std::ranges::is_sorted(ids, std::ranges::greater{}));
    return ids;
  }

  std::filesystem::path folder_;
  std::shared_ptr<BootArchive> archive_;
};

TEST_F(BootArchiveTest, ABootComesBackAsItWasAlsoAfterARestart) {
  const Boot boot = NewBoot(3);
  ASSERT_TRUE(archive_->Put({&boot, 1}, {.boots_per_machine = 8}).ok());
  Open();
  const auto found = *archive_->Find(boot.id);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->mac, boot.mac);
  EXPECT_EQ(found->address, boot.address);
  EXPECT_EQ(found->outcome, boot.outcome);
  EXPECT_EQ(found->cause, boot.cause);
  EXPECT_EQ(found->words, boot.words);
  EXPECT_EQ(found->tls, boot.tls);
  EXPECT_EQ(found->bytes, boot.bytes);
  EXPECT_EQ(found->steps_left_out, boot.steps_left_out);
  EXPECT_EQ(found->began(), boot.began());
  EXPECT_EQ(found->last(), boot.last());
  EXPECT_EQ(found->complete_unix_nanoseconds, boot.complete_unix_nanoseconds);
  ASSERT_THAT(found->steps, SizeIs(8));
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(found->steps[i].unix_nanoseconds, boot.steps[i].unix_nanoseconds);
    EXPECT_EQ(found->steps[i].kind, boot.steps[i].kind);
    EXPECT_EQ(found->steps[i].extra, boot.steps[i].extra);
    EXPECT_EQ(found->steps[i].text, boot.steps[i].text);
  }
  EXPECT_FALSE((*archive_->Find(1)).has_value());
}

TEST_F(BootArchiveTest, OnlyTheNewestOfAMachineAreKeptAndAReplacedBootIsOne) {
  std::vector<Boot> boots;
  for (std::int64_t n = 1; n <= 5; ++n) {
    boots.push_back(NewBoot(n));
    boots.back().mac = Mac(1);
  }
  boots.push_back(NewBoot(0));
  ASSERT_TRUE(archive_->Put(boots, {.boots_per_machine = 3}).ok());
  boots[4].words = "other words";
  ASSERT_TRUE(archive_->Put({&boots[4], 1}, {.boots_per_machine = 3}).ok());
  const auto kept = *archive_->Of(Mac(1), 10);
  ASSERT_THAT(kept, SizeIs(3));
  EXPECT_EQ(kept[0].id, boots[2].id);
  EXPECT_EQ(kept[2].words, "other words");
  EXPECT_THAT(*archive_->Of(Mac(0), 10), SizeIs(1));
}

TEST_F(BootArchiveTest, OfAllBootsOnlyTheNewestAreKept) {
  std::vector<Boot> boots;
  for (std::int64_t n = 1; n <= 9; ++n) {
    boots.push_back(NewBoot(n));
    boots.back().mac = Mac(static_cast<std::uint32_t>(n));  // as whoever makes machines up would
  }
  ASSERT_TRUE(archive_->Put(boots, {.boots_per_machine = 3, .boots = 4}).ok());
  EXPECT_THAT(Ids({}), testing::ElementsAre(boots[8].id, boots[7].id, boots[6].id, boots[5].id));
}

TEST_F(BootArchiveTest, TheBoundIsExactWhateverWasReplacedTrimmedOrForgotten) {
  const ArchiveLimits limits{.boots_per_machine = 2, .boots = 6};
  const auto put = [&](const std::vector<std::int64_t>& numbers,
                       std::optional<std::int64_t> machine = {}) {
    std::vector<Boot> boots;
    for (const std::int64_t n : numbers) {
      boots.push_back(NewBoot(n));
      boots.back().mac = Mac(machine.value_or(n));
    }
    ASSERT_TRUE(archive_->Put(boots, limits).ok());
  };
  const auto kept = [this] {
    std::vector<std::int64_t> numbers;
    for (std::int64_t n = 0; n <= 20; ++n) {
      if (archive_->Find(NewBoot(n).id)->has_value()) numbers.push_back(n);
    }
    return numbers;
  };
  put({1, 2, 3, 4, 5});
  for (int i = 0; i < 3; ++i) put({5, 5});
  EXPECT_THAT(kept(), testing::ElementsAre(1, 2, 3, 4, 5)) << "one that is replaced is no other";
  put({6, 7, 8}, 1);
  EXPECT_THAT(kept(), testing::ElementsAre(2, 3, 4, 5, 7, 8)) << "two of a machine";
  EXPECT_EQ(*archive_->Forget(NewBoot(4).began()), 2);
  put({9, 10});
  EXPECT_THAT(kept(), testing::ElementsAre(4, 5, 7, 8, 9, 10));
  Open();
  put({11});
  EXPECT_THAT(kept(), testing::ElementsAre(5, 7, 8, 9, 10, 11));
}

TEST_F(BootArchiveTest, PagesFollowEachOtherWithoutGapOrRepetition) {
  Fill(250);
  std::vector<std::int64_t> all;
  BootFilter filter{.outcome = "complete", .limit = 50};
  for (auto page = Ids(filter); !page.empty(); page = Ids(filter)) {
    all.insert(all.end(), page.begin(), page.end());
    filter.before_id = page.back();
  }
  EXPECT_THAT(all, SizeIs(225));
  EXPECT_TRUE(std::ranges::is_sorted(all, std::ranges::greater{}));
  EXPECT_THAT(Ids({.outcome = "failed"}), SizeIs(25));
  EXPECT_THAT(Ids({.cause = "tls.unknown_ca"}), SizeIs(25));
  EXPECT_THAT(Ids({.outcome = "complete", .cause = "tls.unknown_ca"}), IsEmpty());
  EXPECT_THAT(Ids({.mac = Mac(7)}), SizeIs(1));
  EXPECT_THAT(Ids({.since_unix_nanoseconds = kFirst + 2400 * kSecond}), SizeIs(10));
}

TEST_F(BootArchiveTest, OfSomeMachinesComesWhatAFilteredListOfAllWouldHave) {
  std::vector<Boot> boots;
  for (std::int64_t n = 0; n < 240; ++n) {
    boots.push_back(NewBoot(n));
    boots.back().mac = Mac(n % 16);
  }
  ASSERT_TRUE(archive_->Put(boots, {.boots_per_machine = 1000}).ok());
  const std::vector<MacAddress> macs = {Mac(10), Mac(3), Mac(4), Mac(99)};
  const BootFilter filters[] = {{},
                                {.outcome = "failed"},
                                {.outcome = "complete", .cause = "boot.complete"},
                                {.outcome = "complete", .cause = "tls.unknown_ca"},
                                {.before_id = boots[200].id, .limit = 7},
                                {.since_unix_nanoseconds = boots[100].began(), .limit = 7},
                                {.outcome = "failed", .before_id = boots[200].id, .limit = 3}};
  for (const BootFilter& filter : filters) {
    BootFilter whole = filter;
    whole.limit = 1000;
    const std::vector<Boot> all = *archive_->List(whole);
    std::vector<std::int64_t> expected;
    for (const Boot& boot : all) {
      const bool is_one = std::ranges::find(macs, boot.mac) != macs.end();
      if (is_one && expected.size() < filter.limit) expected.push_back(boot.id);
    }
    const std::vector<Boot> listed = *archive_->ListOf(macs, filter);
    std::vector<std::int64_t> ids;
    for (const Boot& boot : listed) {
      ids.push_back(boot.id);
      EXPECT_EQ(boot.words, boots[0].words);
      EXPECT_THAT(boot.steps, IsEmpty());
    }
    EXPECT_EQ(ids, expected) << filter.outcome << ' ' << filter.cause << ' ' << filter.limit;
  }
  EXPECT_THAT(*archive_->ListOf(macs, {}), SizeIs(45));
  EXPECT_THAT(*archive_->ListOf({}, {}), IsEmpty());
}

TEST_F(BootArchiveTest, TheOldAreForgottenAndTheUnfinishedFound) {
  Fill(20);
  Boot running = NewBoot(30);
  running.outcome = BootOutcome::kUnderWay;
  ASSERT_TRUE(archive_->Put({&running, 1}, {.boots_per_machine = 8}).ok());
  EXPECT_EQ(*archive_->Forget(kFirst + 50 * kSecond), 5);
  EXPECT_THAT(Ids({}), SizeIs(16));
  const auto under_way = *archive_->UnderWay(10);
  ASSERT_THAT(under_way, SizeIs(1));
  EXPECT_EQ(under_way[0].id, running.id);
  EXPECT_THAT(under_way[0].steps, SizeIs(8));
}

TEST_F(BootArchiveTest, CountsOfVersionsAreKeptWhenTheirBootsAreNot) {
  const ArchiveLimits limits{.boots_per_machine = 1, .boots = 100};
  std::vector<Boot> boots = {NewBoot(1), NewBoot(2)};
  boots[1].mac = boots[0].mac;
  VersionCounts counts;
  counts.versions["debian/0123456789ab"] = {
      .complete = 1, .failed = 2, .last_failure = "52:54:00:00:00:01: w"};
  counts.versions["debian/ba9876543210"] = {.complete = 3, .failed = 0, .last_failure = {}};
  counts.failed_all_the_same = {boots[0].id, boots[1].id};
  ASSERT_TRUE(archive_->Put(boots, limits, counts).ok());
  Open();
  auto kept = *archive_->BootsOfVersions();
  ASSERT_THAT(kept.versions, SizeIs(2));
  EXPECT_EQ(kept.versions["debian/0123456789ab"].complete, 1U);
  EXPECT_EQ(kept.versions["debian/0123456789ab"].failed, 2U);
  EXPECT_EQ(kept.versions["debian/0123456789ab"].last_failure, "52:54:00:00:00:01: w");
  EXPECT_THAT(kept.failed_all_the_same, testing::ElementsAre(boots[1].id))
      << "the other has no story";
  // What is not said stays, and of zeros nothing does.
  counts.failed_all_the_same.clear();
  counts.versions.clear();
  counts.versions["debian/0123456789ab"] = {};
  ASSERT_TRUE(archive_->Put({}, limits, counts).ok());
  kept = *archive_->BootsOfVersions();
  ASSERT_THAT(kept.versions, SizeIs(1));
  EXPECT_EQ(kept.versions["debian/ba9876543210"].complete, 3U);
  EXPECT_THAT(kept.failed_all_the_same, SizeIs(1));
  // A story that is put again counts as it says.
  ASSERT_TRUE(archive_->Put({&boots[1], 1}, limits).ok());
  EXPECT_THAT(archive_->BootsOfVersions()->failed_all_the_same, IsEmpty());
}

TEST_F(BootArchiveTest, AnyPageOfManyComesSoon) {
  const char* wanted = std::getenv("SLIPWAY_ARCHIVE_BOOTS");
  const std::int64_t count = wanted == nullptr ? 3000 : std::atoll(wanted);
  Fill(count);
  std::vector<double> times;
  for (std::int64_t i = 0; i < 400; ++i) {
    const std::int64_t somewhere = NewBoot(i * 7919 % count).id;
    const BootFilter filters[] = {
        {.before_id = somewhere},
        {.outcome = "failed", .before_id = somewhere},
        {.outcome = "abandoned"},
        {.outcome = "complete", .cause = "tls.unknown_ca", .before_id = somewhere},
        {.mac = Mac(i * 31 % 10'000)},
        {.outcome = "failed", .since_unix_nanoseconds = somewhere * 1000, .limit = 1000},
    };
    for (const BootFilter& filter : filters) {
      const auto begin = std::chrono::steady_clock::now();
      ASSERT_TRUE(archive_->List(filter).ok());
      const auto took = std::chrono::steady_clock::now() - begin;
      times.push_back(std::chrono::duration<double, std::milli>(took).count());
    }
  }
  std::ranges::sort(times);
  const double p99 = times[times.size() * 99 / 100];
  if (wanted != nullptr) {
    std::cout << 8 * count << " events: p50 " << times[times.size() / 2] << " ms, p99 " << p99
              << " ms, most " << times.back() << " ms, file "
              << std::filesystem::file_size(folder_ / "boots.db") / 1'000'000 << " MB\n";
  }
  EXPECT_LT(p99, 100.0);
}

}  // namespace
}  // namespace slipway::control
