// SPDX-License-Identifier: Apache-2.0
//
// Packet capture's rings, and the order in which what several hold is taken.
#include "dataplane/capture_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "dataplane/capture.h"
#include "tests/support/endpoint.h"

namespace slipway::dataplane {
namespace {

Buffer Pattern(std::uint32_t number, std::size_t size) {
  Buffer bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(number * 31 + i);
  return bytes;
}

bool Put(CaptureRing& ring, std::uint32_t number, std::size_t size) {
  CaptureRecord record;
  record.unix_nanoseconds = number;
  record.size = record.kept = static_cast<std::uint32_t>(size);
  if (!ring.Begin(record)) return false;
  ring.Append(Pattern(number, size / 3));  // in pieces, as frames are
  const Buffer all = Pattern(number, size);
  ring.Append(Bytes(all).subspan(size / 3));
  return true;
}

TEST(CaptureRingTest, GivesBackInOrderWhatWasPutInOverItsEndManyTimes) {
  CaptureRing ring(4096);
  std::minstd_rand random(1);
  CaptureRecord record;
  std::vector<std::uint8_t> bytes;
  for (std::uint32_t number = 0; number < 5000; ++number) {
    const std::size_t size = 1 + random() % 1500;
    ASSERT_TRUE(Put(ring, number, size));
    EXPECT_FALSE(ring.Read(record, bytes)) << "not published yet";
    ring.Publish(ring.mark());
    ASSERT_TRUE(ring.Read(record, bytes));
    EXPECT_EQ(record.unix_nanoseconds, number);
    EXPECT_EQ(bytes, Pattern(number, size));
  }
  EXPECT_EQ(ring.lost(), 0u);
}

TEST(CaptureRingTest, CountsWhatFindsNoRoomAndGoesOnWhenThereIsSome) {
  CaptureRing ring(4096);
  const std::size_t fit = 4096 / (sizeof(CaptureRecord) + 1000);
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_EQ(Put(ring, i, 1000), i < fit) << i;
  ring.Publish(ring.mark());
  EXPECT_EQ(ring.lost(), 10 - fit);
  CaptureRecord record;
  std::vector<std::uint8_t> bytes;
  for (std::uint32_t i = 0; i < fit; ++i) {
    ASSERT_TRUE(ring.Read(record, bytes));
    EXPECT_EQ(bytes, Pattern(i, 1000));
  }
  EXPECT_FALSE(ring.Read(record, bytes));
  EXPECT_TRUE(Put(ring, 10, 1000));
  // One that fits to the last byte, and one that never will.
  CaptureRing exact(4096);
  EXPECT_TRUE(Put(exact, 0, 4096 - sizeof(CaptureRecord)));
  EXPECT_FALSE(Put(exact, 1, 0));
  EXPECT_FALSE(Put(ring, 2, 4096));
}

TEST(CaptureRingTest, ForgetsWhatIsBehindTheMarkThatIsPublished) {
  CaptureRing ring(4096);
  ASSERT_TRUE(Put(ring, 0, 1500));
  const CaptureRing::Mark mark = ring.mark();
  ASSERT_TRUE(Put(ring, 1, 1500));
  EXPECT_FALSE(Put(ring, 2, 1500));
  ring.Publish(mark);
  EXPECT_EQ(ring.lost(), 0u) << "it will be offered again";
  ASSERT_TRUE(Put(ring, 3, 1500));
  ring.Publish(ring.mark());
  CaptureRecord record;
  std::vector<std::uint8_t> bytes;
  ASSERT_TRUE(ring.Read(record, bytes));
  EXPECT_EQ(record.unix_nanoseconds, 0);
  ASSERT_TRUE(ring.Read(record, bytes));
  EXPECT_EQ(record.unix_nanoseconds, 3);
  EXPECT_FALSE(ring.Read(record, bytes));
}

TEST(CaptureRingTest, LosesNothingUncountedBetweenTwoThreads) {
  constexpr std::uint32_t kFrames = 200'000;
  CaptureRing ring(1 << 14);
  std::thread producer([&ring] {
    for (std::uint32_t i = 0; i < kFrames; ++i) {
      static_cast<void>(Put(ring, i, i % 900));
      if (i % 8 == 7) ring.Publish(ring.mark());
    }
    ring.Publish(ring.mark());
  });
  CaptureRecord record;
  std::vector<std::uint8_t> bytes;
  std::uint64_t read = 0;
  std::int64_t last = -1;
  const auto take = [&] {
    while (ring.Read(record, bytes)) {
      ++read;
      ASSERT_GT(record.unix_nanoseconds, last);
      last = record.unix_nanoseconds;
      const auto number = static_cast<std::uint32_t>(last);
      ASSERT_EQ(bytes, Pattern(number, number % 900));
    }
  };
  while (read + ring.lost() < kFrames / 2) take();
  producer.join();
  take();
  EXPECT_EQ(read + ring.lost(), kFrames);
}

std::vector<std::int64_t> TimesOf(const std::vector<CapturedFrame>& frames) {
  std::vector<std::int64_t> times;
  for (const CapturedFrame& frame : frames) times.push_back(frame.unix_nanoseconds);
  return times;
}

TEST(CaptureTest, TakesAnAnswerAfterWhatItAnswersWhicheverWorkersTellThem) {
  // Two workers, each of which answers what it sees that the other has told.
  constexpr std::uint32_t kFrames = 20'000;
  Capture capture({}, 2, 1);
  std::atomic<std::uint32_t> told{0};
  const auto worker = [&](unsigned index) {
    for (std::uint32_t next = index; next < kFrames; next += 2) {
      while (told.load() != next) std::this_thread::yield();
      EXPECT_TRUE(Put(capture.ring(index, 0), next, 60));
      capture.ring(index, 0).Publish(capture.ring(index, 0).mark());
      told.store(next + 1);
    }
  };
  std::thread one(worker, 0);
  std::thread other(worker, 1);
  std::vector<std::int64_t> taken;
  while (taken.size() < kFrames) {
    const auto times = TimesOf(capture.Take(8));
    taken.insert(taken.end(), times.begin(), times.end());
  }
  one.join();
  other.join();
  EXPECT_THAT(taken, testing::SizeIs(kFrames));
  EXPECT_TRUE(std::ranges::is_sorted(taken));
}

TEST(CaptureTest, TakesInOrderWhenOneWorkerToldFarMoreThanIsTakenAtOnce) {
  Capture capture({}, 3, 1);
  std::vector<std::int64_t> all;
  const auto tell = [&](unsigned worker, std::uint32_t at) {
    ASSERT_TRUE(Put(capture.ring(worker, 0), at, 60));
    capture.ring(worker, 0).Publish(capture.ring(worker, 0).mark());
    all.push_back(at);
  };
  for (std::uint32_t at = 0; at < 100; ++at) tell(0, at);
  for (std::uint32_t at = 50; at < 52; ++at) tell(1, at);
  constexpr std::ptrdiff_t kBack = 20;  // more than are read at once
  tell(2, 1000);
  for (std::uint32_t at = 0; at < kBack; ++at) tell(2, 7 + at);  // its clock was set back
  std::vector<std::int64_t> taken;
  for (auto times = TimesOf(capture.Take(8)); !times.empty(); times = TimesOf(capture.Take(8))) {
    EXPECT_LE(times.size(), 3u * 16);
    taken.insert(taken.end(), times.begin(), times.end());
  }
  ASSERT_THAT(taken, testing::UnorderedElementsAreArray(all));
  // Each worker's in its order, and together by time as far as that allows.
  EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end() - kBack));
  EXPECT_EQ(*(taken.end() - kBack - 1), 1000);
  EXPECT_TRUE(std::is_sorted(taken.end() - kBack, taken.end()));
}

TEST(CaptureTest, TakesAnAnswerAfterAFrameThatIsOnTheWireAndNotShownYet) {
  Capture capture({}, 2, 1);
  CaptureRing& sender = capture.ring(0, 0);
  CaptureRing& receiver = capture.ring(1, 0);
  const CaptureRing::Mark before = sender.mark();
  ASSERT_TRUE(Put(sender, 5, 60));
  sender.Offer(5);
  ASSERT_TRUE(Put(receiver, 4, 60));
  ASSERT_TRUE(Put(receiver, 6, 60));
  receiver.Publish(receiver.mark());
  EXPECT_THAT(TimesOf(capture.Take(8)), testing::ElementsAre(4));
  EXPECT_THAT(TimesOf(capture.Take(8)), testing::IsEmpty());
  sender.Publish(sender.mark());
  EXPECT_THAT(TimesOf(capture.Take(8)), testing::ElementsAre(5, 6));
  // One that the port refused.
  ASSERT_TRUE(Put(sender, 7, 60));
  sender.Offer(7);
  ASSERT_TRUE(Put(receiver, 8, 60));
  receiver.Publish(receiver.mark());
  EXPECT_THAT(TimesOf(capture.Take(8)), testing::IsEmpty());
  sender.Publish({.written = before.written + sizeof(CaptureRecord) + 60, .lost = 0});
  EXPECT_THAT(TimesOf(capture.Take(8)), testing::ElementsAre(8));
  // One that a worker is held up with when the capture ends.
  ASSERT_TRUE(Put(sender, 9, 60));
  sender.Offer(9);
  ASSERT_TRUE(Put(receiver, 10, 60));
  receiver.Publish(receiver.mark());
  EXPECT_THAT(TimesOf(capture.Take(8)), testing::IsEmpty());
  EXPECT_THAT(TimesOf(capture.Take(8, /*all=*/true)), testing::ElementsAre(10));
}

}  // namespace
}  // namespace slipway::dataplane
