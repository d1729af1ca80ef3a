// SPDX-License-Identifier: Apache-2.0
//
// The three memory pools of a worker, and borrowing.
#include "dataplane/packet_pool.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <new>

#include "absl/strings/str_format.h"
#include "dataplane/eal_image_memory.h"
#include "dataplane/packet_private.h"
#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

constexpr std::uint16_t kPrivateBytes = RTE_ALIGN_CEIL(sizeof(PacketPrivate), RTE_MBUF_PRIV_ALIGN);
constexpr unsigned kCacheMax = 256;
constexpr std::size_t kPrefetchMax = 1536;  // a frame of an Ethernet's usual MTU

void InitializePrivate(rte_mempool*, void* pool, void* buffer, unsigned) {
  auto* const packet = static_cast<rte_mbuf*>(buffer);
  // Devices see our own addresses (eal.h: IOVA mode VA).
  packet->buf_iova = reinterpret_cast<rte_iova_t>(packet->buf_addr);
  new (rte_mbuf_to_priv(packet))
      PacketPrivate{.shared = {}, .pool = static_cast<PacketPool*>(pool)};
}

struct BufferOptions {
  std::uint32_t count = 0;
  std::uint32_t cache = 0;  // kept by each thread
  std::size_t room = 0;     // bytes, with headroom
};

// A pool of buffers whose memory has no gaps: net_af_xdp tells the kernel of so many bytes as the
// buffers have, and what gaps push beyond that is lost in silence. And a stack, not DPDK's usual
// ring: the buffer freed last is in the cache still and is the next to be filled, where a ring
// would walk through the whole pool, through DRAM.
rte_mempool* CreateBuffers(const std::string& name, const BufferOptions& options) {
  const std::size_t size = sizeof(rte_mbuf) + kPrivateBytes + options.room;
  rte_mempool* const memory = rte_mempool_create_empty(
      name.c_str(), options.count, static_cast<unsigned>(size), options.cache,
      sizeof(rte_pktmbuf_pool_private), SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
  if (memory == nullptr) return nullptr;
  rte_pktmbuf_pool_private sizes{};
  sizes.mbuf_data_room_size = static_cast<std::uint16_t>(options.room);
  sizes.mbuf_priv_size = kPrivateBytes;
  if (rte_mempool_set_ops_byname(memory, "stack", nullptr) == 0) {
    rte_pktmbuf_pool_init(memory, &sizes);
    if (rte_mempool_populate_default(memory) >= 0) {
      rte_mempool_obj_iter(memory, rte_pktmbuf_init, nullptr);
      return memory;
    }
  }
  rte_mempool_free(memory);
  return nullptr;
}

// A borrowing ended: DPDK gave up the last (the only) reference of a buffer to image memory.
void EndBorrowing(void*, void* counter) {
  static_cast<EalImageMemory::Counter*>(counter)->fetch_add(1, std::memory_order_release);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PacketPool>> PacketPool::Create(const PacketPoolOptions& options) {
  std::unique_ptr<PacketPool> pool(new PacketPool);
  pool->packet_bytes_ = options.packet_bytes;
  pool->data_at_ = sizeof(rte_mbuf) + kPrivateBytes + RTE_PKTMBUF_HEADROOM;
  pool->prefetched_ = std::min<std::size_t>(options.packet_bytes, kPrefetchMax);
  pool->shard_ = options.shard;
  pool->abandons_ = options.abandons;
  pool->images_ = options.images;
  if (absl::Status status = pool->CreateMemory(options); !status.ok()) return status;
  return pool;
}

absl::Status PacketPool::CreateMemory(const PacketPoolOptions& options) {
  struct Kind {
    rte_mempool** memory;
    const char* suffix;
    std::uint32_t count;
    std::size_t room;
  };
  const Kind kinds[] = {
      {&packets_, "p", options.packets,
       std::min<std::size_t>(options.packet_bytes + RTE_PKTMBUF_HEADROOM, kFrameBytesMax)},
      {&large_, "l", options.large, kFrameBytesMax},
      {&handles_, "h", options.handles, 0},
  };
  for (const Kind& kind : kinds) {
    const std::string name = options.name + "_" + kind.suffix;
    const unsigned count = std::max<unsigned>(kind.count, 1);
    const unsigned cache = std::min(kCacheMax, count / 4);
    *kind.memory = CreateBuffers(name, {.count = count, .cache = cache, .room = kind.room});
    if (*kind.memory == nullptr) {
      return absl::ResourceExhaustedError(absl::StrFormat(
          "packet pool %s: %d buffers of %d bytes: %s; give EAL more memory or ask for fewer", name,
          count, kind.room, rte_strerror(rte_errno)));
    }
    rte_mempool_obj_iter(*kind.memory, InitializePrivate, this);
  }
  constexpr std::size_t kLine = RTE_CACHE_LINE_SIZE;
  packets_ahead_.Begin(packets_, {0, kLine, data_at_, data_at_ + kLine});
  handles_ahead_.Begin(handles_, {0, kLine, sizeof(rte_mbuf)});
  return absl::OkStatus();
}

PacketPool::~PacketPool() {
  packets_ahead_.End();
  handles_ahead_.End();
  const bool complete = packets_ != nullptr && large_ != nullptr && handles_ != nullptr;
  SLIPWAY_CHECK(!complete || abandons_ || in_use() == 0);
  for (rte_mempool* memory : {packets_, large_, handles_}) rte_mempool_free(memory);
}

std::size_t PacketPool::in_use() const {
  return rte_mempool_in_use_count(packets_) + rte_mempool_in_use_count(large_) +
         rte_mempool_in_use_count(handles_) - packets_ahead_.count() - handles_ahead_.count();
}

void PacketPool::Ahead::Begin(rte_mempool* memory, const Lines& lines) {
  memory_ = memory;
  lines_ = lines;
}

void PacketPool::Ahead::End() {
  for (; count_ != 0; --count_, ++first_) {
    rte_mempool_put(memory_, buffers_[first_ % kRoom]);
  }
}

std::size_t PacketPool::Ahead::Take(std::span<rte_mbuf*> buffers) {
  SLIPWAY_CHECK(buffers.size() <= kTogether);
  if (count_ < buffers.size()) Fill();
  const std::size_t taken = std::min(buffers.size(), count_);
  for (std::size_t i = 0; i < taken; ++i) buffers[i] = buffers_[(first_ + i) % kRoom];
  first_ = (first_ + taken) % kRoom;
  count_ -= taken;
  if (count_ < kTogether) Fill();
  return taken;
}

void PacketPool::Ahead::Fill() {
  std::array<void*, kTogether> more;
  unsigned count = kTogether;
  while (rte_mempool_get_bulk(memory_, more.data(), count) != 0) {
    count /= 2;
    if (count == 0) return;
  }
  for (void* const buffer : std::span(more).first(count)) {
    buffers_[(first_ + count_++) % kRoom] = static_cast<rte_mbuf*>(buffer);
    for (const std::size_t line : lines_) {
      FetchLineToWrite(static_cast<const char*>(buffer) + line);
    }
  }
}

std::size_t PacketPool::Allocate(std::span<Frame> frames) {
  std::array<rte_mbuf*, kTogether> buffers;
  const std::size_t count = packets_ahead_.Take(std::span(buffers).first(frames.size()));
  for (std::size_t i = 0; i < count; ++i) {
    rte_pktmbuf_reset(buffers[i]);
    frames[i] = Frame(buffers[i]);
  }
  return count;
}

std::size_t PacketPool::in_use_permille() const {
  std::size_t most = 0;
  for (const rte_mempool* const kind : {packets_, large_, handles_}) {
    const std::size_t used = rte_mempool_in_use_count(kind);
    most = std::max(most, 1000 * used / std::max<std::size_t>(1, kind->size));
  }
  return most;
}

Frame PacketPool::AllocateContiguous(std::size_t size) {
  const std::size_t packet_room = rte_pktmbuf_data_room_size(packets_);
  if (size > kFrameBytesMax) return {};
  const bool fits = size + RTE_PKTMBUF_HEADROOM <= packet_room;
  rte_mbuf* const buffer = rte_pktmbuf_alloc(fits ? packets_ : large_);
  if (buffer == nullptr) return {};
  if (!fits && size + RTE_PKTMBUF_HEADROOM > kFrameBytesMax) buffer->data_off = 0;
  buffer->data_len = static_cast<std::uint16_t>(size);
  buffer->pkt_len = buffer->data_len;
  return Frame(buffer);
}

std::size_t PacketPool::MemoryNeeded(const PacketPoolOptions& options) {
  const std::size_t overhead = sizeof(rte_mbuf) + kPrivateBytes + 128;  // object header, alignment
  return options.packets * (overhead + options.packet_bytes + RTE_PKTMBUF_HEADROOM) +
         options.large * (overhead + kFrameBytesMax) + options.handles * overhead + (1 << 20);
}

rte_mbuf* PacketPool::Borrow(Bytes slice) {
  SLIPWAY_CHECK(slice.size() <= kFrameBytesMax);
  rte_mbuf* const handle = handles_ahead_.TakeOne();
  if (handle == nullptr) return nullptr;
  rte_pktmbuf_reset(handle);
  EalImageMemory::Counter* const ended = images_->Begin(slice, shard_);
  if (ended == nullptr) {
    rte_pktmbuf_free(handle);
    return nullptr;
  }
  // DPDK's interface knows no read-only memory; nothing writes to a piece that is not the head.
  auto* const start = const_cast<std::uint8_t*>(slice.data());
  rte_mbuf_ext_shared_info* const shared = &PrivateOf(handle)->shared;
  shared->free_cb = EndBorrowing;
  shared->fcb_opaque = ended;
  rte_mbuf_ext_refcnt_set(shared, 1);
  rte_pktmbuf_attach_extbuf(handle, start, reinterpret_cast<rte_iova_t>(start),
                            static_cast<std::uint16_t>(slice.size()), shared);
  handle->data_off = 0;
  handle->data_len = static_cast<std::uint16_t>(slice.size());
  handle->pkt_len = handle->data_len;
  return handle;
}

}  // namespace slipway::dataplane
