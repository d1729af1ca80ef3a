// SPDX-License-Identifier: Apache-2.0
//
// While a flood fills TCP's backlog: a SYN is turned into its SYN-ACK where it lies (RFC 4987 3.6:
// a cookie, nothing is remembered) and goes back to the station it came from. No buffer is taken,
// no value is made of the segment, and the frame is done with as early as Classify.
//
// Whatever is odd about the SYN (IPv4 options, text, a connection of the same name, bad checksum)
// goes the ordinary way, which gives the same answer, names the drop, or keeps the SYN (admit.cc).
#include <cstddef>
#include <utility>

#include "dataplane/worker.h"
#include "protocols/ip/receive.h"
#include "protocols/wire/atomic.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/tcp.h"
#include "protocols/wire/view.h"

namespace slipway::dataplane {
namespace {

// A frame that may be a SYN, as far as it can be looked at without parsing.
struct Headers {
  ethernet::WireHeader link;
  ipv4::WireHeader network;
  TcpHeader transport;
};
static_assert(sizeof(Headers) == 54);
constexpr std::size_t kNetworkAt = offsetof(Headers, network);
constexpr std::size_t kTransportAt = offsetof(Headers, transport);
constexpr std::uint16_t kAnyFragment = 0x3fff;  // more fragments, offset

bool IsPlainTcpSyn(const Headers& headers) {
  return headers.link.type == ethernet::kIpv4.value() &&
         headers.network.version_and_length == 0x45 &&
         headers.network.protocol == ipv4::kTcp.value() &&
         (headers.network.fragment & kAnyFragment) == 0 &&
         (headers.transport.flags & (tcp_flag::kSyn | tcp_flag::kAck)) == tcp_flag::kSyn;
}

bool HasChecksums(const Frame& frame, const ipv4::Packet& packet, Bytes network) {
  if (frame.ip_checksum() == ChecksumState::kVerify &&
      ChecksumOf(network.first(ipv4::kHeaderSize)) != 0) {
    return false;
  }
  if (frame.transport_checksum() == ChecksumState::kKnownGood) return true;
  Checksum sum = StartChecksum({.source = packet.source,
                                .destination = packet.destination,
                                .protocol = packet.protocol,
                                .length = static_cast<std::uint16_t>(packet.payload.size())});
  sum.Add(packet.payload);
  return sum.Finish() == 0;
}

}  // namespace

// Each SYN of a flood is looked for in a place of its own of large tables: asked of the memory for
// the whole burst, before the first is answered.
void Worker::FetchSyns() {
  if (tcp_.connections() < kFetchedConnections) return;
  const bool some_wait = admission_.is_full();
  const bool alone = seams_.others.workers() == 1;
  for (Arrived& arrived : std::span(burst_).first(burst_size_)) {
    if (!alone && !arrived.ours && OwnerOf(arrived) != index_) continue;
    Bytes received = arrived.frame.bytes();
    const auto* const headers = Take<Headers>(received);
    if (headers == nullptr || !IsPlainTcpSyn(*headers)) continue;
    const Ipv4Address source(headers->network.source);
    arrived.syn_hash = tcp_.FetchSlot({.local_address = Ipv4Address(headers->network.destination),
                                       .local_port = Port(headers->transport.destination_port),
                                       .remote_address = source,
                                       .remote_port = Port(headers->transport.source_port)});
    if (some_wait) admission_.Fetch(source);
  }
}

// True when the frame has been dealt with: answered, or dropped for want of room and counted.
bool Worker::AnswerSyn(Arrived& arrived, Time now) {
  Frame& frame = arrived.frame;
  Link& link = links_[arrived.link];
  Bytes received = frame.bytes();
  const auto* const headers = Take<Headers>(received);
  if (headers == nullptr || !IsPlainTcpSyn(*headers)) return false;
  const VlanId vlan(frame.vlan() ? *frame.vlan() & 0x0fff : 0);
  const std::uint16_t interface = link.InterfaceOf(vlan);
  if (headers->link.destination != link.station().octets || interface == Link::kNoInterface)
    return false;
  const Interface& at = interfaces_[interface];
  const Bytes network = frame.bytes().subspan(kNetworkAt);
  const std::size_t total = headers->network.total_length;
  const MutableBytes room = frame.RoomForAnswer(kTransportAt + kTcpHeaderMax);
  if (total < ipv4::kHeaderSize || total > network.size() || room.empty()) return false;
  const ipv4::Packet packet{.source = Ipv4Address(headers->network.source),
                            .destination = Ipv4Address(headers->network.destination),
                            .protocol = ipv4::kTcp,
                            .options = {},
                            .payload = network.first(total).subspan(ipv4::kHeaderSize)};
  if (ip::Judge(packet, at.addresses()) != ip::Verdict{}) return false;
  const bool room_left = link.has_cheap_room();
  // A machine that we gave its address has a place to wait at here, and so goes the ordinary way.
  // (As do other addresses that have connections: they get the same answer there.)
  if ((!room_left || admission_.is_full()) &&
      admission_.IdOf(packet.source) != Admission::kNobody) {
    return false;
  }
  // Of what can wait for room, it is what costs least to lose: the client asks again. A machine
  // that we gave its address does not depend on that luck.
  if (!room_left) {
    frame.Free();
    reporter_.Count(Step::kEmit, Drop::kTransmitRingFull);
    return true;
  }
  if (!HasChecksums(frame, packet, network)) return false;
  const std::size_t size = tcp_.AnswerSyn({.room = room.subspan(kTransportAt),
                                           .size = packet.payload.size(),
                                           .source = packet.source,
                                           .destination = packet.destination,
                                           .hash = arrived.syn_hash,
                                           .ecn = EcnOf(headers->network.service)},
                                          now);
  if (size == 0) return false;
  MutableBytes rest = room;
  Headers& answer = *Place<Headers>(rest);
  std::swap(answer.link.destination, answer.link.source);
  ipv4::WriteHeader({.source = packet.destination,
                     .destination = packet.source,
                     .protocol = ipv4::kTcp,
                     .payload_size = static_cast<std::uint16_t>(size)},
                    answer.network);
  frame.BecomeAnswer(kTransportAt + size);
  at.Tag(frame);
  link.TakeCheapRoom();
  SendAnswer(interface, std::move(frame));
  return true;
}

}  // namespace slipway::dataplane
