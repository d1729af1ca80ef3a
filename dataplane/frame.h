// SPDX-License-Identifier: Apache-2.0
//
// Frame: an Ethernet frame in packet memory, owned by exactly one holder. It is one pointer wide;
// everything about the frame stands in the packet buffer itself (DPDK's rte_mbuf).
//
// Received frames are contiguous: bytes() is the whole frame. Frames to send come from a
// PacketPool and grow at their end: Append() gives bytes to write, AppendBorrowed() hangs a slice
// of image memory on without a copy. What the sender wants done on the way out (checksums, TCP
// segmentation, a VLAN tag) are requests; the port does them in hardware or in software.
//
// Invariants:
//  * No leaks: a Frame that dies gives its buffers back to their pool. No sharing: no buffer is
//    in two frames, so what is written to one frame changes no other.
//  * Borrowed image memory is counted as in flight until the port is done with the frame.
//  * A request needs the header lengths it works on: set `headers` before the port gets the frame.
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "protocols/base/bytes.h"
#include "protocols/wire/checksum.h"

namespace slipway::dataplane {

struct HeaderLengths {
  std::uint16_t link = 14;       // Ethernet; without a tag that is only requested
  std::uint16_t network = 20;    // IPv4 with options, or IPv6
  std::uint16_t transport = 20;  // TCP with options, or UDP; needed for segmentation
};

enum class Transport : std::uint8_t { kTcp, kUdp };

class Frame {
 public:
  Frame() = default;
  // Takes over a buffer chain.
  explicit Frame(rte_mbuf* buffers) : head_(buffers) {}
  ~Frame() { Free(); }
  Frame(Frame&& other) noexcept : head_(std::exchange(other.head_, nullptr)) {}
  Frame& operator=(Frame&& other) noexcept {
    if (this != &other) {
      Free();
      head_ = std::exchange(other.head_, nullptr);
    }
    return *this;
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  bool empty() const { return head_ == nullptr; }
  explicit operator bool() const { return head_ != nullptr; }
  // Gives the buffers back to their pool.
  void Free() {
    if (head_ != nullptr) rte_pktmbuf_free(std::exchange(head_, nullptr));
  }
  // Gives the buffers to the caller, who frees them.
  rte_mbuf* Release() { return std::exchange(head_, nullptr); }
  rte_mbuf* buffers() const { return head_; }

  // The first contiguous piece: all of a received frame; the headers of one to be sent.
  Bytes bytes() const { return {Start(), head_->data_len}; }
  MutableBytes mutable_bytes() { return {Start(), head_->data_len}; }
  // All bytes, in however many pieces.
  std::size_t size() const { return head_->pkt_len; }
  std::size_t pieces() const { return head_->nb_segs; }

  // Copies all pieces to the front of `out`, as much as fits; returns the bytes copied.
  std::size_t CopyTo(MutableBytes out) const;

  // --- A received frame ---
  // Blank checksums of virtual peers, whose frames never were on a wire, are known good; what a NIC
  // calls bad is to be verified again, so that the drop is named and counted in one place.
  ChecksumState ip_checksum() const {
    const std::uint64_t state = head_->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
    return state == RTE_MBUF_F_RX_IP_CKSUM_GOOD || state == RTE_MBUF_F_RX_IP_CKSUM_NONE
               ? ChecksumState::kKnownGood
               : ChecksumState::kVerify;
  }
  // TCP's or UDP's.
  ChecksumState transport_checksum() const {
    const std::uint64_t state = head_->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    return state == RTE_MBUF_F_RX_L4_CKSUM_GOOD || state == RTE_MBUF_F_RX_L4_CKSUM_NONE
               ? ChecksumState::kKnownGood
               : ChecksumState::kVerify;
  }
  // The tag control information of a tag that was taken out; the VLAN's number is its low 12 bits.
  std::optional<std::uint16_t> vlan() const {
    if ((head_->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) == 0) return std::nullopt;
    return head_->vlan_tci;
  }

  // --- A received frame that becomes its own answer ---
  // `size` bytes from its first one on, those received in front; empty where they are not in one
  // buffer of this frame's alone.
  MutableBytes RoomForAnswer(std::size_t size) {
    const bool ours =
        head_->nb_segs == 1 && RTE_MBUF_DIRECT(head_) && rte_mbuf_refcnt_read(head_) == 1;
    if (!ours || head_->data_off + size > head_->buf_len) return {};
    return {Start(), size};
  }
  // From here on it is a frame to be sent, of the first `size` bytes of that room, without
  // requests.
  void BecomeAnswer(std::size_t size) {
    head_->ol_flags = 0;  // and with them, whatever header lengths the other line holds
    head_->data_len = static_cast<std::uint16_t>(size);
    head_->pkt_len = static_cast<std::uint32_t>(size);
  }

  // --- A frame to be sent ---
  // `size` more bytes at the end, contiguous, to be filled by the caller, in the last piece when
  // they fit there. Empty when the pool is empty or `size` exceeds a buffer: nothing changed.
  [[nodiscard]] MutableBytes Append(std::size_t size) {
    const bool fits =
        head_->nb_segs == 1 && !RTE_MBUF_HAS_EXTBUF(head_) && size <= rte_pktmbuf_tailroom(head_);
    if (!fits) return AppendPiece(size);
    std::uint8_t* const start = Start() + head_->data_len;
    head_->data_len = static_cast<std::uint16_t>(head_->data_len + size);
    head_->pkt_len += static_cast<std::uint32_t>(size);
    return {start, size};
  }
  // The same for many pieces, one behind the other, without a walk to the end for each: `last` is
  // LastPiece(), and stays it.
  [[nodiscard]] MutableBytes AppendBehind(rte_mbuf*& last, std::size_t size);
  rte_mbuf* LastPiece() const { return rte_pktmbuf_lastseg(head_); }
  // The same in a frame that was just allocated.
  [[nodiscard]] MutableBytes AppendFirst(std::size_t size) {
    if (size > std::size_t{head_->buf_len} - head_->data_off) return {};
    head_->data_len = static_cast<std::uint16_t>(size);
    head_->pkt_len = static_cast<std::uint32_t>(size);
    return {Start(), size};
  }
  // `size` bytes before the first; empty when the headroom (128 bytes) is used up.
  [[nodiscard]] MutableBytes Prepend(std::size_t size);
  // Copies `bytes` to the end, in as many pieces as it takes. False: the pool is empty, and the
  // frame has an undefined part of them: drop it.
  [[nodiscard]] bool AppendCopy(Bytes bytes);
  // Hangs a slice of image memory on without a copy; other memory is copied. False as above.
  [[nodiscard]] bool AppendBorrowed(Bytes slice);

  // Before any request: one store, for the line is still on its way.
  void SetHeaders(const HeaderLengths& headers) {
    head_->tx_offload = rte_mbuf_tx_offload(headers.link & 0x7f, headers.network & 0x1ff,
                                            headers.transport & 0xff, 0, 0, 0, 0);
  }
  // Fill in the IPv4 header's checksum.
  void RequestIpChecksum() { head_->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM; }
  // Finish the checksum of TCP or UDP over IPv4: its field holds the pseudo header's sum, not
  // complemented (tcp::FillPseudoHeaderSum).
  void RequestTransportChecksum(Transport transport) {
    head_->ol_flags |=
        RTE_MBUF_F_TX_IPV4 |
        (transport == Transport::kTcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
  }
  // Cut the TCP text into segments of at most `segment_text_max` bytes; implies both checksums,
  // whatever their fields hold.
  void RequestSegmentation(std::uint16_t segment_text_max) {
    head_->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM |
                       RTE_MBUF_F_TX_TCP_SEG;
    head_->tso_segsz = segment_text_max;
  }
  // Insert an IEEE 802.1Q tag.
  void RequestVlan(std::uint16_t tag_control_information) {
    head_->ol_flags |= RTE_MBUF_F_TX_VLAN;
    head_->vlan_tci = tag_control_information;
  }

 private:
  MutableBytes AppendPiece(std::size_t size);
  std::uint8_t* Start() const { return rte_pktmbuf_mtod(head_, std::uint8_t*); }

  rte_mbuf* head_ = nullptr;
};

static_assert(sizeof(Frame) == sizeof(void*), "a burst of frames is an array of pointers");

}  // namespace slipway::dataplane
