// SPDX-License-Identifier: Apache-2.0
//
// OutOfOrderStore: text that arrived before what precedes it (RFC 9293 3.10.7.4, "segments with
// higher beginning sequence numbers SHOULD be held"), in fixed blocks shared by all connections of
// a Host and bounded per connection as well. A queue is a connection's sorted, disjoint list.
//
// The first arrival of a byte wins; a later, different copy of it is ignored. What does not fit is
// not acknowledged, so the peer sends it again: full means slower, never wrong.
//
// A queue's front may already be in order: bytes below rcv.nxt that the application has not taken.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "protocols/base/bytes.h"
#include "protocols/tcp/segment.h"

namespace slipway::tcp {

class OutOfOrderStore {
 public:
  static constexpr std::uint32_t kBlockBytes = 1460;
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Queue {
    std::uint32_t head = kNone;
    std::uint32_t blocks = 0;
    bool empty() const { return head == kNone; }
  };

  OutOfOrderStore(std::uint32_t blocks_max, std::uint32_t blocks_per_queue);

  // Keeps what of `text` at `start` is not held yet. False when some of it found no block.
  bool Insert(Queue& queue, SeqNum start, Bytes text);
  // One past the last byte that continues `next` without a gap.
  SeqNum ContiguousEnd(const Queue& queue, SeqNum next) const;
  // Takes the run at the front that begins below `end`, without what lies below `from`; empty when
  // there is none. `end` is a ContiguousEnd, so no block reaches over it. The bytes stay valid
  // until the next Insert into any queue of this store.
  Bytes TakeFront(Queue& queue, SeqNum from, SeqNum end);
  void Clear(Queue& queue);
  // The ranges held above `next`, the one that holds `recent` first (RFC 2018 4).
  SackBlocks Blocks(const Queue& queue, SeqNum next, SeqNum recent) const;

  std::uint32_t free_blocks() const { return free_; }

 private:
  struct Block {
    std::uint32_t next = kNone;
    SeqNum start;
    std::uint32_t size = 0;
  };

  SeqNum End(const Block& block) const { return block.start + block.size; }
  bool InsertGap(Queue& queue, std::uint32_t before, SeqNum start, Bytes text);
  std::uint32_t Allocate(Queue& queue);
  void FreeFront(Queue& queue);

  std::uint32_t blocks_per_queue_;
  std::uint32_t free_;
  std::uint32_t free_head_;
  std::vector<Block> blocks_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace slipway::tcp
