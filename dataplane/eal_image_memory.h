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
  static constexpr std::size_t kChunkBytes = std::size_t{64} * 1024;

  // `budget` is rounded up to whole chunks. Each worker that lends has a shard of its own, of
  // `shards`.
  static absl::StatusOr<std::unique_ptr<EalImageMemory>> Create(std::size_t budget,
                                                                unsigned shards = 4);
  // No frame may be in flight any more.
  ~EalImageMemory() override;

  MutableBytes Allocate(std::size_t size) override;
  void Free(MutableBytes block) override;
  std::size_t granule() const override { return kChunkBytes; }
  std::size_t budget() const override { return chunks_.size() * kChunkBytes; }
  std::size_t in_use() const override;
  // Bytes of blocks that were freed while frames still pointed into them.
  std::size_t going();

  // --- For PacketPool: one borrowing of one packet buffer ---
  using Counter = std::atomic<std::uint64_t>;
  // Counts one that begins; the counter to raise when the buffer is free again. Null when `slice`
  // is not wholly inside one block. Only the thread that owns `shard` calls it.
  Counter* Begin(Bytes slice, unsigned shard);

 private:
  // On two lines: a worker alone raises the one, without a locked instruction (which would wait for
  // the headers it wrote just before: measured, a quarter of a segment of plain HTTP), and whoever
  // frees its frames (on some wires the core at the other end) the other.
  struct Shard {
    alignas(64) Counter begun{0};
    alignas(64) Counter ended{0};

    bool idle() const {
      return ended.load(std::memory_order_acquire) == begun.load(std::memory_order_acquire);
    }
  };
  struct Block {
    std::size_t first = 0;  // chunk
    std::size_t chunks = 0;
    bool going = false;
    std::vector<Shard> shards;
  };

  EalImageMemory() = default;
  void Reclaim();

  std::uint8_t* arena_ = nullptr;
  unsigned shards_ = 0;
  std::vector<std::atomic<Block*>> chunks_;  // null: free
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> blocks_;  // by first chunk
};

}  // namespace slipway::dataplane
