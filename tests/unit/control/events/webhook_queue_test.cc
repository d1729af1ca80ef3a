// SPDX-License-Identifier: Apache-2.0
//
// What waits for a webhook's receiver, in memory and on disk, without a receiver.
#include "control/events/webhook_queue.h"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "control/text.h"

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;
using Since = WebhookQueue::Since;

class WebhookQueueTest : public testing::Test {
 protected:
  WebhookQueueTest() {
    std::string pattern = testing::TempDir() + "slipway_outbox_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    outbox_ = Open();
  }
  ~WebhookQueueTest() override {
    outbox_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<WebhookOutbox> Open() const {
    auto outbox = WebhookOutbox::Open(folder_ / "outbox.db");
    EXPECT_TRUE(outbox.ok()) << outbox.status();
    return *std::move(outbox);
  }
  WebhookQueue Queue(Since since, const WebhookPace& pace = {}) const {
    return {"ops", outbox_.get(), pace, since};
  }
  static std::vector<WebhookQueue::Numbered> Messages(
      std::initializer_list<std::uint64_t> numbers) {
    std::vector<WebhookQueue::Numbered> messages;
    for (const std::uint64_t number : numbers) {
      messages.push_back({number, {.id = Text("event_", number), .body = Text("body ", number)}});
    }
    return messages;
  }
  // 0: nothing waits.
  static std::uint64_t First(WebhookQueue& queue) {
    const auto first = queue.Await(WebhookQueue::Clock::now());
    return first ? first->number : 0;
  }
  std::vector<std::uint64_t> OnDisk(const std::string& webhook = "ops") const {
    std::vector<std::uint64_t> numbers;
    const auto waiting = outbox_->Waiting(webhook);
    EXPECT_TRUE(waiting.ok()) << waiting.status();
    for (const OutboxMessage& each : *waiting) numbers.push_back(each.number);
    return numbers;
  }
  void Sql(const char* sql) const {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ / "outbox.db").c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(handle);
  }

  std::filesystem::path folder_;
  std::unique_ptr<WebhookOutbox> outbox_;
};

TEST_F(WebhookQueueTest, AMessageStaysTheFirstUntilItWasDelivered) {
  WebhookQueue queue = Queue(Since::kItWasMade);
  EXPECT_EQ(First(queue), 0U);
  queue.Put(Messages({1, 2, 3}));
  EXPECT_EQ(First(queue), 1U);
  EXPECT_EQ(First(queue), 1U);
  queue.Delivered(1);
  EXPECT_EQ(First(queue), 2U);
  EXPECT_THAT(OnDisk(), ElementsAre(2, 3));
  EXPECT_EQ(queue.counts().waiting, 2U);
  EXPECT_EQ(queue.missed().count, 0U);
  EXPECT_FALSE(queue.missed().a_run) << "it was made just now";
}

TEST_F(WebhookQueueTest, ARestartGoesOnWhereItWasAndThenTellsOfTheGap) {
  {
    WebhookQueue before = Queue(Since::kItWasMade);
    before.Put(Messages({1, 2, 3}));
    before.Delivered(1);
  }
  outbox_.reset();
  outbox_ = Open();
  WebhookQueue after = Queue(Since::kARunBefore);
  after.Put(Messages({10}));
  const auto first = after.Await(WebhookQueue::Clock::now());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->message.id, "event_2");
  EXPECT_EQ(first->message.body, "body 2");
  EXPECT_FALSE(after.missed().a_run) << "it is missing after what waited, not before";
  after.Delivered(2);
  EXPECT_FALSE(after.missed().a_run);
  after.Delivered(3);
  EXPECT_EQ(First(after), 10U);
  EXPECT_TRUE(after.missed().a_run);
  after.Told(after.missed());
  EXPECT_FALSE(after.missed().a_run);
  after.Delivered(10);
  EXPECT_THAT(OnDisk(), IsEmpty());
}

TEST_F(WebhookQueueTest, WhatWasPutIsThereAfterKill9) {
  outbox_.reset();
  const pid_t child = ::fork();
  if (child == 0) {
    outbox_ = Open();
    WebhookQueue queue = Queue(Since::kItWasMade);
    queue.Put(Messages({1, 2, 3, 4}));
    queue.Delivered(1);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  outbox_ = Open();
  EXPECT_THAT(OnDisk(), ElementsAre(2, 3, 4));
}

TEST_F(WebhookQueueTest, MoreThanMayWaitIsNeitherInMemoryNorOnDisk) {
  WebhookQueue queue = Queue(Since::kItWasMade, {.waiting_max = 3});
  queue.Put(Messages({1, 2}));
  queue.Put(Messages({3, 4, 5, 6, 7}));
  EXPECT_EQ(First(queue), 5U);
  EXPECT_THAT(OnDisk(), ElementsAre(5, 6, 7));
  EXPECT_EQ(queue.counts().overflowed, 4U);
  EXPECT_EQ(queue.missed().count, 4U);
  queue.Miss(10);
  EXPECT_EQ(queue.missed().count, 14U);
  queue.Told({.count = 14});
  EXPECT_EQ(queue.missed().count, 0U);
  // A release that kept more, or another setting.
  WebhookQueue smaller = Queue(Since::kARunBefore, {.waiting_max = 1});
  EXPECT_EQ(First(smaller), 7U);
  EXPECT_EQ(smaller.missed().count, 2U);
  EXPECT_THAT(OnDisk(), ElementsAre(7));
}

TEST_F(WebhookQueueTest, WhatWasDeliveredWhileItMadeRoomIsNotMissed) {
  WebhookQueue queue = Queue(Since::kItWasMade, {.waiting_max = 2});
  queue.Put(Messages({1}));
  EXPECT_EQ(First(queue), 1U);
  queue.Put(Messages({2, 3}));
  EXPECT_EQ(queue.missed().count, 1U);
  queue.Delivered(1);
  EXPECT_EQ(queue.missed().count, 0U);
  EXPECT_EQ(First(queue), 2U);
}

TEST_F(WebhookQueueTest, TheTimeThatPassesBetweenTwoRunsCounts) {
  {
    WebhookQueue before = Queue(Since::kItWasMade, {.give_up = 60s});
    before.Put(Messages({1, 2}));
  }
  Sql("UPDATE waiting SET give_up=give_up - 120*1000000000 WHERE number=1");
  WebhookQueue after = Queue(Since::kARunBefore, {.give_up = 60s});
  after.GiveUpOld(WebhookQueue::Clock::now());
  EXPECT_EQ(First(after), 2U);
  EXPECT_EQ(after.counts().given_up, 1U);
  EXPECT_EQ(after.missed().count, 1U);
  EXPECT_THAT(OnDisk(), ElementsAre(2));
  after.GiveUpOld(WebhookQueue::Clock::now() + 61s);
  EXPECT_EQ(First(after), 0U) << "no clock that was set back makes it wait for longer";
}

TEST_F(WebhookQueueTest, WhatWaitsForOneIsNoOthers) {
  WebhookQueue queue = Queue(Since::kItWasMade);
  queue.Put(Messages({1, 2}));
  WebhookQueue other("other", outbox_.get(), {}, Since::kItWasMade);
  other.Put(Messages({2, 3}));
  queue.Delivered(1);
  EXPECT_THAT(OnDisk("other"), ElementsAre(2, 3));
  queue.Discard();
  queue.Put(Messages({4}));  // its thread has not ended yet
  EXPECT_THAT(OnDisk(), IsEmpty());
  EXPECT_THAT(OnDisk("other"), ElementsAre(2, 3));
  ASSERT_TRUE(outbox_->ClearOthers({"ops"}).ok());
  EXPECT_THAT(OnDisk("other"), IsEmpty());
}

TEST_F(WebhookQueueTest, OneThatIsMadeAnewGetsNothingOfItsNamesakes) {
  {
    WebhookQueue before = Queue(Since::kItWasMade);
    before.Put(Messages({1, 2}));
  }
  WebhookQueue made = Queue(Since::kItWasMade);
  EXPECT_EQ(First(made), 0U);
  EXPECT_THAT(OnDisk(), IsEmpty());
}

TEST_F(WebhookQueueTest, WithoutADiskMessagesWaitInMemory) {
  WebhookQueue none("ops", nullptr, {}, Since::kARunBefore);
  none.Put(Messages({1}));
  EXPECT_EQ(First(none), 1U);
  WebhookQueue queue = Queue(Since::kItWasMade);
  Sql("DROP TABLE waiting");
  queue.Put(Messages({1, 2}));
  EXPECT_EQ(First(queue), 1U);
  queue.Delivered(1);
  EXPECT_EQ(First(queue), 2U);
}

TEST_F(WebhookQueueTest, WhatTheDiskRefusedIsOfferedAgain) {
  WebhookQueue queue = Queue(Since::kItWasMade);
  Sql("ALTER TABLE waiting RENAME TO away");
  queue.Put(Messages({1}));
  Sql("ALTER TABLE away RENAME TO waiting");
  queue.Put(Messages({2}));
  EXPECT_THAT(OnDisk(), ElementsAre(1, 2));
}

TEST_F(WebhookQueueTest, NobodyElseMayReadIt) {
  const auto mode = std::filesystem::status(folder_ / "outbox.db").permissions();
  EXPECT_EQ(mode & std::filesystem::perms(0077), std::filesystem::perms::none);
}

}  // namespace
}  // namespace slipway::control
