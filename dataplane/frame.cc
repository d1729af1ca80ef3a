// SPDX-License-Identifier: Apache-2.0
//
// Growing a frame that is to be sent.
#include "dataplane/frame.h"

#include <algorithm>

#include "dataplane/packet_pool.h"
#include "dataplane/packet_private.h"
#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

// Room behind the last piece that may be written: none behind borrowed memory.
std::size_t WritableTail(const rte_mbuf* tail) {
  return RTE_MBUF_HAS_EXTBUF(tail) ? 0 : rte_pktmbuf_tailroom(tail);
}

void Chain(rte_mbuf* head, rte_mbuf* piece) {
  const std::uint32_t size = head->pkt_len + piece->data_len;
  rte_pktmbuf_lastseg(head)->next = piece;
  ++head->nb_segs;
  head->pkt_len = size;
}

}  // namespace

// Append, where the frame has pieces already or no room is left in its first.
MutableBytes Frame::AppendPiece(std::size_t size) {
  rte_mbuf* last = LastPiece();
  return AppendBehind(last, size);
}

MutableBytes Frame::AppendBehind(rte_mbuf*& last, std::size_t size) {
  if (size > WritableTail(last)) {
    PacketPool& pool = *PrivateOf(head_)->pool;
    if (size > pool.packet_bytes_) return {};
    rte_mbuf* const piece = pool.packets_ahead_.TakeOne();
    if (piece == nullptr) return {};
    rte_pktmbuf_reset(piece);
    last->next = piece;
    ++head_->nb_segs;
    last = piece;
  }
  std::uint8_t* const start = rte_pktmbuf_mtod_offset(last, std::uint8_t*, last->data_len);
  last->data_len = static_cast<std::uint16_t>(last->data_len + size);
  head_->pkt_len += static_cast<std::uint32_t>(size);
  return {start, size};
}

MutableBytes Frame::Prepend(std::size_t size) {
  SLIPWAY_CHECK(head_ != nullptr);
  if (size > rte_pktmbuf_headroom(head_)) return {};
  head_->data_off = static_cast<std::uint16_t>(head_->data_off - size);
  head_->data_len = static_cast<std::uint16_t>(head_->data_len + size);
  head_->pkt_len += static_cast<std::uint32_t>(size);
  return {Start(), size};
}

bool Frame::AppendCopy(Bytes bytes) {
  SLIPWAY_CHECK(head_ != nullptr);
  const std::size_t piece_bytes = PrivateOf(head_)->pool->packet_bytes_;
  while (!bytes.empty()) {
    const std::size_t tail = WritableTail(rte_pktmbuf_lastseg(head_));
    const std::size_t size = std::min(bytes.size(), tail != 0 ? tail : piece_bytes);
    const MutableBytes room = Append(size);
    if (room.empty()) return false;
    bytes = bytes.subspan(Copy(bytes, room));
  }
  return true;
}

std::size_t Frame::CopyTo(MutableBytes out) const {
  std::size_t copied = 0;
  for (const rte_mbuf* piece = head_; piece != nullptr; piece = piece->next) {
    copied += Copy(Bytes(rte_pktmbuf_mtod(piece, const std::uint8_t*), piece->data_len),
                   out.subspan(copied));
  }
  return copied;
}

bool Frame::AppendBorrowed(Bytes slice) {
  SLIPWAY_CHECK(head_ != nullptr);
  PacketPool& pool = *PrivateOf(head_)->pool;
  while (!slice.empty()) {
    const Bytes piece = slice.first(std::min(slice.size(), kFrameBytesMax));
    rte_mbuf* const handle = pool.images_ == nullptr ? nullptr : pool.Borrow(piece);
    if (handle == nullptr) return AppendCopy(slice);
    Chain(head_, handle);
    slice = slice.subspan(piece.size());
  }
  return true;
}

}  // namespace slipway::dataplane
