// SPDX-License-Identifier: Apache-2.0
//
// Software offloads. Header lengths are what the sender said in the frame; a frame whose first
// piece is shorter than they say is our own mistake (SLIPWAY_CHECK).
#include "dataplane/offload.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/packet_pool.h"
#include "dataplane/packet_private.h"
#include "protocols/base/check.h"
#include "protocols/base/endian.h"
#include "protocols/wire/checksum.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/view.h"

namespace slipway::dataplane {
namespace {

constexpr std::size_t kEthernetBytes = sizeof(ethernet::WireHeader);
constexpr std::size_t kTagBytes = sizeof(ethernet::WireTag);
constexpr std::size_t kAddressesBytes = 12;  // destination and source, which a tag follows
constexpr std::size_t kTcpChecksumOffset = 16;
constexpr std::size_t kUdpChecksumOffset = 6;
constexpr std::uint8_t kFin = 0x01, kPsh = 0x08, kCwr = 0x80;

// The part of a TCP header that segmentation rewrites (RFC 9293 3.1).
struct TcpStart {
  std::array<std::uint8_t, 4> ports;
  Big<std::uint32_t> sequence;
  Big<std::uint32_t> acknowledgment;
  Big<std::uint8_t> offset;
  Big<std::uint8_t> flags;
};
static_assert(sizeof(TcpStart) == 14);

MutableBytes FirstPiece(rte_mbuf* head) {
  return {rte_pktmbuf_mtod(head, std::uint8_t*), head->data_len};
}

template <class Header>
Header& At(MutableBytes bytes, std::size_t offset) {
  SLIPWAY_CHECK(bytes.size() >= offset);
  MutableBytes rest = bytes.subspan(offset);
  auto* const header = Place<Header>(rest);
  SLIPWAY_CHECK(header != nullptr);
  return *header;
}

bool Asks(const rte_mbuf* head, std::uint64_t flag) { return (head->ol_flags & flag) != 0; }

// Everything from `offset` on, in however many pieces.
void AddFrom(const rte_mbuf* piece, std::size_t offset, Checksum& checksum) {
  for (; piece != nullptr; piece = piece->next) {
    const std::size_t skipped = std::min<std::size_t>(offset, piece->data_len);
    offset -= skipped;
    checksum.Add(
        Bytes(rte_pktmbuf_mtod(piece, const std::uint8_t*), piece->data_len).subspan(skipped));
  }
}

// What a blank checksum field holds: the pseudo header's sum, not complemented (RFC 1071: halves of
// 32-bit numbers may be added in any order).
std::uint16_t PseudoSum(const ipv4::WireHeader& ip, std::size_t length) {
  std::uint64_t sum = std::uint64_t{ip.source} + std::uint64_t{ip.destination} +
                      std::uint64_t{ip.protocol} + length;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// Copies a frame's bytes from some offset on, piece after piece.
class Cursor {
 public:
  Cursor(const rte_mbuf* head, std::size_t offset) : piece_(head), offset_(offset) {}
  void Read(MutableBytes out) {
    while (!out.empty()) {
      while (offset_ >= piece_->data_len) {
        offset_ -= piece_->data_len;
        piece_ = piece_->next;
      }
      const Bytes here(rte_pktmbuf_mtod(piece_, const std::uint8_t*), piece_->data_len);
      const std::size_t copied = Copy(here.subspan(offset_), out);
      offset_ += copied;
      out = out.subspan(copied);
    }
  }

 private:
  const rte_mbuf* piece_;
  std::size_t offset_;
};

// The same frame in one piece; empty when there is no buffer for it.
Frame Join(rte_mbuf* head, PacketPool& pool) {
  Frame joined = pool.AllocateContiguous(head->pkt_len);
  if (joined.empty()) return joined;
  Cursor(head, 0).Read(joined.mutable_bytes());
  rte_mbuf* const to = joined.buffers();
  to->ol_flags = head->ol_flags & ~RTE_MBUF_F_EXTERNAL;
  to->tx_offload = head->tx_offload;
  to->vlan_tci = head->vlan_tci;
  to->packet_type = head->packet_type;
  to->port = head->port;
  return joined;
}

}  // namespace

TransmitSide::TransmitSide(const PortLimits& limits)
    : limits_(limits),
      work_flags_(RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_TX_IP_CKSUM |
                  (limits.hardware.transport_checksum_transmit ? 0 : RTE_MBUF_F_TX_L4_MASK)),
      plain_max_(kEthernetBytes + limits.mtu) {
  ready_.reserve(kReadyLow + kSegmentsMax);
}

void TransmitSide::Work(Frame frame) {
  rte_mbuf* head = frame.buffers();
  const bool segment = Asks(head, RTE_MBUF_F_TX_TCP_SEG);
  const bool tagged = head->data_len >= kEthernetBytes &&
                      At<ethernet::WireHeader>(FirstPiece(head), 0).type == ethernet::kVlan.value();
  const std::size_t link = kEthernetBytes + (tagged ? kTagBytes : 0);
  const std::size_t frame_max = link + limits_.mtu;
  if (!segment && head->pkt_len > frame_max) return too_long_.Add(1);
  if (Asks(head, RTE_MBUF_F_TX_VLAN) && !limits_.hardware.vlan_insert && !InsertVlan(frame)) {
    return no_buffer_.Add(1);
  }
  head = frame.buffers();
  if (segment) {
    const std::size_t headers = std::size_t{head->l3_len} + head->l4_len;
    if (head->tso_segsz == 0 || head->tso_segsz + headers > limits_.mtu) return too_long_.Add(1);
    const bool in_hardware = limits_.hardware.tcp_segmentation &&
                             head->pkt_len <= limits_.tcp_segmentation_bytes_max &&
                             head->nb_segs <= limits_.tcp_segmentation_segments_max;
    if (!in_hardware) return Segment(frame);
  } else if (head->nb_segs > limits_.segments_max) {
    frame = Join(head, *PrivateOf(head)->pool);
    if (frame.empty()) return no_buffer_.Add(1);
    linearised_.Add(1);
  }
  Checksums(frame.buffers());
  Push(std::move(frame));
}

bool TransmitSide::InsertVlan(Frame& frame) {
  rte_mbuf* const head = frame.buffers();
  if (frame.Prepend(kTagBytes).empty()) return false;
  const MutableBytes bytes = frame.mutable_bytes();
  SLIPWAY_CHECK(bytes.size() >= kEthernetBytes + kTagBytes);
  std::memmove(bytes.data(), bytes.data() + kTagBytes, kAddressesBytes);
  Writer tag(bytes.subspan(kAddressesBytes, kTagBytes));
  tag.U16(ethernet::kVlan.value());
  tag.U16(head->vlan_tci);
  head->l2_len = (head->l2_len + kTagBytes) & 0x7f;
  head->ol_flags &= ~RTE_MBUF_F_TX_VLAN;
  return true;
}

void TransmitSide::Segment(const Frame& frame) {
  rte_mbuf* const head = frame.buffers();
  const std::size_t link = head->l2_len;
  const std::size_t network = head->l3_len;
  const std::size_t headers = link + network + head->l4_len;
  SLIPWAY_CHECK(network >= ipv4::kHeaderSize && head->l4_len >= 20 && head->data_len >= headers);
  const std::size_t text = head->pkt_len - headers;
  const std::size_t segments =
      std::max<std::size_t>(1, (text + head->tso_segsz - 1) / head->tso_segsz);
  if (segments > kSegmentsMax) return too_long_.Add(1);
  PacketPool& pool = *PrivateOf(head)->pool;
  const Bytes first = FirstPiece(head).first(headers);
  const TcpStart tcp = At<TcpStart>(FirstPiece(head), link + network);
  const ipv4::WireHeader ip = At<ipv4::WireHeader>(FirstPiece(head), link);
  Cursor cursor(head, headers);
  for (std::size_t i = 0, done = 0; i < segments; ++i) {
    const std::size_t size = std::min<std::size_t>(head->tso_segsz, text - done);
    Frame segment = pool.AllocateContiguous(headers + size);
    if (segment.empty()) return no_buffer_.Add(segments - i);
    const MutableBytes bytes = segment.mutable_bytes();
    Copy(first, bytes);
    cursor.Read(bytes.subspan(headers));
    auto& segment_ip = At<ipv4::WireHeader>(bytes, link);
    segment_ip.total_length = static_cast<std::uint16_t>(headers - link + size);
    segment_ip.identification = static_cast<std::uint16_t>(ip.identification + i);
    auto& segment_tcp = At<TcpStart>(bytes, link + network);
    segment_tcp.sequence = static_cast<std::uint32_t>(tcp.sequence + done);
    std::uint8_t flags = tcp.flags;
    if (i != 0) flags &= static_cast<std::uint8_t>(~kCwr);
    if (i + 1 != segments) flags &= static_cast<std::uint8_t>(~(kFin | kPsh));
    segment_tcp.flags = flags;
    At<Big<std::uint16_t>>(bytes, link + network + kTcpChecksumOffset) =
        PseudoSum(segment_ip, headers - link - network + size);
    rte_mbuf* const to = segment.buffers();
    to->ol_flags |= head->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK & ~RTE_MBUF_F_TX_TCP_SEG;
    to->tx_offload = head->tx_offload;
    to->tso_segsz = 0;
    to->vlan_tci = head->vlan_tci;
    Checksums(to);
    Push(std::move(segment));
    done += size;
  }
  segmented_.Add(1);
}

void TransmitSide::Checksums(rte_mbuf* head) {
  const bool wants_ip = Asks(head, RTE_MBUF_F_TX_IP_CKSUM);
  const std::uint64_t transport = head->ol_flags & RTE_MBUF_F_TX_L4_MASK;
  const bool segment = Asks(head, RTE_MBUF_F_TX_TCP_SEG);
  const bool finished_by_port = limits_.hardware.transport_checksum_transmit || transport == 0;
  if (!wants_ip && !segment && finished_by_port) return;
  const MutableBytes bytes = FirstPiece(head);
  const std::size_t link = head->l2_len;
  const std::size_t network = head->l3_len;
  auto& ip = At<ipv4::WireHeader>(bytes, link);
  SLIPWAY_CHECK(network >= ipv4::kHeaderSize && bytes.size() >= link + network);
  if (wants_ip) {
    ip.checksum = 0;
    if (!limits_.hardware.ip_checksum_transmit) {
      ip.checksum = ChecksumOf(bytes.subspan(link, network));
      head->ol_flags &= ~RTE_MBUF_F_TX_IP_CKSUM;
      checksums_.Add(1);
    }
  }
  if (transport == 0) return;
  const bool tcp = transport == RTE_MBUF_F_TX_TCP_CKSUM;
  auto& field = At<Big<std::uint16_t>>(
      bytes, link + network + (tcp ? kTcpChecksumOffset : kUdpChecksumOffset));
  // Whoever cuts puts in each segment's own length, for none or for the whole one.
  if (segment) {
    const std::size_t whole = head->pkt_len - link - network;
    field = PseudoSum(ip, limits_.segmentation_sum_has_length ? whole : 0);
  }
  if (finished_by_port) return;
  Checksum checksum;
  AddFrom(head, link + network, checksum);
  const std::uint16_t sum = checksum.Finish();
  field = !tcp && sum == 0 ? std::uint16_t{0xffff} : sum;  // RFC 768: zero means none
  head->ol_flags &= ~RTE_MBUF_F_TX_L4_MASK;
  checksums_.Add(1);
}

void TransmitSide::Sent(std::size_t count, std::uint64_t bytes) {
  frames_.Add(count);
  bytes_.Add(bytes);
  first_ += count;
  if (first_ == ready_.size()) {
    ready_.clear();
    first_ = 0;
  } else if (first_ >= kReadyLow) {
    ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void TransmitSide::DropFirst() {
  transmit_errors.Add(1);
  rte_pktmbuf_free(ready_[first_]);
  ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(first_));
}

std::size_t TransmitSide::DropReady() {
  const std::span<rte_mbuf*> waiting = ready();
  const std::size_t count = waiting.size();
  for (rte_mbuf* const head : waiting) rte_pktmbuf_free(head);
  ready_.clear();
  first_ = 0;
  return count;
}

void TransmitSide::AddTo(PortStatistics& statistics) const {
  statistics.frames_transmitted += frames_.value();
  statistics.bytes_transmitted += bytes_.value();
  statistics.transmit_errors += transmit_errors.value();
  statistics.dropped_link_down += dropped_link_down.value();
  statistics.dropped_too_long += too_long_.value();
  statistics.dropped_no_buffer += no_buffer_.value();
  statistics.transmit_linearised += linearised_.value();
  statistics.software_checksums += checksums_.value();
  statistics.software_segmented += segmented_.value();
}

namespace {

void StripVlan(Frame& frame) {
  const MutableBytes bytes = frame.mutable_bytes();
  if (bytes.size() < kEthernetBytes + kTagBytes ||
      At<ethernet::WireHeader>(bytes, 0).type != ethernet::kVlan.value()) {
    return;
  }
  rte_mbuf* const head = frame.buffers();
  head->vlan_tci = Reader(Bytes(bytes).subspan(kEthernetBytes, 2)).U16();
  std::memmove(bytes.data() + kTagBytes, bytes.data(), kAddressesBytes);
  rte_pktmbuf_adj(head, kTagBytes);
  head->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
}

// Whether TCP's or UDP's checksum is only the pseudo header's sum: the sender's kernel left the
// rest to a NIC that is not there.
bool HasBlankChecksum(Bytes frame) {
  const auto* const ethernet_header = Take<ethernet::WireHeader>(frame);
  if (ethernet_header == nullptr || ethernet_header->type != ethernet::kIpv4.value()) return false;
  const Bytes packet = frame;
  const auto* const ip = Take<ipv4::WireHeader>(frame);
  if (ip == nullptr) return false;
  const std::size_t network = std::size_t{4} * (ip->version_and_length & 0xf);
  const bool tcp = ip->protocol == ipv4::kTcp.value();
  if (!tcp && ip->protocol != ipv4::kUdp.value()) return false;
  const std::size_t total = ip->total_length;
  const std::size_t field = network + (tcp ? kTcpChecksumOffset : kUdpChecksumOffset);
  if (network < ipv4::kHeaderSize || total < field + 2 || packet.size() < total) return false;
  if ((ip->fragment & 0x3fff) != 0) return false;
  return Reader(packet.subspan(field, 2)).U16() == PseudoSum(*ip, total - network);
}

}  // namespace

bool ReceiveSide::Accept(Frame& frame) {
  if (frame.pieces() > 1) {
    if (frame.size() > kFrameBytesMax) {
      frame.Free();
      too_long_.Add(1);
      return false;
    }
    frame = Join(frame.buffers(), pool_);
    if (frame.empty()) {
      no_buffer_.Add(1);
      return false;
    }
    linearised_.Add(1);
  }
  rte_mbuf* const head = frame.buffers();
  if (Asks(head, RTE_MBUF_F_TX_L4_MASK)) {
    head->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE | RTE_MBUF_F_RX_IP_CKSUM_NONE;
  }
  head->ol_flags &= ~RTE_MBUF_F_TX_OFFLOAD_MASK;
  if (limits_.strip_vlan && !Asks(head, RTE_MBUF_F_RX_VLAN_STRIPPED)) StripVlan(frame);
  if (!limits_.marks_blank_checksums && frame.transport_checksum() == ChecksumState::kVerify &&
      HasBlankChecksum(frame.bytes())) {
    head->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
  }
  frames_.Add(1);
  bytes_.Add(frame.size());
  return true;
}

void ReceiveSide::AddTo(PortStatistics& statistics) const {
  statistics.frames_received += frames_.value();
  statistics.bytes_received += bytes_.value();
  statistics.dropped_too_long += too_long_.value();
  statistics.receive_no_buffer += no_buffer_.value();
  statistics.receive_linearised += linearised_.value();
}

}  // namespace slipway::dataplane
