// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory_resource>
#include <span>
#include <thread>
#include <vector>

#include "dataplane/clock.h"
#include "dataplane/eal.h"
#include "dataplane/frame_ring.h"
#include "dataplane/huge_pages.h"
#include "dataplane/system_entropy.h"
#include "tests/unit/dataplane/frames.h"

namespace slipway::dataplane {
namespace {

constexpr std::size_t kChunk = EalImageMemory::kChunkBytes;

std::unique_ptr<EalImageMemory> NewImages(std::size_t chunks) {
  auto memory = EalImageMemory::Create(chunks * kChunk);
  EXPECT_TRUE(memory.ok());
  return *std::move(memory);
}

TEST(ImageMemory, StatesItsBudgetAndRefusesMore) {
  auto images = NewImages(4);
  EXPECT_EQ(images->budget(), 4 * kChunk);
  EXPECT_TRUE(images->Allocate(4 * kChunk + 1).empty());
  const MutableBytes all = images->Allocate(4 * kChunk);
  ASSERT_EQ(all.size(), 4 * kChunk);
  EXPECT_TRUE(images->Allocate(1).empty());
  images->Free(all);
  EXPECT_EQ(images->in_use(), 0U);
}

TEST(ImageMemory, BlocksNeverOverlapAndGapsAreUsedAgain) {
  auto images = NewImages(8);
  std::vector<MutableBytes> blocks;
  for (std::uint8_t i = 0; i < 4; ++i) {
    blocks.push_back(images->Allocate(kChunk + 100));  // two chunks
    ASSERT_EQ(blocks.back().size(), kChunk + 100);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back().data()) % 64, 0U);
    std::ranges::fill(blocks.back(), i);
  }
  for (std::uint8_t i = 0; i < 4; ++i) {
    EXPECT_EQ(std::ranges::count(blocks[i], i), static_cast<std::ptrdiff_t>(kChunk + 100));
  }
  images->Free(blocks[1]);
  EXPECT_TRUE(images->Allocate(3 * kChunk).empty());
  EXPECT_EQ(images->Allocate(2 * kChunk).data(), blocks[1].data());
}

TEST(ImageMemory, ABlockInFlightIsNotUsedAgainUntilTheFrameIsFreed) {
  auto images = NewImages(1);
  const auto pool =
      NewPool({.packets = 64, .large = 1, .handles = 8, .shard = 3, .images = images.get()});
  const MutableBytes block = images->Allocate(1000);
  std::ranges::fill(block, std::uint8_t{0x5a});
  Frame frame = pool->Allocate();
  ASSERT_TRUE(frame.AppendCopy(Text(10)));
  ASSERT_TRUE(frame.AppendBorrowed(Bytes(block).subspan(100, 200)));
  EXPECT_EQ(frame.pieces(), 2U);
  EXPECT_EQ(frame.size(), 210U);
  // No copy: what changes in the image changes in the frame.
  block[100] = 0x77;
  EXPECT_EQ(Contents(frame)[10], 0x77);
  images->Free(block);
  EXPECT_EQ(images->going(), kChunk);
  EXPECT_TRUE(images->Allocate(1).empty());
  frame.Free();
  EXPECT_EQ(images->going(), 0U);
  EXPECT_FALSE(images->Allocate(1).empty());
  EXPECT_EQ(pool->in_use(), 0U);
}

TEST(ImageMemory, MoreThan65535BorrowingsOfOneImageAreCounted) {
  auto images = NewImages(1);
  constexpr std::uint32_t kFrames = 70'000;  // beyond DPDK's own 16 bits
  const auto pool =
      NewPool({.packets = 128, .large = 1, .handles = kFrames, .images = images.get()});
  const MutableBytes block = images->Allocate(100);
  std::vector<Frame> frames;
  for (std::uint32_t i = 0; i < kFrames / 1000; ++i) {
    Frame chain = pool->Allocate();
    for (int j = 0; j < 1000; ++j) ASSERT_TRUE(chain.AppendBorrowed(block.first(1)));
    frames.push_back(std::move(chain));
  }
  images->Free(block);
  while (frames.size() > 1) {
    frames.pop_back();
    EXPECT_EQ(images->going(), kChunk);
  }
  frames.clear();
  EXPECT_EQ(images->going(), 0U);
}

TEST(ImageMemory, BytesThatAreNotOfAnImageAreCopied) {
  auto images = NewImages(1);
  const auto pool = NewPool({.packets = 64, .large = 1, .handles = 8, .images = images.get()});
  Buffer elsewhere = Text(5000);
  Frame frame = pool->Allocate();
  ASSERT_TRUE(frame.AppendBorrowed(elsewhere));
  const Buffer before = elsewhere;
  std::ranges::fill(elsewhere, std::uint8_t{0});
  EXPECT_EQ(Contents(frame), before);
}

TEST(PacketPool, AFrameThatDiesGivesItsBuffersBack) {
  const auto pool = NewPool();
  {
    Frame frame = pool->Allocate();
    ASSERT_TRUE(frame.AppendCopy(Text(9000)));
    EXPECT_GT(frame.pieces(), 1U);
    EXPECT_EQ(Contents(frame), Text(9000));
    EXPECT_EQ(pool->in_use(), frame.pieces());
    Frame other = std::move(frame);
    EXPECT_TRUE(frame.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
    other = pool->Allocate();
    EXPECT_EQ(pool->in_use(), 1U);
  }
  EXPECT_EQ(pool->in_use(), 0U);
}

TEST(PacketPool, AnEmptyPoolGivesEmptyFramesAndAppendChangesNothing) {
  const auto pool = NewPool({.packets = 1, .packet_bytes = 1000, .large = 1, .handles = 1});
  Frame only = pool->Allocate();
  ASSERT_FALSE(only.empty());
  EXPECT_TRUE(pool->Allocate().empty());
  ASSERT_EQ(only.Append(900).size(), 900U);
  EXPECT_TRUE(only.Append(200).empty());
  EXPECT_EQ(only.size(), 900U);
  EXPECT_FALSE(only.AppendCopy(Text(200)));
}

TEST(PacketPool, GrowsAFrameByManyPiecesFromItsEndUntilItIsEmpty) {
  const auto pool = NewPool({.packets = 40, .packet_bytes = 1000, .large = 1, .handles = 1});
  Frame frame = pool->Allocate();
  ASSERT_EQ(frame.Append(54).size(), 54U);
  rte_mbuf* last = frame.LastPiece();
  const Buffer text = Text(54 + 60 * 900);
  ASSERT_EQ(Copy(Bytes(text).first(54), frame.mutable_bytes()), 54U);
  std::size_t size = 54;
  for (std::size_t i = 0; i < 60; ++i) {
    const MutableBytes piece = frame.AppendBehind(last, 900);
    if (piece.empty()) break;
    static_cast<void>(Copy(Bytes(text).subspan(size, 900), piece));
    size += piece.size();
    ASSERT_EQ(last, frame.LastPiece());
  }
  EXPECT_EQ(frame.pieces(), 40U) << "the first of them beside the headers";
  EXPECT_EQ(frame.size(), size);
  EXPECT_EQ(Contents(frame),
            Buffer(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size)));
  EXPECT_EQ(pool->in_use(), 40U);
  frame.Free();
  EXPECT_EQ(pool->in_use(), 0U);
}

TEST(PacketPool, AllocatesSeveralAtOnceAndAsManyAsThereAre) {
  const auto pool = NewPool({.packets = 24, .packet_bytes = 1000, .large = 1, .handles = 1});
  std::size_t got = 0;
  std::vector<Frame> frames(40);
  for (std::size_t count = 1; count != 0; got += count) {
    count = pool->Allocate(std::span(frames).subspan(got, std::min<std::size_t>(8, 40 - got)));
  }
  EXPECT_EQ(got, 24U);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ASSERT_EQ(frames[i].empty(), i >= got);
    if (i < got) {
      EXPECT_EQ(frames[i].Append(1000).size(), 1000U);
    }
  }
  frames.clear();
  EXPECT_EQ(pool->in_use(), 0U);
}

TEST(PacketPool, AllocatesContiguousFramesUpToTheLargest) {
  const auto pool = NewPool();
  for (const std::size_t size : {1UL, 2048UL, 2049UL, 65407UL, 65408UL, 65535UL}) {
    const Frame frame = pool->AllocateContiguous(size);
    ASSERT_FALSE(frame.empty()) << size;
    EXPECT_EQ(frame.bytes().size(), size);
    EXPECT_EQ(frame.pieces(), 1U);
  }
  EXPECT_TRUE(pool->AllocateContiguous(65536).empty());
}

TEST(Frame, PrependsUntilTheHeadroomIsUsedUp) {
  const auto pool = NewPool();
  Frame frame = pool->Allocate();
  EXPECT_EQ(frame.Prepend(128).size(), 128U);
  EXPECT_TRUE(frame.Prepend(1).empty());
  EXPECT_EQ(frame.size(), 128U);
}

TEST(FrameRing, HandsFramesOverInOrderAndFreesWhatIsLeft) {
  const auto pool = NewPool();
  auto ring = FrameRing::Create("test_ring", 4);
  ASSERT_TRUE(ring.ok());
  std::vector<Frame> frames(20);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i] = pool->Allocate();
    ASSERT_EQ(frames[i].Append(i + 1).size(), i + 1);
  }
  const std::size_t pushed = (*ring)->Push(frames);
  EXPECT_GE(pushed, 4U);
  EXPECT_LT(pushed, frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(frames[i].empty(), i < pushed);
  std::vector<Frame> out(2);
  ASSERT_EQ((*ring)->Pop(out), 2U);
  EXPECT_EQ(out[0].size(), 1U);
  EXPECT_EQ(out[1].size(), 2U);
  frames.clear();
  out.clear();
  EXPECT_EQ(pool->in_use(), pushed - 2);
  (*ring).reset();
  EXPECT_EQ(pool->in_use(), 0U);
}

TEST(Clock, CountsNanosecondsAndNeverRunsBackwards) {
  const ClockReading start = ReadClocks();
  const Clock clock(start);
  const std::uint64_t hz = rte_get_tsc_hz();
  for (const std::uint64_t seconds : {0UL, 1UL, 3600UL, 86400UL * 365}) {
    const auto got = clock.At(start.counter + hz * seconds).time_since_epoch().count();
    const auto exact = static_cast<std::int64_t>(seconds * 1'000'000'000);
    EXPECT_NEAR(static_cast<double>(got), static_cast<double>(exact),
                1.0 + static_cast<double>(exact) * 1e-9);
  }
  const Time before = clock.Now();
  EXPECT_LE(before, clock.Now());
  EXPECT_EQ(Clock(start).At(start.counter + 12345), clock.At(start.counter + 12345));
}

// A processor of 2.5 GHz, and what CLOCK_MONOTONIC shows meanwhile.
class Processor {
 public:
  static constexpr std::uint64_t kHz = 2'500'000'000;

  void Wait(Duration duration) {
    passed_ += duration;
    counter_ += static_cast<std::uint64_t>(duration.count()) * kHz / 1'000'000'000;
  }
  // The machine is suspended: its counter stands still, CLOCK_MONOTONIC does not.
  void Sleep(Duration duration) { passed_ += duration; }
  std::uint64_t counter() const { return counter_; }
  ClockReading Read(Duration late = {}) const {
    return {.counter = counter_, .steady = std::chrono::hours(5) + passed_ + late, .unix_time = {}};
  }
  Duration LagOf(const Clock& clock) const {
    return passed_ - clock.At(counter_).time_since_epoch();
  }

 private:
  std::uint64_t counter_ = 77'000'000'000;
  Duration passed_{};
};

// 0.2 % is what EAL's rounding to 10 MHz makes of 2.5 GHz: in a day it would be 173 s.
TEST(Clock, KeepsTimeAlthoughItIsToldAFrequencyThatIsWrong) {
  for (const std::uint64_t told :
       {Processor::kHz, Processor::kHz * 998 / 1000, Processor::kHz * 1002 / 1000}) {
    SCOPED_TRACE(told);
    Processor processor;
    Clock clock(processor.Read(), told);
    Time before{};
    std::int64_t largest = 0;
    for (int step = 0; step < 36'000; ++step) {  // an hour
      processor.Wait(std::chrono::milliseconds(99));
      const Time early = clock.At(processor.counter());
      processor.Wait(std::chrono::milliseconds(1));
      const Time late = clock.At(processor.counter());
      clock.Correct(processor.Read());
      ASSERT_LE(before, early) << step;
      ASSERT_NEAR(static_cast<double>((late - early).count()), 1e6, 4e3) << "no step, at " << step;
      ASSERT_EQ(clock.At(processor.counter()), late) << "no step, at " << step;
      before = late;
      if (step >= 100) largest = std::max(largest, std::abs(processor.LagOf(clock).count()));
    }
    EXPECT_LT(largest, 1000) << "nanoseconds, after ten seconds";
  }
}

TEST(Clock, IsNotMisledByDisturbedReadingsOrByAMachineThatSlept) {
  Processor processor;
  Clock clock(processor.Read(), Processor::kHz);
  const auto run = [&](int steps, Duration late) {
    for (int i = 0; i < steps; ++i) {
      processor.Wait(std::chrono::milliseconds(100));
      clock.Correct(processor.Read(i % 7 == 0 ? late : Duration{}));
    }
  };
  run(1000, std::chrono::microseconds(100));
  EXPECT_LT(std::abs(processor.LagOf(clock).count()), 200'000);
  run(100, {});
  const Time before = clock.At(processor.counter());
  processor.Sleep(std::chrono::hours(1));
  run(100, {});
  EXPECT_NEAR(static_cast<double>((clock.At(processor.counter()) - before).count()), 1e10, 1000)
      << "neither a step nor a hurry";
}

TEST(HugePagesTest, GivesZeroedMemoryThatBeginsWhereItMayBeHuge) {
  constexpr std::size_t kPage = std::size_t{2} << 20;
  std::pmr::memory_resource& pages = HugePages::Get();
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{5000}, kPage, 3 * kPage + 1}) {
    auto* const memory = static_cast<std::uint8_t*>(pages.allocate(bytes, kPage));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % kPage, 0U);
    EXPECT_TRUE(std::ranges::all_of(std::span(memory, bytes), [](auto byte) { return byte == 0; }));
    std::ranges::fill(std::span(memory, bytes), std::uint8_t{1});
    pages.deallocate(memory, bytes, kPage);
  }
}

TEST(SystemTimekeeper, ShowsWhatTheKernelsClocksShow) {
  const ClockReading zero = ReadClocks();
  SystemTimekeeper keeper(zero);
  std::int64_t unix_now = 0;
  for (int i = 0; i < 4; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    unix_now = keeper.UnixNanoseconds(keeper.Now());
  }
  // Between two readings: other programs may have the processor between any of these lines.
  constexpr std::chrono::milliseconds kOff(50);
  const ClockReading before = ReadClocks();
  const Time now = keeper.Now();
  unix_now = keeper.UnixNanoseconds(now);
  const ClockReading after = ReadClocks();
  EXPECT_GE(unix_now, (before.unix_time - kOff).count());
  EXPECT_LE(unix_now, (after.unix_time + kOff).count());
  EXPECT_GE(now.time_since_epoch(), before.steady - zero.steady - kOff);
  EXPECT_LE(now.time_since_epoch(), after.steady - zero.steady + kOff);
}

TEST(SystemTimekeeper, IsLaterWithinARoundThanWhatAnotherWasToldBefore) {
  const ClockReading zero = ReadClocks();
  SystemTimekeeper one(zero);
  SystemTimekeeper other(zero);
  Time last{};
  for (int i = 0; i < 100; ++i) {
    for (SystemTimekeeper* const keeper : {&one, &other}) {
      const Time now = keeper->Within(Time{});
      EXPECT_GT(now, last) << i;
      last = now;
      std::this_thread::sleep_for(std::chrono::microseconds(10));
    }
  }
}

TEST(SystemEntropy, FillsEveryByteDifferentlyEachTime) {
  SystemEntropy entropy;
  Buffer first(300), second(300);
  entropy.Fill(first);
  entropy.Fill(second);
  EXPECT_NE(first, second);
  EXPECT_FALSE(std::ranges::all_of(first.begin() + 200, first.end(),
                                   [](std::uint8_t byte) { return byte == 0; }));
}

TEST(Eal, SaysWhichMemoryIsMissingAndHowToReserveIt) {
  const auto root = std::filesystem::path(testing::TempDir()) / "slipway_eal_root";
  const auto pages = root / "sys/kernel/mm/hugepages/hugepages-2048kB";
  std::filesystem::create_directories(pages);
  std::ofstream(pages / "free_hugepages") << "100\n";
  const EalOptions options{.hugepages = true, .memory_mib = 256};
  const absl::Status status = CheckEalPrerequisites(options, root);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("200 MiB are free"));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("dpdk-hugepages.py"));
  std::ofstream(pages / "free_hugepages") << "128\n";
  EXPECT_TRUE(CheckEalPrerequisites(options, root).ok());
  std::filesystem::remove_all(root);
}

TEST(Eal, SaysWhichDriverHoldsAPciDevice) {
  const auto root = std::filesystem::path(testing::TempDir()) / "slipway_pci_root";
  const auto pages = root / "sys/kernel/mm/hugepages/hugepages-2048kB";
  const auto device = root / "sys/bus/pci/devices/0000:03:00.0";
  std::filesystem::create_directories(pages);
  std::filesystem::create_directories(device);
  std::ofstream(pages / "free_hugepages") << "1000\n";
  EalOptions options{.hugepages = true, .pci = {"0000:03:00.0"}};
  const auto message = [&] { return std::string(CheckEalPrerequisites(options, root).message()); };
  EXPECT_THAT(message(), testing::HasSubstr("bound to no driver"));
  std::filesystem::create_symlink("../../drivers/ixgbe", device / "driver");
  EXPECT_THAT(message(), testing::HasSubstr("bound to ixgbe"));
  std::filesystem::remove(device / "driver");
  std::filesystem::create_symlink("../../drivers/vfio-pci", device / "driver");
  EXPECT_EQ(message(), "");
  options.pci = {"0000:04:00.0"};
  EXPECT_THAT(message(), testing::HasSubstr("0000:04:00.0 does not exist"));
  options.hugepages = false;
  EXPECT_THAT(message(), testing::HasSubstr("needs hugepages"));
  std::filesystem::remove_all(root);
}

TEST(Eal, RefusesToStartTwice) {
  EXPECT_EQ(EalGuard::Start({}).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace slipway::dataplane
