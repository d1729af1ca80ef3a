// SPDX-License-Identifier: Apache-2.0
//
// EalImageMemory: image blocks in EAL memory (hugepages, or ordinary memory with --no-huge): the
// one place every port can send from without a copy. One arena of the stated budget is taken at
// start, so a budget the machine cannot hold is an error then and not during a boot.
//
// Frames that borrow a slice are counted as in flight, in a counter per block and per worker (a
// hot image must not be a cache line every core writes). Free() marks a block as going; its memory
// is used again when all its counters are zero. Nobody borrows from a block after Free(): whoever
// serves it holds it through the snapshot, and frees it when no connection has it any more.
//
// Invariants: blocks never overlap; each is whole chunks of 64 KiB, so an address names its block
// by one table look-up. Allocate, Free and the sizes may be called by any thread (one lock, control
// plane only); Begin and the end of a borrowing are for workers and take no lock.
//
// Left out: budgets above 32 GiB on hugepages (DPDK's RTE_MAX_MEM_MB_PER_LIST bounds one
// contiguous piece), and IOVA mode PA (eal.h always asks for VA).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/image_memory.h"

namespace slipway::dataplane {

class EalImageMemory final : public ImageMemory {
 public:
  static constexpr std::size_t kChunkBytes = 64 * 1024;
  static constexpr unsigned kShards = 16;  // workers share one when there are more

  // `budget` is rounded up to whole chunks.
  static absl::StatusOr<std::unique_ptr<EalImageMemory>> Create(std::size_t budget);
  // No frame may be in flight any more.
  ~EalImageMemory() override;

  MutableBytes Allocate(std::size_t size) override;
  void Free(MutableBytes block) override;
  std::size_t budget() const override { return chunks_.size() * kChunkBytes; }
  std::size_t in_use() const override;
  // Bytes of blocks that were freed while frames still pointed into them.
  std::size_t going();

  // --- For PacketPool: one borrowing of one packet buffer ---
  using InFlight = std::atomic<std::uint64_t>;
  // The counter to raise and, when the buffer is free again, to lower; null when `slice` is not
  // wholly inside one block.
  InFlight* Begin(Bytes slice, unsigned shard);

 private:
  struct alignas(64) Shard {
    InFlight in_flight{0};
  };
  struct Block {
    std::size_t first = 0;  // chunk
    std::size_t chunks = 0;
    bool going = false;
    std::array<Shard, kShards> shards;
  };

  EalImageMemory() = default;
  void Reclaim();

  std::uint8_t* arena_ = nullptr;
  std::vector<std::atomic<Block*>> chunks_;  // null: free
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> blocks_;  // by first chunk
};

}  // namespace slipway::dataplane
