// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tcp_run.h"

#include "protocols/base/check.h"
#include "protocols/wire/checksum.h"
#include "protocols/wire/view.h"

namespace slipway::dataplane {
namespace {

template <WireLayout Header>
Header& At(MutableBytes bytes, std::size_t offset) {
  MutableBytes rest = bytes.subspan(offset);
  Header* const header = Place<Header>(rest);
  SLIPWAY_CHECK(header != nullptr);
  return *header;
}

}  // namespace

TcpRun::TcpRun(const Link& link, const MacAddress& station, const tcp::Outgoing& out)
    : length_(out.length), mss_(out.mss), sequence_(out.segment.seq.value()) {
  MutableBytes room(bytes_);
  ethernet::EmitHeader(
      {.destination = station, .source = link.station(), .type = ethernet::kIpv4, .vlan = {}},
      room);
  const std::size_t transport = tcp::EmitHeader(out.segment, room.subspan(kTransportAt));
  // The IPv4 header of a run without text: Start() adds what it carries.
  ipv4::EmitHeader({.source = out.tuple.local_address,
                    .destination = out.tuple.remote_address,
                    .protocol = ipv4::kTcp,
                    .dont_fragment = true,
                    .options = {},
                    .payload = {}},
                   transport, room.subspan(kNetworkAt));
  size_ = kTransportAt + transport;
  const auto& ip = At<ipv4::WireHeader>(room, kNetworkAt);
  total_length_ = ip.total_length;
  ip_checksum_ = ip.checksum;
  flags_ = At<TcpHeader>(room, kTransportAt).flags;
  vlan_ = link.options().vlan.value();
}

Frame TcpRun::Start(Link& link, std::uint32_t at, std::uint32_t size) const {
  Frame frame = link.pool().Allocate();
  if (frame.empty()) return frame;
  const MutableBytes headers = frame.Append(size_);
  if (headers.empty()) return Frame();
  // Written only, never read back: the buffer's lines are still on their way from whoever freed it,
  // and a load behind these stores would wait for all of them.
  static_cast<void>(Copy(Bytes(bytes_).first(size_), headers));
  auto& ip = At<ipv4::WireHeader>(headers, kNetworkAt);
  ip.total_length = static_cast<std::uint16_t>(total_length_ + size);
  ip.checksum = ChecksumOfMore(ip_checksum_, static_cast<std::uint16_t>(size));
  auto& tcp = At<TcpHeader>(headers, kTransportAt);
  tcp.sequence = sequence_ + at;
  // FIN and PSH stand on the last segment alone.
  const std::uint8_t not_yet = at + size == length_ ? 0 : tcp_flag::kFin | tcp_flag::kPush;
  tcp.flags = static_cast<std::uint8_t>(flags_ & ~not_yet);
  frame.SetHeaders({.link = kNetworkAt,
                    .network = ipv4::kHeaderSize,
                    .transport = static_cast<std::uint16_t>(size_ - kTransportAt)});
  if (vlan_ != 0) frame.RequestVlan(vlan_);
  if (size > mss_) {
    frame.RequestSegmentation(mss_);
  } else {
    frame.RequestTransportChecksum(Transport::kTcp);
  }
  return frame;
}

}  // namespace slipway::dataplane
