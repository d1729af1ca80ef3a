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
  last_flags_ = At<TcpHeader>(room, kTransportAt).flags & (tcp_flag::kFin | tcp_flag::kPush);
}

Frame TcpRun::Start(Link& link, std::uint32_t at, std::uint32_t size) const {
  Frame frame = link.pool().Allocate();
  if (frame.empty()) return frame;
  const MutableBytes headers = frame.Append(size_);
  if (headers.empty()) return Frame();
  static_cast<void>(Copy(Bytes(bytes_).first(size_), headers));
  auto& ip = At<ipv4::WireHeader>(headers, kNetworkAt);
  ip.total_length = static_cast<std::uint16_t>(ip.total_length + size);
  ip.checksum = ChecksumOfMore(ip.checksum, static_cast<std::uint16_t>(size));
  auto& tcp = At<TcpHeader>(headers, kTransportAt);
  tcp.sequence = sequence_ + at;
  if (at + size != length_) {
    tcp.flags = static_cast<std::uint8_t>(tcp.flags & ~last_flags_);
  }
  frame.SetHeaders({.link = kNetworkAt,
                    .network = ipv4::kHeaderSize,
                    .transport = static_cast<std::uint16_t>(size_ - kTransportAt)});
  if (const auto vlan = link.vlan()) frame.RequestVlan(vlan->value());
  if (size > mss_) {
    frame.RequestSegmentation(mss_);
  } else {
    frame.RequestTransportChecksum(Transport::kTcp);
  }
  return frame;
}

}  // namespace slipway::dataplane
