// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/out_of_order.h"

#include <algorithm>

namespace slipway::tcp {

OutOfOrderStore::OutOfOrderStore(std::uint32_t blocks_max, std::uint32_t blocks_per_queue)
    : blocks_per_queue_(blocks_per_queue),
      free_(blocks_max),
      free_head_(blocks_max == 0 ? kNone : 0),
      blocks_(blocks_max),
      bytes_(std::size_t{blocks_max} * kBlockBytes) {
  for (std::uint32_t i = 0; i + 1 < blocks_max; ++i) blocks_[i].next = i + 1;
}

std::uint32_t OutOfOrderStore::Allocate(Queue& queue) {
  if (free_head_ == kNone || queue.blocks >= blocks_per_queue_) return kNone;
  const std::uint32_t index = free_head_;
  free_head_ = blocks_[index].next;
  --free_;
  ++queue.blocks;
  return index;
}

void OutOfOrderStore::FreeFront(Queue& queue) {
  const std::uint32_t index = queue.head;
  queue.head = blocks_[index].next;
  blocks_[index].next = free_head_;
  free_head_ = index;
  ++free_;
  --queue.blocks;
}

void OutOfOrderStore::Clear(Queue& queue) {
  while (!queue.empty()) FreeFront(queue);
}

// `text` overlaps no block; `before` is the block it comes after, kNone for the front. Fills that
// block up first when they are adjacent.
bool OutOfOrderStore::InsertGap(Queue& queue, std::uint32_t before, SeqNum start, Bytes text) {
  if (before != kNone && End(blocks_[before]) == start) {
    Block& block = blocks_[before];
    const MutableBytes room = MutableBytes(bytes_).subspan(
        std::size_t{before} * kBlockBytes + block.size, kBlockBytes - block.size);
    const auto copied = static_cast<std::uint32_t>(Copy(text, room));
    block.size += copied;
    start = start + copied;
    text = text.subspan(copied);
  }
  while (!text.empty()) {
    const std::uint32_t index = Allocate(queue);
    if (index == kNone) return false;
    const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(text.size(), kBlockBytes));
    static_cast<void>(Copy(text.first(size),
                           MutableBytes(bytes_).subspan(std::size_t{index} * kBlockBytes, size)));
    std::uint32_t& link = before == kNone ? queue.head : blocks_[before].next;
    blocks_[index] = {.next = link, .start = start, .size = size};
    link = index;
    before = index;
    start = start + size;
    text = text.subspan(size);
  }
  return true;
}

bool OutOfOrderStore::Insert(Queue& queue, SeqNum start, Bytes text) {
  const SeqNum end = start + static_cast<std::uint32_t>(text.size());
  std::uint32_t before = kNone;
  std::uint32_t at = queue.head;
  bool complete = true;
  while (start.Before(end)) {
    while (at != kNone && End(blocks_[at]).AtOrBefore(start)) {
      before = at;
      at = blocks_[at].next;
    }
    // The gap up to the next block, or nothing when that block covers `start`.
    SeqNum gap_end = end;
    if (at != kNone && blocks_[at].start.Before(end)) gap_end = blocks_[at].start;
    if (gap_end.After(start)) {
      const auto size = static_cast<std::size_t>(gap_end - start);
      complete &= InsertGap(queue, before, start, text.first(size));
      text = text.subspan(size);
      start = gap_end;
      // What was inserted stands between before and at: walk over it again.
      if (before == kNone) at = queue.head;
    } else {
      const SeqNum covered = End(blocks_[at]);
      const std::int32_t skip = std::min(covered - start, end - start);
      text = text.subspan(static_cast<std::size_t>(skip));
      start = start + static_cast<std::uint32_t>(skip);
    }
  }
  return complete;
}

SeqNum OutOfOrderStore::ContiguousEnd(const Queue& queue, SeqNum next) const {
  for (std::uint32_t at = queue.head; at != kNone; at = blocks_[at].next) {
    if (blocks_[at].start.After(next)) break;
    next = Later(next, End(blocks_[at]));
  }
  return next;
}

Bytes OutOfOrderStore::TakeFront(Queue& queue, SeqNum from, SeqNum end) {
  while (!queue.empty() && blocks_[queue.head].start.Before(end)) {
    const Block block = blocks_[queue.head];
    const Bytes run = Bytes(bytes_).subspan(std::size_t{queue.head} * kBlockBytes, block.size);
    FreeFront(queue);
    if (End(block).AtOrBefore(from)) continue;  // overtaken by a later, longer arrival
    const std::int32_t known = std::max(from - block.start, 0);
    return run.subspan(static_cast<std::size_t>(known));
  }
  return {};
}

SackBlocks OutOfOrderStore::Blocks(const Queue& queue, SeqNum next, SeqNum recent) const {
  SackBlocks others;
  SackBlock first{};
  bool found = false;
  for (std::uint32_t at = queue.head; at != kNone;) {
    const SeqNum start = blocks_[at].start;
    SeqNum end = start;
    while (at != kNone && blocks_[at].start == end) {
      end = End(blocks_[at]);
      at = blocks_[at].next;
    }
    if (end.AtOrBefore(next)) continue;  // in order, waiting to be taken
    if (start.AtOrBefore(recent) && recent.Before(end)) {
      first = {.start = start, .end = end};
      found = true;
    } else {
      others.Add({.start = start, .end = end});
    }
  }
  if (!found) return others;
  SackBlocks blocks;
  blocks.Add(first);
  for (const SackBlock& block : others) blocks.Add(block);
  return blocks;
}

}  // namespace slipway::tcp
