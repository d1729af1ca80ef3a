// SPDX-License-Identifier: Apache-2.0
#include "control/events/feed.h"

#include <gmock/gmock.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Clock = EventFeed::Clock;
using namespace std::chrono_literals;

constexpr MacAddress kMachine{{0x52, 0x54, 0, 0, 0, 1}};
constexpr MacAddress kOther{{0x52, 0x54, 0, 0, 0, 2}};
constexpr std::uint64_t kFirst = 1000;

FeedEvent Of(const std::optional<MacAddress>& mac, FeedKind kind = FeedKind::kBoot) {
  return {.kind = kind, .mac = mac, .body = std::string("{}")};
}

class FeedTest : public testing::Test {
 protected:
  void Publish(int count) {
    for (int i = 0; i < count; ++i) feed_.Publish(Of(kMachine));
  }
  EventFeed::Batch Read(std::uint64_t position, const FeedFilter& filter = {},
                        std::size_t most = 100) {
    return feed_.Read(position, filter, most, Clock::now());
  }
  static std::vector<std::uint64_t> IdsOf(const EventFeed::Batch& batch) {
    std::vector<std::uint64_t> ids;
    for (const auto& event : batch.events) ids.push_back(event->id);
    return ids;
  }

  EventFeed feed_{8, kFirst};
};

TEST_F(FeedTest, NumbersRiseByOneFromTheFirst) {
  EXPECT_EQ(feed_.newest(), kFirst - 1);
  Publish(3);
  EXPECT_EQ(feed_.newest(), kFirst + 2);
  const auto batch = Read(kFirst - 1);
  EXPECT_THAT(IdsOf(batch), ElementsAre(kFirst, kFirst + 1, kFirst + 2));
  EXPECT_EQ(batch.position, kFirst + 2);
}

TEST_F(FeedTest, AReaderGoesOnWhereItStopped) {
  Publish(5);
  const auto batch = Read(kFirst - 1, {}, 2);
  EXPECT_THAT(IdsOf(batch), ElementsAre(kFirst, kFirst + 1));
  EXPECT_THAT(IdsOf(Read(batch.position)), ElementsAre(kFirst + 2, kFirst + 3, kFirst + 4));
}

TEST_F(FeedTest, AReaderThatIsOvertakenIsToldSo) {
  Publish(8);
  EXPECT_FALSE(Read(kFirst - 1).too_slow);
  Publish(1);
  const auto batch = Read(kFirst - 1);
  EXPECT_TRUE(batch.too_slow);
  EXPECT_THAT(batch.events, IsEmpty());
  EXPECT_THAT(Read(kFirst).events, SizeIs(8));
}

TEST_F(FeedTest, ResumingSaysWhatIsLost) {
  EXPECT_TRUE(feed_.Resume(kFirst - 1).whole);
  Publish(11);  // three of them are gone
  const auto whole = feed_.Resume(kFirst + 2);
  EXPECT_TRUE(whole.whole);
  EXPECT_EQ(whole.position, kFirst + 2);
  const auto torn = feed_.Resume(kFirst);
  EXPECT_FALSE(torn.whole);
  EXPECT_EQ(torn.lost, 2U);
  EXPECT_EQ(torn.position, kFirst + 2);
  EXPECT_THAT(Read(torn.position).events, SizeIs(8));
  for (const std::uint64_t foreign :
       {kFirst - 2, std::uint64_t{0}, kFirst + 11, ~std::uint64_t{0}}) {
    const auto other_run = feed_.Resume(foreign);
    EXPECT_FALSE(other_run.whole) << foreign;
    EXPECT_EQ(other_run.lost, std::nullopt) << foreign;
    EXPECT_EQ(other_run.position, kFirst + 2) << foreign;
  }
}

TEST_F(FeedTest, FiltersChooseAndTheirReadersGetOnAllTheSame) {
  feed_.Publish(Of(kMachine));
  feed_.Publish(Of(kOther));
  feed_.Publish(Of(std::nullopt, FeedKind::kLink));
  feed_.Publish(Of(kMachine, FeedKind::kStep));
  feed_.Publish(Of(kMachine, FeedKind::kAudit));
  const auto ids = [&](const FeedFilter& filter) { return IdsOf(Read(kFirst - 1, filter)); };
  EXPECT_THAT(ids({}), ElementsAre(kFirst, kFirst + 1, kFirst + 2, kFirst + 3));
  EXPECT_THAT(ids({.role = Role::kOperator}), SizeIs(5));
  EXPECT_THAT(ids({.mac = kMachine}), ElementsAre(kFirst, kFirst + 3));
  EXPECT_THAT(ids({.kinds = {FeedKind::kLink, FeedKind::kStep}}),
              ElementsAre(kFirst + 2, kFirst + 3));
  const auto nothing = Read(kFirst - 1, {.mac = MacAddress{{2, 0, 0, 0, 0, 9}}});
  EXPECT_THAT(nothing.events, IsEmpty());
  EXPECT_EQ(nothing.position, kFirst + 4);
}

TEST_F(FeedTest, WaitingEndsWithAnEventOrTheEnd) {
  std::thread publisher([&] {
    std::this_thread::sleep_for(20ms);
    Publish(1);
  });
  EXPECT_THAT(feed_.Read(kFirst - 1, {}, 10, Clock::now() + 60s).events, SizeIs(1));
  publisher.join();
  EXPECT_THAT(feed_.Read(kFirst, {}, 10, Clock::now() + 5ms).events, IsEmpty());
  std::thread closer([&] {
    std::this_thread::sleep_for(20ms);
    feed_.Close();
  });
  EXPECT_TRUE(feed_.Read(kFirst, {}, 10, Clock::now() + 60s).closed);
  closer.join();
  // What is there is still read.
  Publish(1);
  const auto last = feed_.Read(kFirst, {}, 10, Clock::now() + 60s);
  EXPECT_FALSE(last.closed);
  EXPECT_THAT(last.events, SizeIs(1));
}

TEST_F(FeedTest, SlowReadersDoNotHoldPublishersUp) {
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      std::uint64_t position = kFirst - 1;
      while (!over) {
        const auto batch = feed_.Read(position, {}, 4, Clock::now() + 10ms);
        for (const auto& event : batch.events) EXPECT_EQ(event->id, ++position);
        if (batch.too_slow) ++torn, position = feed_.Resume(position).position;
      }
    });
  }
  Publish(20000);
  over = true;
  feed_.Close();
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(feed_.newest(), kFirst + 19999);
}

// What is on disk, and how often it was written.
struct NumberDisk {
  std::uint64_t noted = 0;
  int writes = 0;
  bool is_full = false;

  EventNumbers Open(std::uint64_t first) {
    return {first, [this](std::uint64_t last) {
              if (is_full) return absl::ResourceExhaustedError("full");
              noted = last;
              ++writes;
              return absl::OkStatus();
            }};
  }
};

TEST(EventNumbersTest, AreNeverGivenTwiceHoweverTheClockIsSet) {
  NumberDisk disk;
  std::uint64_t newest = 0;
  // Runs, killed at any time; the clock goes back an hour, stands, and leaps.
  for (const std::uint64_t clock : {5000UL, 1400UL, 1400UL, 7000UL, 0UL}) {
    const std::uint64_t first = EventNumbers::FirstOf(clock, disk.noted);
    EXPECT_GT(first, newest);
    EXPECT_GE(first, clock);
    EventNumbers numbers = disk.Open(first);
    newest = first - 1;
    ASSERT_TRUE(numbers.Keep(newest).ok());
    for (int i = 0; i < 100; ++i) {
      newest += EventNumbers::kBlock / 7;
      EXPECT_LE(newest, disk.noted) << "given before it was noted";
      ASSERT_TRUE(numbers.Keep(newest).ok());
    }
  }
  EXPECT_LE(disk.writes, 5 * (1 + 100 / 4)) << "written for each event";
  // What could not be noted is noted once there is room.
  EventNumbers numbers = disk.Open(disk.noted + 1);
  disk.is_full = true;
  EXPECT_FALSE(numbers.Keep(disk.noted).ok());
  disk.is_full = false;
  const std::uint64_t before = disk.noted;
  EXPECT_TRUE(numbers.Keep(disk.noted).ok());
  EXPECT_GT(disk.noted, before);
}

TEST(StreamLedgerTest, OneReaderCannotTakeAllThereAre) {
  using Entry = StreamLedger::Entry;
  StreamLedger ledger(5, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ledger.Enter("a"), Entry::kTaken);
  EXPECT_EQ(ledger.Enter("a"), Entry::kReaderFull);
  EXPECT_EQ(ledger.Enter("b"), Entry::kTaken);
  EXPECT_EQ(ledger.Enter("c"), Entry::kTaken);
  EXPECT_EQ(ledger.Enter("d"), Entry::kFull);
  ledger.Leave("a", StreamEnd::kGone);
  EXPECT_EQ(ledger.Enter("a"), Entry::kTaken);
  EXPECT_EQ(ledger.counts().now, 5U);
  EXPECT_EQ(ledger.counts().refused, 2U);
}

TEST(FeedKindsTest, AreReadFromAList) {
  EXPECT_THAT(*ParseKinds("step,audit"), ElementsAre(FeedKind::kStep, FeedKind::kAudit));
  EXPECT_THAT(*ParseKinds(""), IsEmpty());
  EXPECT_EQ(ParseKinds("step,steps"), std::nullopt);
  EXPECT_EQ(ParseKinds(",step"), std::nullopt);
}

TEST(FeedDataTest, AStepIsToldInWords) {
  const Boot boot{.id = 7, .mac = kMachine, .address = Ipv4Address(10, 77, 0, 100)};
  const BootStep step{.unix_nanoseconds = 1'790'000'000'500'000'000,
                      .kind = dataplane::EventKind::kDhcpAck,
                      .number = 3600};
  const auto data = nlohmann::json::parse(DataOf(StepEvent(boot, step)));
  EXPECT_EQ(data["mac"], kMachine.ToString());
  EXPECT_EQ(data["boot"], 7);
  EXPECT_EQ(data["at"], 1'790'000'000.5);
  EXPECT_EQ(data["words"], "got its address, leased for 3600 s");
}

TEST(StreamLedgerTest, LetsInAsManyAsMayBeAndCountsHowTheyEnded) {
  StreamLedger ledger(2, 2);
  EXPECT_EQ(ledger.Enter("a"), StreamLedger::Entry::kTaken);
  EXPECT_EQ(ledger.Enter("a"), StreamLedger::Entry::kTaken);
  EXPECT_NE(ledger.Enter("a"), StreamLedger::Entry::kTaken);
  ledger.Leave("a", StreamEnd::kSlow);
  EXPECT_EQ(ledger.Enter("a"), StreamLedger::Entry::kTaken);
  EXPECT_EQ(ledger.counts().now, 2U);
  EXPECT_EQ(ledger.counts().refused, 1U);
  EXPECT_THAT(ledger.counts().ended, ElementsAre(0U, 1U, 0U, 0U));
}

}  // namespace
}  // namespace slipway::control
