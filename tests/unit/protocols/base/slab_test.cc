// SPDX-License-Identifier: Apache-2.0
#include "protocols/base/slab.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace slipway {
namespace {

// Counts the chunks that are out.
class Counted final : public std::pmr::memory_resource {
 public:
  int out = 0;
  int ever = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    EXPECT_EQ(bytes, Slab::kChunkBytes);
    EXPECT_EQ(alignment, Slab::kChunkBytes);
    ++out;
    ++ever;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    --out;
    std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

constexpr std::size_t kBig = std::size_t{500} << 10;  // four to a chunk

TEST(SlabTest, TakesNoMemoryBeforeTheFirstBlock) {
  Counted pages;
  const Slab slab(100, pages);
  EXPECT_EQ(pages.out, 0);
  EXPECT_EQ(slab.block_bytes(), 128U) << "whole lines";
}

TEST(SlabTest, BlocksBeginLinesAndDoNotOverlap) {
  for (const std::size_t size : {1UL, 64UL, 65UL, 1216UL, 100'000UL, Slab::kBlockMax}) {
    Counted pages;
    Slab slab(size, pages);
    const std::size_t count = 2 * Slab::kChunkBytes / slab.block_bytes() + 1;
    std::set<std::uintptr_t> blocks;
    for (std::size_t i = 0; i < count; ++i) {
      void* const block = slab.Take();
      std::memset(block, 0xa5, size);
      blocks.insert(reinterpret_cast<std::uintptr_t>(block));
    }
    ASSERT_EQ(blocks.size(), count);
    std::uintptr_t end = 0;
    for (const std::uintptr_t block : blocks) {
      EXPECT_EQ(block % Slab::kLine, 0U);
      EXPECT_GE(block, end) << size;
      EXPECT_EQ(block / Slab::kChunkBytes, (block + size - 1) / Slab::kChunkBytes);
      end = block + size;
    }
    for (const std::uintptr_t block : blocks) Slab::Give(reinterpret_cast<void*>(block));
    EXPECT_EQ(pages.out, 1) << "one is kept for whoever comes next";
  }
}

TEST(SlabTest, WhatWasGivenBackIsTakenFirst) {
  Counted pages;
  Slab slab(256, pages);
  void* const one = slab.Take();
  void* const other = slab.Take();
  Slab::Give(one);
  EXPECT_EQ(slab.bytes_taken(), 256U);
  EXPECT_EQ(slab.Take(), one) << "it may still be in the cache";
  EXPECT_EQ(slab.bytes_taken(), 512U);
  Slab::Give(one);
  Slab::Give(other);
}

TEST(SlabTest, OfChunksWithoutBlocksOneIsKept) {
  Counted pages;
  Slab slab(kBig, pages);
  std::vector<void*> blocks;
  for (int i = 0; i < 9; ++i) blocks.push_back(slab.Take());
  EXPECT_EQ(pages.out, 3);
  for (int i = 0; i < 4; ++i) Slab::Give(blocks[static_cast<std::size_t>(i)]);
  EXPECT_EQ(pages.out, 3) << "it is kept";
  for (int i = 4; i < 8; ++i) Slab::Give(blocks[static_cast<std::size_t>(i)]);
  EXPECT_EQ(pages.out, 2);
  Slab::Give(blocks[8]);
  EXPECT_EQ(pages.out, 1);
}

TEST(SlabTest, WhoTakesAndGivesByTurnsCostsNoChunks) {
  Counted pages;
  Slab slab(kBig, pages);
  std::vector<void*> blocks;
  for (int i = 0; i < 4; ++i) blocks.push_back(slab.Take());
  for (int i = 0; i < 10; ++i) {
    void* const fifth = slab.Take();
    Slab::Give(fifth);
    Slab::Give(blocks.back());
    blocks.back() = slab.Take();
  }
  EXPECT_EQ(pages.ever, 2);
  for (void* const block : blocks) Slab::Give(block);
}

TEST(SlabTest, TwoSlabsOfOneMemoryKeepTheirBlocksApart) {
  Counted pages;
  Slab slab(kBig, pages);
  Slab other(kBig, pages);
  void* const block = slab.Take();
  void* const others = other.Take();
  Slab::Give(block);
  Slab::Give(others);
  EXPECT_EQ(slab.Take(), block);
  EXPECT_EQ(other.Take(), others);
  Slab::Give(block);
  Slab::Give(others);
}

// Whatever is taken and given back in whatever order: what is out keeps what was written there, no
// chunk is lost, and at the end all are back.
TEST(SlabTest, AnyOrderOfTakingAndGiving) {
  const unsigned seed = 1;
  std::mt19937 random(seed);
  Counted pages;
  {
    Slab slab(kBig, pages);
    std::map<std::uint8_t*, std::uint8_t> out;
    for (int i = 0; i < 20'000; ++i) {
      const bool takes = out.size() < 40 && random() % 16 < (i / 2000 % 2 == 0 ? 10 : 6);
      if (takes) {
        auto* const block = static_cast<std::uint8_t*>(slab.Take());
        const auto mark = static_cast<std::uint8_t>(random());
        ASSERT_TRUE(out.emplace(block, mark).second) << "taken twice, seed " << seed;
        block[0] = block[kBig - 1] = mark;
      } else if (!out.empty()) {
        const auto gone = std::next(out.begin(), static_cast<long>(random() % out.size()));
        ASSERT_EQ(gone->first[0], gone->second) << "seed " << seed;
        ASSERT_EQ(gone->first[kBig - 1], gone->second) << "seed " << seed;
        Slab::Give(gone->first);
        out.erase(gone);
      }
      // Between what is needed, and one for each block and one that is kept.
      const std::size_t least = (out.size() + 3) / 4;
      ASSERT_GE(slab.chunks(), least);
      ASSERT_LE(slab.chunks(), out.size() + 1);
      ASSERT_EQ(static_cast<std::size_t>(pages.out), slab.chunks());
    }
    for (const auto& [block, mark] : out) Slab::Give(block);
  }
  EXPECT_EQ(pages.out, 0);
}

}  // namespace
}  // namespace slipway
