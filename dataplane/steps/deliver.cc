// SPDX-License-Identifier: Apache-2.0
//
// Deliver: each packet to the protocol it is for. UDP's and ICMP's answers leave from here; TCP's
// leave in Emit, when their connection's turn comes.
#include <algorithm>

#include "dataplane/worker.h"
#include "protocols/base/fetch.h"
#include "protocols/dns/answer.h"

namespace slipway::dataplane {
namespace {

constexpr Port kDnsPort{53};
constexpr std::size_t kApplicationFetched = 64;  // its first line, with what is virtual

tcp::FourTuple TupleOf(const icmp::Quoted& quoted) {
  return {.local_address = quoted.local_address,
          .local_port = quoted.local_port,
          .remote_address = quoted.remote_address,
          .remote_port = quoted.remote_port};
}

}  // namespace

// What the burst's segments will touch, where there are more connections than fit a cache: a link
// of the chain for all of them, then the next. Also of one alone, whose lines then come together
// instead of one after the other.
void Worker::FetchConnections() const {
  if (tcp_.connections() < kFetchedConnections) return;
  std::array<std::uint32_t, kBurst> hashes;
  std::array<std::uint32_t, kBurst> indexes;
  std::size_t hash_count = 0;
  std::size_t index_count = 0;
  tcp::FourTuple before;
  for (const Packet& packet : std::span(packets_).first(packet_count_)) {
    if (packet.ip.protocol != ipv4::kTcp) continue;
    Reader ports(packet.ip.payload);
    const Port remote(ports.U16());
    const Port local(ports.U16());
    const tcp::FourTuple tuple{packet.ip.destination, local, packet.ip.source, remote};
    if (!ports.ok() || tuple == before) continue;
    before = tuple;
    hashes[hash_count++] = tcp_.FetchSlot(tuple);
  }
  for (const std::uint32_t hash : std::span(hashes).first(hash_count)) {
    const auto index = tcp_.FetchConnection(hash);
    if (!index) continue;
    FetchToRead(&services_[*index], sizeof(Service));
    indexes[index_count++] = *index;
  }
  for (const std::uint32_t index : std::span(indexes).first(index_count)) {
    tcp_.FetchSource(index);
    const Application* const application = services_[index].application.get();
    if (application != nullptr) FetchToRead(application, kApplicationFetched);
  }
  for (const std::uint32_t index : std::span(indexes).first(index_count)) {
    tcp_.FetchReleased(index);
  }
  // Whose turn most likely comes first; each turn fetches for the next (NextReady).
  if (index_count != 0) tcp_.FetchRead(indexes.front());
}

void Worker::Deliver(Time now) {
  FetchConnections();
  for (std::size_t i = 0; i < packet_count_;) {
    if (const auto acks = AcksFrom(i); acks.size() > 1) {
      // What is not joined is no more asked: a run that repeats itself is looked at once.
      for (std::size_t k = DeliverAcks(acks, now); k < acks.size(); ++k) {
        reporter_.Count(Step::kDeliver, DeliverPacket(acks[k], now));
      }
      i += acks.size();
    } else {
      reporter_.Count(Step::kDeliver, DeliverPacket(packets_[i++], now));
    }
  }
  for (std::size_t i = 0; i < burst_size_; ++i) burst_[i].frame.Free();
}

Drop Worker::DeliverPacket(const Packet& packet, Time now) {
  if (packet.ip.protocol == ipv4::kTcp) return DeliverTcp(packet, now);
  if (packet.ip.protocol == ipv4::kUdp) return DeliverUdp(packet, now);
  if (packet.ip.protocol == ipv4::kIcmp) return DeliverIcmp(packet, now);
  SendUnreachable(packet, icmp::kProtocolUnreachable, now);
  return Drop::kIpProtocolUnknown;
}

Drop Worker::DeliverUdp(const Packet& packet, Time now) {
  const auto datagram = udp::Parse(packet.ip.payload, {packet.ip.source, packet.ip.destination},
                                   packet.transport_checksum);
  if (!datagram) return datagram.drop();
  if (dhcp_ &&
      (datagram->destination == kDhcpServerPort || datagram->destination == kPxeServerPort)) {
    return dhcp_->Receive(*datagram,
                          {.at = interfaces_[packet.interface],
                           .station = packet.back.station,
                           .source = packet.ip.source,
                           .destination = packet.ip.destination},
                          now);
  }
  if (datagram->destination == kDnsPort && !packet.to_group) {
    return DeliverDns(packet, *datagram, now);
  }
  SendUnreachable(packet, icmp::kPortUnreachable, now);
  return Drop::kUdpPortClosed;
}

Drop Worker::DeliverDns(const Packet& packet, const udp::Datagram& query, Time now) {
  std::array<std::uint8_t, dns::kAnswerSizeMax> answer{};
  const auto size = dns::Answer(
      query.payload, snapshot_->dns,
      {.address = packet.ip.destination, .link = interfaces_[packet.interface].addresses()},
      answer);
  if (!size) return size.drop();
  SendAnswer(packet.interface, BuildUdp(interfaces_[packet.interface], packet.back,
                                        {.source = kDnsPort,
                                         .destination = query.source,
                                         .payload = Bytes(answer).first(*size)}));
  Event event;
  event.kind = EventKind::kDnsQuery;
  event.mac = packet.back.station;
  event.address = packet.ip.source;
  const dns::QuestionName name(query.payload);
  event.number = name.type();
  event.extra = dns::ResponseCode(Bytes(answer).first(*size));
  event.set_text(name);
  reporter_.Tell(event, now);
  return Drop::kNone;
}

Drop Worker::DeliverIcmp(const Packet& packet, Time now) {
  const auto message = icmp::Parse(packet.ip.payload);
  if (!message) return message.drop();
  const auto outcome = icmp_.Receive(*message, packet.to_group, now);
  if (outcome.reply) {
    // RFC 1122 3.2.2.6: what came in fragments is answered in one piece, cut where it must be.
    icmp::Message reply = *outcome.reply;
    const std::size_t body_max =
        interfaces_[packet.interface].mtu() - ipv4::kHeaderSize - icmp::kHeaderSize;
    reply.body = reply.body.first(std::min(reply.body.size(), body_max));
    SendAnswer(packet.interface, BuildIcmp(interfaces_[packet.interface], packet.back, reply));
  }
  if (outcome.path_mtu) TakePathMtu(*outcome.path_mtu, now);
  if (outcome.unreachable) TakeUnreachable(*outcome.unreachable, now);
  return outcome.drop;
}

// The connection is in what is quoted, and may be any worker's: where a port spreads frames, only
// the port knows whose. So all are told; those that have no such connection leave it at that.
void Worker::TakePathMtu(const icmp::PathMtu& told, Time now) {
  const icmp::Quoted& quoted = told.quoted;
  if (quoted.protocol != ipv4::kTcp) return;
  const PathMtuNotice notice{
      .tuple = TupleOf(quoted), .sequence = tcp::SeqNum(quoted.sequence), .mtu = told.mtu};
  tcp_.PathMtu(notice.tuple, notice.mtu, notice.sequence);
  if (icmp_told_.Take(now)) TellOthers(notice);
}

void Worker::TakeUnreachable(const icmp::Unreachable& told, Time now) {
  if (told.quoted.protocol != ipv4::kTcp) return;
  const UnreachableNotice notice{.tuple = TupleOf(told.quoted),
                                 .sequence = tcp::SeqNum(told.quoted.sequence)};
  tcp_.Unreachable(notice.tuple, notice.sequence);
  if (icmp_told_.Take(now)) TellOthers(notice);
}

void Worker::TellOthers(const Notice& notice) {
  const unsigned lost = seams_.others.Tell(index_, notice);
  for (unsigned i = 0; i < lost; ++i) reporter_.Count(Step::kDeliver, Drop::kWorkerRingFull);
}

void Worker::SendUnreachable(const Packet& packet, std::uint8_t code, Time now) {
  if (packet.to_group) return;
  if (const auto message = icmp_.Unreachable(packet.ip, code, now)) {
    SendAnswer(packet.interface, BuildIcmp(interfaces_[packet.interface], packet.back, *message));
  }
}

void Worker::SendAnswer(std::uint16_t interface, Frame frame) {
  Drop drop = Drop::kNone;
  if (frame.empty()) {
    drop = Drop::kNoBuffer;
  } else if (!interfaces_[interface].link().Send(std::move(frame))) {
    drop = Drop::kTransmitRingFull;
  }
  reporter_.Count(Step::kEmit, drop);
}

}  // namespace slipway::dataplane
