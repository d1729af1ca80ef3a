// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture_tap.h"

#include <algorithm>

#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

// What the port was asked to do with it, and what else is not in its bytes.
CaptureRecord RecordOf(const Frame& frame, bool sent) {
  const rte_mbuf& head = *frame.buffers();
  CaptureRecord record;
  record.size = head.pkt_len;
  if (!sent) {
    const auto tag = frame.vlan();
    record.tag = tag.value_or(0);
    record.flags = tag ? CaptureRecord::kTagged : 0;
    return record;
  }
  const auto asks = [&](std::uint64_t flag, std::uint8_t word) {
    return (head.ol_flags & flag) != 0 ? word : std::uint8_t{0};
  };
  const std::uint64_t transport = head.ol_flags & RTE_MBUF_F_TX_L4_MASK;
  const bool tcp = transport == RTE_MBUF_F_TX_TCP_CKSUM;
  const bool udp = transport == RTE_MBUF_F_TX_UDP_CKSUM;
  record.flags = CaptureRecord::kSent;
  record.flags |= asks(RTE_MBUF_F_TX_VLAN, CaptureRecord::kTagged);
  record.flags |= asks(RTE_MBUF_F_TX_IP_CKSUM, CaptureRecord::kNetwork);
  if (tcp) record.flags |= CaptureRecord::kTcp;
  if (udp) record.flags |= CaptureRecord::kUdp;
  if ((record.flags & CaptureRecord::kTagged) != 0) record.tag = head.vlan_tci;
  if ((head.ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0) record.segment_text_max = head.tso_segsz;
  record.link_bytes = static_cast<std::uint8_t>(head.l2_len);
  record.network_bytes = static_cast<std::uint16_t>(head.l3_len);
  return record;
}

void Note(const Capture& capture, CaptureRing& ring, const Frame& frame, std::int64_t at,
          bool sent) {
  CaptureRecord record = RecordOf(frame, sent);
  record.unix_nanoseconds = at;
  record.kept = std::min(record.size, capture.order().bytes_max);
  if (!ring.Begin(record)) return;
  std::size_t left = record.kept;
  for (const rte_mbuf* piece = frame.buffers(); piece != nullptr && left != 0;
       piece = piece->next) {
    const std::size_t here = std::min<std::size_t>(left, piece->data_len);
    ring.Append(Bytes(rte_pktmbuf_mtod(piece, const std::uint8_t*), here));
    left -= here;
  }
  SLIPWAY_CHECK(left == 0);
}

}  // namespace

void CaptureTap::Use(const Captures::Set* set, const Place& place) {
  set_ = set;
  place_.emplace(place);
}

void CaptureTap::Received(std::span<const Frame> frames) {
  if (frames.empty()) return;
  const std::int64_t at = place_->UnixNanoseconds();
  for (Capture* const capture : *set_) {
    if (capture == nullptr) break;
    CaptureRing& ring = RingOf(*capture);
    bool any = false;
    for (const Frame& frame : frames) {
      if (!capture->Wants(frame.bytes())) continue;
      Note(*capture, ring, frame, at, /*sent=*/false);
      any = true;
    }
    if (any) ring.Publish(ring.mark());
  }
}

void CaptureTap::Leaving(std::span<const Frame> frames) {
  SLIPWAY_CHECK(frames.size() <= kBurstMax);
  const std::int64_t at = place_->UnixNanoseconds();
  for (std::size_t i = 0; i < set_->size() && (*set_)[i] != nullptr; ++i) {
    Capture& capture = *(*set_)[i];
    Burst& burst = bursts_[i];
    burst.count = 0;
    for (std::size_t j = 0; j < frames.size(); ++j) {
      if (!capture.Wants(frames[j].bytes())) continue;
      CaptureRing& ring = RingOf(capture);
      burst.noted[burst.count++] = {j, ring.mark()};
      Note(capture, ring, frames[j], at, /*sent=*/true);
    }
    if (burst.count != 0) RingOf(capture).Offer(at);
  }
}

void CaptureTap::Left(std::size_t taken) {
  for (std::size_t i = 0; i < set_->size() && (*set_)[i] != nullptr; ++i) {
    const std::span noted = std::span(bursts_[i].noted).first(bursts_[i].count);
    if (noted.empty()) continue;
    CaptureRing& ring = RingOf(*(*set_)[i]);
    const auto kept = std::ranges::find_if(noted, [&](const Noted& n) { return n.frame >= taken; });
    ring.Publish(kept == noted.end() ? ring.mark() : kept->before);
  }
}

}  // namespace slipway::dataplane
