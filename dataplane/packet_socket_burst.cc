// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_socket_burst.h"

#include <algorithm>
#include <cerrno>

#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

constexpr std::uint16_t kTcpChecksumOffset = 16;
constexpr std::uint16_t kUdpChecksumOffset = 6;
constexpr std::size_t kTcpFlagsOffset = 13;
constexpr std::uint8_t kCwr = 0x80;

}  // namespace

VirtioHeader RequestsOf(const rte_mbuf& frame) {
  VirtioHeader header;
  const std::uint64_t transport = frame.ol_flags & RTE_MBUF_F_TX_L4_MASK;
  if (transport == 0) return header;
  const std::size_t from = std::size_t{frame.l2_len} + frame.l3_len;
  header.flags = VirtioHeader::kNeedsChecksum;
  header.checksum_from = static_cast<std::uint16_t>(from);
  header.checksum_at =
      transport == RTE_MBUF_F_TX_TCP_CKSUM ? kTcpChecksumOffset : kUdpChecksumOffset;
  if ((frame.ol_flags & RTE_MBUF_F_TX_TCP_SEG) == 0) return header;
  const std::size_t headers = from + frame.l4_len;
  SLIPWAY_CHECK(frame.data_len >= headers);
  // One segment's worth is not to be cut: with TCP options in it the kernel would look for a second
  // one, find none and drop it.
  if (frame.pkt_len - headers <= frame.tso_segsz) return header;
  const auto* const tcp = rte_pktmbuf_mtod_offset(&frame, const std::uint8_t*, from);
  header.segmentation = VirtioHeader::kTcpV4;
  if ((tcp[kTcpFlagsOffset] & kCwr) != 0) header.segmentation |= VirtioHeader::kEcn;
  header.headers_size = static_cast<std::uint16_t>(headers);
  header.segment_text_max = frame.tso_segsz;
  return header;
}

PacketSocketBurst::Sent PacketSocketBurst::Send(int socket, std::span<rte_mbuf* const> frames) {
  const std::size_t count = std::min(frames.size(), kFramesMax);
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    headers_[i] = RequestsOf(*frames[i]);
    msghdr& message = messages_[i].msg_hdr;
    message.msg_iov = &pieces_[at];
    pieces_[at++] = {&headers_[i], sizeof(VirtioHeader)};
    SLIPWAY_CHECK(frames[i]->nb_segs <= kPiecesMax);
    for (rte_mbuf* piece = frames[i]; piece != nullptr; piece = piece->next) {
      pieces_[at++] = {rte_pktmbuf_mtod(piece, void*), piece->data_len};
    }
    message.msg_iovlen = std::size_t{1} + frames[i]->nb_segs;
  }
  const int sent = sendmmsg(socket, messages_.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
  if (sent < 0) return {.frames = 0, .error = errno};
  return {.frames = static_cast<std::size_t>(sent), .error = 0};
}

}  // namespace slipway::dataplane
