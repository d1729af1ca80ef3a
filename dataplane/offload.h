// SPDX-License-Identifier: Apache-2.0
//
// What a port's hardware does not do, done in software: one TransmitSide and one ReceiveSide for
// each queue, used by every implementation of Undi, so all ports look the same to a worker.
//
// Transmit: a frame's requests are honoured in this order: VLAN tag, TCP segmentation (RFC 9293
// 3.7: sequence numbers, FIN and PSH on the last segment only; RFC 3168 6.1.2: CWR on the first
// only; IPv4 identification counts up), joining of pieces, checksums. Where the hardware sums, it
// gets what DPDK wants it to find: a zero IPv4 checksum, the pseudo header's sum in TCP or UDP.
//
// Receive: pieces are joined, a VLAN tag is taken out, and the flags that say what is known about
// checksums are made uniform: the transmit flags by which an old vhost passes a peer's blank
// checksum on mean "known good", and, where the port cannot say (af_packet on a veth), a checksum
// field that holds exactly the pseudo header's sum is the mark of a blank one.
//
// Invariants: segmentation copies (a segment never shares a buffer with another frame); order of
// frames is kept. Left out: IPv6 and UDP segmentation (nobody asks for them).
#pragma once

#include <rte_mbuf.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/frame.h"
#include "dataplane/undi.h"

namespace slipway::dataplane {

// Written by one thread, read by any.
class Counter {
 public:
  void Add(std::uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct PortLimits {
  Offloads hardware;
  std::uint16_t mtu = 1500;
  std::uint16_t segments_max = 1;  // this and the next: as in Capabilities
  std::uint16_t tcp_segmentation_segments_max = 1;
  std::size_t tcp_segmentation_bytes_max = 0;
  bool strip_vlan = true;             // in software, where the hardware has not
  bool marks_blank_checksums = true;  // false: recognise them by the pseudo header's sum
  // The sum in a frame to be cut has its whole length in it, as Linux wants it; DPDK wants none.
  bool segmentation_sum_has_length = false;
};

class TransmitSide {
 public:
  // At most so many frames wait here when the ring is full; one segmented frame may exceed it.
  static constexpr std::size_t kReadyLow = 32;
  static constexpr std::size_t kSegmentsMax = 1024;

  explicit TransmitSide(const PortLimits& limits);
  ~TransmitSide() { DropReady(); }
  TransmitSide(const TransmitSide&) = delete;
  TransmitSide& operator=(const TransmitSide&) = delete;

  bool HasRoom() const { return ready().size() < kReadyLow; }
  // Takes the frame: what leaves for it stands at the end of ready(), or it was dropped and
  // counted.
  void Prepare(Frame frame) {
    if (IsPlain(*frame.buffers())) return Push(std::move(frame));
    Work(std::move(frame));
  }
  // Frames to be handed to the hardware, oldest first.
  std::span<rte_mbuf*> ready() { return std::span(ready_).subspan(first_); }
  std::span<rte_mbuf* const> ready() const { return std::span(ready_).subspan(first_); }
  // The first `count` are on the wire: forgets them. `bytes`: theirs.
  void Sent(std::size_t count, std::uint64_t bytes);
  // Frees the first one, which the hardware refuses.
  void DropFirst();
  // Frees all that wait; returns how many.
  std::size_t DropReady();
  void AddTo(PortStatistics& statistics) const;
  std::uint64_t bytes() const { return bytes_.value(); }  // on the wire so far

  Counter transmit_errors;
  Counter dropped_link_down;

 private:
  // Most frames: nothing to insert, to cut, to join or to add up, and short enough without a look
  // at the tag.
  bool IsPlain(const rte_mbuf& head) const {
    return (head.ol_flags & work_flags_) == 0 && head.pkt_len <= plain_max_ &&
           head.nb_segs <= limits_.segments_max;
  }
  void Work(Frame frame);
  bool InsertVlan(Frame& frame);
  void Segment(const Frame& frame);
  void Checksums(rte_mbuf* head);
  void Push(Frame frame) { ready_.push_back(frame.Release()); }

  PortLimits limits_;
  std::uint64_t work_flags_;  // requests that the port does not see to by itself
  std::size_t plain_max_;     // bytes of a frame without a tag
  std::vector<rte_mbuf*> ready_;
  std::size_t first_ = 0;
  Counter frames_, bytes_, too_long_, no_buffer_, linearised_, checksums_, segmented_;
};

class ReceiveSide {
 public:
  ReceiveSide(const PortLimits& limits, PacketPool& pool) : limits_(limits), pool_(pool) {}

  // Makes the frame what Undi::Receive promises. False: dropped and counted, `frame` is empty.
  bool Accept(Frame& frame);
  void AddTo(PortStatistics& statistics) const;
  std::uint64_t bytes() const { return bytes_.value(); }  // accepted so far

 private:
  PortLimits limits_;
  PacketPool& pool_;
  Counter frames_, bytes_, too_long_, no_buffer_, linearised_;
};

}  // namespace slipway::dataplane
