// SPDX-License-Identifier: Apache-2.0
//
// First fit over a sorted list of blocks: images are few (hundreds) and large, and loading one
// takes far longer than the walk.
#include "dataplane/eal_image_memory.h"

#include <rte_malloc.h>

#include <algorithm>

#include "absl/strings/str_format.h"
#include "protocols/base/check.h"

namespace slipway::dataplane {

absl::StatusOr<std::unique_ptr<EalImageMemory>> EalImageMemory::Create(std::size_t budget,
                                                                       unsigned shards) {
  const std::size_t chunks = (std::max<std::size_t>(budget, 1) + kChunkBytes - 1) / kChunkBytes;
  std::unique_ptr<EalImageMemory> memory(new EalImageMemory);
  void* arena = rte_malloc("slipway_images", chunks * kChunkBytes, kChunkBytes);
  if (arena == nullptr) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "image memory: EAL has no %d contiguous MiB; lower the image budget or give EAL more "
        "memory (hugepages, at most 32 GiB in one piece)",
        chunks * kChunkBytes >> 20));
  }
  memory->arena_ = static_cast<std::uint8_t*>(arena);
  memory->shards_ = shards;
  memory->chunks_ = std::vector<std::atomic<Block*>>(chunks);
  return memory;
}

EalImageMemory::~EalImageMemory() {
  for (const auto& block : blocks_) {
    for (const Shard& shard : block->shards) SLIPWAY_CHECK(shard.idle());
  }
  rte_free(arena_);
}

MutableBytes EalImageMemory::Allocate(std::size_t size) {
  if (size == 0 || size > budget()) return {};
  const std::size_t wanted = (size + kChunkBytes - 1) / kChunkBytes;
  const std::lock_guard lock(mutex_);
  Reclaim();
  std::size_t first = 0;
  auto place = blocks_.begin();
  for (; place != blocks_.end(); ++place) {
    if ((*place)->first - first >= wanted) break;
    first = (*place)->first + (*place)->chunks;
  }
  if (place == blocks_.end() && chunks_.size() - first < wanted) return {};
  auto block = std::make_unique<Block>();
  block->first = first;
  block->chunks = wanted;
  block->shards = std::vector<Shard>(shards_);
  for (std::size_t i = 0; i < wanted; ++i) {
    chunks_[first + i].store(block.get(), std::memory_order_release);
  }
  blocks_.insert(place, std::move(block));
  return {arena_ + first * kChunkBytes, size};
}

void EalImageMemory::Free(MutableBytes block) {
  if (block.empty()) return;
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(blocks_, [&](const auto& candidate) {
    return arena_ + candidate->first * kChunkBytes == block.data();
  });
  SLIPWAY_CHECK(found != blocks_.end() && !(*found)->going);
  (*found)->going = true;
  Reclaim();
}

std::size_t EalImageMemory::in_use() const {
  const std::lock_guard lock(mutex_);
  std::size_t chunks = 0;
  for (const auto& block : blocks_) chunks += block->chunks;
  return chunks * kChunkBytes;
}

std::size_t EalImageMemory::going() {
  const std::lock_guard lock(mutex_);
  Reclaim();
  std::size_t chunks = 0;
  for (const auto& block : blocks_) chunks += block->going ? block->chunks : 0;
  return chunks * kChunkBytes;
}

EalImageMemory::Counter* EalImageMemory::Begin(Bytes slice, unsigned shard) {
  const auto start = reinterpret_cast<std::uintptr_t>(slice.data());
  const auto arena = reinterpret_cast<std::uintptr_t>(arena_);
  if (start < arena || start - arena >= budget() || slice.size() > budget() - (start - arena)) {
    return nullptr;
  }
  const std::size_t offset = start - arena;
  Block* const block = chunks_[offset / kChunkBytes].load(std::memory_order_acquire);
  if (block == nullptr || offset + slice.size() > (block->first + block->chunks) * kChunkBytes) {
    return nullptr;
  }
  SLIPWAY_CHECK(shard < shards_);
  Shard& counters = block->shards[shard];
  const std::uint64_t begun = counters.begun.load(std::memory_order_relaxed);
  counters.begun.store(begun + 1, std::memory_order_release);
  return &counters.ended;
}

// Each borrowing begins and ends in the same shard, and none begins after Free(): a shard once seen
// idle stays so, and looking at one after the other is exact.
void EalImageMemory::Reclaim() {
  std::erase_if(blocks_, [&](const auto& block) {
    if (!block->going) return false;
    for (const Shard& shard : block->shards) {
      if (!shard.idle()) return false;
    }
    for (std::size_t i = 0; i < block->chunks; ++i) {
      chunks_[block->first + i].store(nullptr, std::memory_order_release);
    }
    return true;
  });
}

}  // namespace slipway::dataplane
