// SPDX-License-Identifier: Apache-2.0
//
// PacketPool: one worker's packet memory. Frames received on its queues and frames it sends come
// from here and return here.
//
// Three kinds of buffers: packets (a frame of the MTU fits one), large ones (a received frame of
// many pieces is joined into one, up to 65,535 bytes), and handles (no bytes of their own; they
// carry slices of image memory). Allocation is for one thread; buffers may be freed by any.
//
// Each buffer's private area holds what makes borrowing safe: the shared information DPDK asks for
// with foreign memory (rte_mbuf_ext_shared_info) is one per buffer, not one per image, because
// DPDK counts its holders in 16 bits and thousands of machines boot the same image. Hence buffers
// of a pool must never be cloned (rte_pktmbuf_clone, rte_gso): nothing in dataplane/ does.
#pragma once

#include <rte_lcore.h>
#include <rte_mempool.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "dataplane/frame.h"

namespace slipway::dataplane {

class EalImageMemory;

struct PacketPoolOptions {
  std::string name;                   // unique in the process, at most 20 characters
  std::uint32_t packets = 4096;       // at least the descriptors of the worker's queues and a burst
  std::uint16_t packet_bytes = 2048;  // a whole frame: MTU + 18
  std::uint32_t large = 64;
  std::uint32_t handles = 4096;
  unsigned shard = 0;                // whose in-flight counters borrowed memory is counted in
  EalImageMemory* images = nullptr;  // without it AppendBorrowed copies
  bool abandons = false;             // may die while buffers are out: a driver forgets them
};

class PacketPool {
 public:
  static absl::StatusOr<std::unique_ptr<PacketPool>> Create(const PacketPoolOptions& options);
  // Every buffer must have come back.
  ~PacketPool();
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  // An empty frame with headroom; an empty Frame when the pool is empty.
  Frame Allocate() {
    Frame frame(rte_pktmbuf_alloc(packets_));
    PrefetchNext();
    return frame;
  }
  // Fills `frames` (empty ones) from the front, at most kTogether; returns how many there were.
  static constexpr std::size_t kTogether = 16;
  [[nodiscard]] std::size_t Allocate(std::span<Frame> frames);
  // One contiguous frame of exactly `size` bytes, from whichever kind holds it.
  Frame AllocateContiguous(std::size_t size);

  // Buffers of all kinds that are out; 0 when everything came back. Exact only while no other
  // thread uses the pool.
  std::size_t in_use() const;
  // The same as a share of what there is, in thousandths, of the kind that is scarcest.
  std::size_t in_use_permille() const;
  std::size_t available() const {
    return rte_mempool_avail_count(packets_) + packets_ahead_.count();
  }
  std::size_t packet_bytes() const { return packet_bytes_; }
  // What receive queues are given.
  rte_mempool* receive_memory() const { return packets_; }

  // Bytes of EAL memory a pool of these options takes, for stating memory needs before EAL starts.
  static std::size_t MemoryNeeded(const PacketPoolOptions& options);

 private:
  friend class Frame;

  // Buffers taken ahead, first in, first out, so that their lines are on their way from whoever
  // freed them (a NIC, another core) while the run before them is made.
  class Ahead {
   public:
    // Bytes of a buffer whose lines are written when it is filled.
    using Lines = std::array<std::size_t, 4>;
    void Begin(rte_mempool* memory, const Lines& lines);
    void End();
    // Fills `buffers` from the front, at most kTogether; returns how many there were.
    std::size_t Take(std::span<rte_mbuf*> buffers);
    // One; null when there was none.
    rte_mbuf* TakeOne() {
      if (count_ < kTogether) Fill();
      if (count_ == 0) return nullptr;
      --count_;
      return buffers_[std::exchange(first_, (first_ + 1) % kRoom)];
    }
    std::size_t count() const { return count_; }

   private:
    void Fill();

    rte_mempool* memory_ = nullptr;
    Lines lines_{};
    static constexpr std::size_t kRoom = 2 * kTogether;
    std::array<rte_mbuf*, kRoom> buffers_{};  // a ring
    std::size_t first_ = 0;
    std::size_t count_ = 0;
  };

  PacketPool() = default;
  // The buffer that will be given out next, on its way into the cache, to be written: whoever freed
  // it (a NIC, another core) has its lines, and to wait for them one by one is most of a packet's
  // cost (measured: a fifth of a worker's cycles in the first write of each header). One frame is
  // not worth a buffer taken ahead.
  void PrefetchNext() const {
    const rte_mempool_cache* const cache = rte_mempool_default_cache(packets_, rte_lcore_id());
    if (cache == nullptr || cache->len == 0) return;
    const auto* const next = static_cast<const char*>(cache->objs[cache->len - 1]);
    FetchLineToWrite(next);
    FetchLineToWrite(next + RTE_CACHE_LINE_SIZE);
    const char* const data = next + data_at_;
    for (std::size_t at = 0; at < prefetched_; at += RTE_CACHE_LINE_SIZE) {
      FetchLineToWrite(data + at);
    }
  }
  absl::Status CreateMemory(const PacketPoolOptions& options);
  // A handle that carries `slice`; null when there is none left or the slice is not of an image.
  rte_mbuf* Borrow(Bytes slice);

  rte_mempool* packets_ = nullptr;
  rte_mempool* large_ = nullptr;
  rte_mempool* handles_ = nullptr;
  Ahead packets_ahead_;
  Ahead handles_ahead_;
  std::size_t packet_bytes_ = 0;
  std::size_t data_at_ = 0;     // from a buffer's start to its first byte of frame
  std::size_t prefetched_ = 0;  // bytes of it
  unsigned shard_ = 0;
  bool abandons_ = false;
  EalImageMemory* images_ = nullptr;
};

// The largest contiguous frame: DPDK says a buffer's length in 16 bits.
inline constexpr std::size_t kFrameBytesMax = 65'535;

}  // namespace slipway::dataplane
