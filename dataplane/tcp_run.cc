// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tcp_run.h"

#include <algorithm>

#include "dataplane/packet_pool.h"
#include "dataplane/packet_private.h"
#include "protocols/base/check.h"
#include "protocols/wire/checksum.h"
#include "protocols/wire/view.h"

namespace slipway::dataplane {
namespace {

struct Headers {
  ethernet::WireHeader ethernet;
  ipv4::WireHeader ip;
  TcpHeader tcp;
};
static_assert(sizeof(Headers) == 54 && alignof(Headers) == 1);

Headers& At(MutableBytes bytes) {
  Headers* const headers = Place<Headers>(bytes);
  SLIPWAY_CHECK(headers != nullptr);
  return *headers;
}

}  // namespace

TcpRun::TcpRun(const Interface& at, const MacAddress& station, const tcp::Outgoing& out)
    : offset_(out.offset),
      length_(out.length),
      step_(at.link().cuts() ? std::max<std::uint32_t>(out.length, 1) : out.mss),
      mss_(out.mss),
      sequence_(out.segment.seq.value()) {
  MutableBytes room(bytes_);
  ethernet::EmitHeader(
      {.destination = station, .source = at.station(), .type = ethernet::kIpv4, .vlan = {}}, room);
  const std::size_t transport = tcp::EmitHeader(out.segment, room.subspan(kTransportAt));
  // The IPv4 header of a run without text: Write() adds what it carries.
  ipv4::EmitHeader({.source = out.tuple.local_address,
                    .destination = out.tuple.remote_address,
                    .protocol = ipv4::kTcp,
                    .service = static_cast<std::uint8_t>(out.segment.ecn),
                    .dont_fragment = true,
                    .options = {},
                    .payload = {}},
                   transport, room.subspan(kNetworkAt));
  size_ = kTransportAt + transport;
  const Headers& made = At(room);
  total_length_ = made.ip.total_length;
  ip_checksum_ = made.ip.checksum;
  pseudo_sum_ = tcp::PseudoHeaderSum(out.tuple.local_address, out.tuple.remote_address,
                                     static_cast<std::uint16_t>(transport));
  flags_ = made.tcp.flags;
  vlan_ = at.vlan().value();
}

std::size_t TcpRun::frames_left() const {
  const std::size_t frames = (length_ - at_ + step_ - 1) / step_;
  return std::clamp<std::size_t>(frames, 1, kFramesMax);
}

// By a copy of constant size: a usual header and what lies behind it, where text will be written
// over the rest; where not, one without options or with timestamps.
void TcpRun::CopyHeaders(MutableBytes headers) const {
  constexpr std::size_t kUsual = 80;
  constexpr std::size_t kPlain = kTransportAt + sizeof(TcpHeader);
  constexpr std::size_t kStamped = kPlain + 12;
  static_assert(kUsual <= sizeof bytes_);
  if (size_ <= kUsual && headers.size() >= kUsual) {
    static_cast<void>(Copy(Bytes(bytes_).first<kUsual>(), headers.first<kUsual>()));
  } else if (size_ == kStamped) {
    static_cast<void>(Copy(Bytes(bytes_).first<kStamped>(), headers.first<kStamped>()));
  } else if (size_ == kPlain) {
    static_cast<void>(Copy(Bytes(bytes_).first<kPlain>(), headers.first<kPlain>()));
  } else {
    static_cast<void>(Copy(Bytes(bytes_).first(size_), headers));
  }
}

TcpRun::Text TcpRun::Start(Frame& frame, bool with_room) {
  const std::uint32_t size = std::min(step_, length_ - at_);
  MutableBytes room;
  if (with_room && size != 0 && size <= mss_) room = frame.AppendFirst(size_ + size);
  if (room.empty()) {
    const MutableBytes headers = frame.AppendFirst(size_);
    SLIPWAY_CHECK(headers.size() >= size_);  // a buffer holds the headers at least
    Write(headers, at_, size);
  } else {
    room = room.subspan(size_);
  }
  frame.SetHeaders({.link = kNetworkAt,
                    .network = ipv4::kHeaderSize,
                    .transport = static_cast<std::uint16_t>(size_ - kTransportAt)});
  if (vlan_ != 0) frame.RequestVlan(vlan_);
  if (size > mss_) {
    frame.RequestSegmentation(mss_);
  } else {
    frame.RequestTransportChecksum(Transport::kTcp);
  }
  const Text text{.offset = offset_ + at_, .size = size, .piece_max = mss_, .room = room};
  at_ += size;
  done_ = at_ >= length_;
  return text;
}

// Written only, never read back: the buffer's lines are still on their way from whoever freed it,
// and a load behind these stores would wait for all of them.
void TcpRun::Write(MutableBytes headers, std::uint32_t at, std::uint32_t size) const {
  CopyHeaders(headers);
  auto& [ethernet, ip, tcp] = At(headers);
  ip.total_length = static_cast<std::uint16_t>(total_length_ + size);
  ip.checksum = ChecksumOfMore(ip_checksum_, static_cast<std::uint16_t>(size));
  tcp.sequence = sequence_ + at;
  // FIN and PSH stand on the last segment alone.
  const std::uint8_t not_yet = at + size == length_ ? 0 : tcp_flag::kFin | tcp_flag::kPush;
  tcp.flags = static_cast<std::uint8_t>(flags_ & ~not_yet);
  const std::uint32_t sum = pseudo_sum_ + size;
  tcp.checksum = static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

// Full buffers, the first behind the headers, and so few: each costs the driver a descriptor, and
// ports take only so many for a frame.
bool TextRooms::AddGrowing(Frame& frame, const TcpRun::Text& text, ByteSource& source) {
  rte_mbuf* last = frame.LastPiece();
  const std::size_t whole = PrivateOf(last)->pool->packet_bytes();
  for (std::uint32_t at = 0; at < text.size;) {
    const std::size_t tail = rte_pktmbuf_tailroom(last);
    const std::size_t size = std::min<std::size_t>(text.size - at, tail == 0 ? whole : tail);
    const MutableBytes piece = frame.AppendBehind(last, size);
    if (piece.empty()) return false;
    AddPiece(piece, text.offset + at, /*behind_headers=*/false, source);
    at += static_cast<std::uint32_t>(piece.size());
  }
  return true;
}

void TextRooms::Fill(ByteSource& source) {
  if (count_ == 0) return;
  source.ReadRun(offset_, std::span(pieces_).first(count_), behind_headers_ ? this : nullptr);
  count_ = 0;
}

void TcpRun::WriteHeaders(MutableBytes room, std::uint64_t offset) const {
  Write({room.data() - size_, size_ + room.size()}, static_cast<std::uint32_t>(offset - offset_),
        static_cast<std::uint32_t>(room.size()));
}

void TextRooms::Begin(std::size_t piece) {
  run_.WriteHeaders(pieces_[piece], offset_);
  offset_ += pieces_[piece].size();
}

}  // namespace slipway::dataplane
