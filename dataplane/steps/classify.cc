// SPDX-License-Identifier: Apache-2.0
//
// Classify: which frames are for us, and for which protocol. ARP is answered here, ahead of
// everything else in the burst; IPv4 packets for us go on to Deliver.
#include <cstddef>
#include <cstring>

#include "dataplane/worker.h"
#include "protocols/ip/receive.h"
#include "protocols/wire/ethernet.h"

namespace slipway::dataplane {
namespace {

constexpr std::size_t kNetworkAt = sizeof(ethernet::WireHeader);
constexpr std::size_t kTransportAt = kNetworkAt + ipv4::kHeaderSize;
constexpr std::size_t kIdentificationAt = kNetworkAt + offsetof(ipv4::WireHeader, identification);
constexpr std::size_t kFragmentAt = kNetworkAt + offsetof(ipv4::WireHeader, fragment);
constexpr std::size_t kChecksumAt = kNetworkAt + offsetof(ipv4::WireHeader, checksum);
constexpr std::size_t kSourceAt = kNetworkAt + offsetof(ipv4::WireHeader, source);

template <std::size_t kFrom, std::size_t kTo>
bool SameIn(const std::uint8_t* a, const std::uint8_t* b) {
  if constexpr (kTo - kFrom > 8) {  // comparisons of up to 8 bytes are made inline
    return SameIn<kFrom, kFrom + 8>(a, b) && SameIn<kFrom + 8, kTo>(a, b);
  } else {
    return std::memcmp(a + kFrom, b + kFrom, kTo - kFrom) == 0;
  }
}

// Ethernet and IPv4 headers, but for identification and checksum.
bool SameHeaders(const std::uint8_t* a, const std::uint8_t* b) {
  return SameIn<0, kIdentificationAt>(a, b) && SameIn<kFragmentAt, kChecksumAt>(a, b) &&
         SameIn<kSourceAt, kTransportAt>(a, b);
}

}  // namespace

std::size_t Worker::Classify(Time now) {
  packet_count_ = 0;
  alike_to_ = nullptr;
  if (tcp_.backlog_full()) FetchSyns();
  for (std::size_t i = 0; i < burst_size_; ++i) {
    reporter_.Count(Step::kClassify, ClassifyFrame(burst_[i], now));
  }
  return packet_count_;
}

// Where the port spreads connections over its queues, they are where they belong already.
unsigned Worker::OwnerOf(const Arrived& arrived) const {
  const unsigned workers = seams_.others.workers();
  if (!links_[arrived.link].spreads_by_itself()) return Owner(arrived.frame.bytes(), workers);
  return workers == 1 || !FlowOf(arrived.frame.bytes()) ? 0 : index_;
}

Drop Worker::ClassifyFrame(Arrived& arrived, Time now) {
  if (!arrived.ours) {
    const unsigned owner = OwnerOf(arrived);
    if (owner != index_) {
      arrived.frame.buffers()->port = arrived.link;
      return seams_.others.Give(index_, owner, std::move(arrived.frame)) ? Drop::kNone
                                                                         : Drop::kWorkerRingFull;
    }
  }
  if (tcp_.backlog_full() && AnswerSyn(arrived, now)) return Drop::kNone;
  if (TakeAlike(arrived)) return Drop::kNone;
  const Link& link = links_[arrived.link];
  std::optional<VlanId> stripped;
  if (const auto tag = arrived.frame.vlan()) stripped = VlanId(*tag & 0x0fff);
  const auto frame = ethernet::ParseFrame(arrived.frame.bytes(), stripped);
  if (!frame) return frame.drop();
  const ethernet::Header& header = frame->header;
  const std::uint16_t interface = link.InterfaceOf(header.vlan.value_or(VlanId{}));
  if (interface == Link::kNoInterface) return Drop::kVlanNotOurs;
  const Interface& at = interfaces_[interface];
  if (header.destination != link.station() && !header.destination.is_broadcast()) {
    return Drop::kEthernetNotForUs;
  }
  if (header.type == ethernet::kArp) return ReceiveArp(at, *frame, now);
  if (header.type == ethernet::kIpv4) return ReceiveIpv4(at, arrived, *frame, now);
  return Drop::kEthernetTypeUnknown;
}

// A machine acknowledges a turn by several segments in a row, which differ from each other behind
// IPv4 alone: what was judged for the first holds for all of them.
bool Worker::TakeAlike(const Arrived& arrived) {
  if (alike_to_ == nullptr) return false;
  const Bytes bytes = arrived.frame.bytes();
  const Packet& before = packets_[packet_count_ - 1];
  const std::size_t size = before.ip.payload.size();
  if (bytes.size() < kTransportAt + size) return false;
  if (!SameHeaders(bytes.data(), alike_to_->frame.bytes().data())) return false;
  if (arrived.link != alike_to_->link || arrived.frame.vlan() != alike_to_->frame.vlan()) {
    return false;
  }
  if (arrived.frame.ip_checksum() == ChecksumState::kVerify &&
      ChecksumOf(bytes.subspan(kNetworkAt, ipv4::kHeaderSize)) != 0) {
    return false;  // counted as what it is
  }
  Packet& packet = packets_[packet_count_++];
  packet = before;
  packet.alike = true;
  packet.transport_checksum = arrived.frame.transport_checksum();
  packet.ip.identification =
      static_cast<std::uint16_t>(bytes[kIdentificationAt] << 8 | bytes[kIdentificationAt + 1]);
  packet.ip.payload = bytes.subspan(kTransportAt, size);
  return true;
}

Drop Worker::ReceiveArp(const Interface& at, const ethernet::Frame& frame, Time now) {
  const auto packet = arp::Parse(frame.payload);
  if (!packet) return packet.drop();
  const auto outcome = arp_[at.index()].Receive(*packet, frame.header.source, now);
  if (outcome.conflict) {
    Event event;
    event.kind = EventKind::kAddressConflict;
    event.mac = outcome.conflict->mac;
    event.address = outcome.conflict->address;
    reporter_.Tell(event, now);
  }
  if (outcome.reply) {
    TellArp(*packet, now);
    Frame reply = BuildArp(at, *outcome.reply);
    if (reply.empty()) return Drop::kNoBuffer;
    if (!at.link().SendFirst(std::move(reply))) return Drop::kTransmitRingFull;
  }
  return outcome.drop;
}

// Who asks for our address is about to talk to us.
void Worker::TellArp(const arp::Packet& question, Time now) {
  if (question.sender_ip.is_unspecified()) return;
  Event event;
  event.kind = EventKind::kArpAsked;
  event.mac = question.sender_mac;
  event.address = question.sender_ip;
  event.set_text(question.target_ip.ToString());
  reporter_.Tell(event, now);
}

Drop Worker::ReceiveIpv4(const Interface& at, Arrived& arrived, const ethernet::Frame& frame,
                         Time now) {
  const auto ip = ipv4::Parse(frame.payload, arrived.frame.ip_checksum());
  if (!ip) return ip.drop();
  const ip::Verdict verdict = ip::Judge(*ip, at.addresses());
  if (verdict.drop != Drop::kNone) return verdict.drop;
  Packet packet{.back = {.station = frame.header.source,
                         .source = ip->destination,
                         .destination = ip->source},
                .interface = at.index(),
                .to_group = verdict.to_group || frame.header.destination.is_group(),
                .transport_checksum = arrived.frame.transport_checksum(),
                .ip = *ip};
  if (ip->is_fragment()) {
    const auto whole = reassembly_.Receive(*ip, now);
    if (whole.drop != Drop::kNone || !whole.packet) return whole.drop;
    packet.ip = *whole.packet;
    // Its connection may live on another worker, which cannot be handed what is no frame.
    if (seams_.others.workers() > 1 && packet.ip.protocol == ipv4::kTcp) {
      return Drop::kIpFragmentedTcp;
    }
    packet.transport_checksum = ChecksumState::kVerify;
    // The store is used again by the next fragment: deliver at once, out of the burst's order.
    return DeliverPacket(packet, now);
  }
  packets_[packet_count_++] = packet;
  const bool plain = ip->protocol == ipv4::kTcp && ip->options.empty() &&
                     ip->payload.data() == arrived.frame.bytes().data() + kTransportAt;
  alike_to_ = plain ? &arrived : nullptr;
  return Drop::kNone;
}

}  // namespace slipway::dataplane
