// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/frames.h"

#include <algorithm>

#include "protocols/wire/ethernet.h"
#include "protocols/wire/ipv4.h"

namespace slipway::storm {
namespace {

constexpr std::size_t kLink = sizeof(ethernet::WireHeader);

std::size_t Padded(std::size_t size, MutableBytes out) {
  if (size >= ethernet::kFrameSizeMin) return size;
  std::ranges::fill(out.subspan(size, ethernet::kFrameSizeMin - size), std::uint8_t{0});
  return ethernet::kFrameSizeMin;
}

void WriteLink(const MacAddress& to, const MacAddress& from, EtherType type, MutableBytes out) {
  ethernet::EmitHeader({.destination = to, .source = from, .type = type, .vlan = {}}, out);
}

std::size_t WriteNetwork(const FrameEnds& ends, IpProtocol protocol, std::size_t payload,
                         MutableBytes out) {
  WriteLink(ends.to, ends.from, ethernet::kIpv4, out);
  return kLink + ipv4::EmitHeader({.source = ends.source,
                                   .destination = ends.destination,
                                   .protocol = protocol,
                                   .ttl = ends.ttl,
                                   .options = {},
                                   .payload = {}},
                                  payload, out.subspan(kLink));
}

}  // namespace

std::size_t WriteArpFrame(const MacAddress& to, const arp::Packet& packet, MutableBytes out) {
  WriteLink(to, packet.sender_mac, ethernet::kArp, out);
  return Padded(kLink + arp::Emit(packet, out.subspan(kLink)), out);
}

std::size_t WriteUdpFrame(const FrameEnds& ends, const udp::Datagram& datagram, MutableBytes out) {
  const std::size_t headers = WriteNetwork(ends, ipv4::kUdp, datagram.size(), out);
  return Padded(
      headers + udp::Emit(datagram, {ends.source, ends.destination}, out.subspan(headers)), out);
}

std::size_t WriteTcpPrefix(const FrameEnds& ends, std::size_t transport, MutableBytes out) {
  return WriteNetwork(ends, ipv4::kTcp, transport, out);
}

std::size_t WriteTcpFrame(const FrameEnds& ends, const tcp::Segment& segment, MutableBytes out) {
  const std::size_t headers = WriteNetwork(ends, ipv4::kTcp, segment.header_size(), out);
  const std::size_t size = tcp::EmitHeader(segment, out.subspan(headers));
  tcp::FillChecksum(out.subspan(headers, size),
                    {.source = ends.source, .destination = ends.destination, .text = {}});
  return Padded(headers + size, out);
}

std::size_t WriteSyn(const SynFlood& flood, std::uint64_t draw, MutableBytes out) {
  const auto low = static_cast<std::uint32_t>(draw);
  const auto high = static_cast<std::uint32_t>(draw >> 32);
  // 198.18.0.0/15 is for benchmarks (RFC 2544): whoever is answered there is nobody.
  const FrameEnds ends{.to = flood.to,
                       .from = flood.from,
                       .source = Ipv4Address(Ipv4Address(198, 18, 0, 0).value() | (high & 0x1ffff)),
                       .destination = flood.destination};
  return WriteTcpFrame(ends,
                       {.source = Port(static_cast<std::uint16_t>(1024 + (high >> 17))),
                        .destination = flood.port,
                        .seq = tcp::SeqNum(low),
                        .ack = {},
                        .flags = {.syn = true},
                        .window = 65535,
                        .options = {.mss = std::uint16_t{1460}},
                        .text = {}},
                       out);
}

}  // namespace slipway::storm
