// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packets.h"

#include "protocols/base/check.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/ipv4.h"

namespace slipway::dataplane {
namespace {

constexpr std::size_t kLinkHeader = sizeof(ethernet::WireHeader);

// An Ethernet header and room for `size` bytes after it; `room` is left at those bytes.
Frame StartFrame(const Interface& at, const MacAddress& station, EtherType type, std::size_t size,
                 MutableBytes& room) {
  Frame frame = at.link().pool().Allocate();
  if (frame.empty()) return frame;
  room = frame.Append(kLinkHeader + size);
  if (room.empty()) return Frame();
  ethernet::EmitHeader({.destination = station, .source = at.station(), .type = type, .vlan = {}},
                       room);
  room = room.subspan(kLinkHeader);
  at.Tag(frame);
  return frame;
}

struct Payload {
  IpProtocol protocol;
  std::size_t here = 0;   // bytes of it that the caller writes into `room`
  std::size_t later = 0;  // bytes appended to the frame afterwards
};

Frame StartPacket(const Interface& at, const Way& way, const Payload& payload, MutableBytes& room) {
  Frame frame =
      StartFrame(at, way.station, ethernet::kIpv4, ipv4::kHeaderSize + payload.here, room);
  if (frame.empty()) return frame;
  ipv4::EmitHeader({.source = way.source,
                    .destination = way.destination,
                    .protocol = payload.protocol,
                    .dont_fragment = true,
                    .options = {},
                    .payload = {}},
                   payload.here + payload.later, room);
  room = room.subspan(ipv4::kHeaderSize);
  return frame;
}

}  // namespace

Frame BuildArp(const Interface& at, const arp::Message& message) {
  MutableBytes room;
  Frame frame = StartFrame(at, message.destination, ethernet::kArp, arp::kPacketSize, room);
  if (!frame.empty()) arp::Emit(message.packet, room);
  return frame;
}

Frame BuildIcmp(const Interface& at, const Way& way, const icmp::Message& message) {
  MutableBytes room;
  Frame frame = StartPacket(at, way, {.protocol = ipv4::kIcmp, .here = message.size()}, room);
  if (!frame.empty()) icmp::Emit(message, room);
  return frame;
}

Frame BuildUdp(const Interface& at, const Way& way, const udp::Datagram& datagram) {
  MutableBytes room;
  Frame frame = StartPacket(at, way, {.protocol = ipv4::kUdp, .here = datagram.size()}, room);
  if (!frame.empty()) udp::Emit(datagram, {way.source, way.destination}, room);
  return frame;
}

Frame BuildTcp(const Interface& at, const Way& way, const tcp::Segment& segment,
               std::size_t text_size) {
  const std::size_t header = segment.header_size();
  MutableBytes room;
  Frame frame =
      StartPacket(at, way, {.protocol = ipv4::kTcp, .here = header, .later = text_size}, room);
  if (frame.empty()) return frame;
  tcp::EmitHeader(segment, room);
  // The port completes the checksum, in hardware or software; it wants the pseudo header's sum.
  tcp::FillPseudoHeaderSum(room.first(header),
                           tcp::PseudoHeaderSum(way.source, way.destination,
                                                static_cast<std::uint16_t>(header + text_size)));
  frame.SetHeaders({.link = kLinkHeader,
                    .network = ipv4::kHeaderSize,
                    .transport = static_cast<std::uint16_t>(header)});
  frame.RequestTransportChecksum(Transport::kTcp);
  return frame;
}

}  // namespace slipway::dataplane
