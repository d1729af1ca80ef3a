// SPDX-License-Identifier: Apache-2.0
//
// Deliver, for TCP: segments to their connections, text to the applications on them, and the
// applications' wishes back to TCP.
#include <rte_cycles.h>

#include "dataplane/facts.h"
#include "dataplane/worker.h"

namespace slipway::dataplane {
namespace {

// A step that has waited for so long will be followed by others: firmware gives its handshake 60 s,
// of which it may have waited 40 for its turn (admission.h).
constexpr Duration kHurryAfter = std::chrono::seconds(3);

std::int64_t Microseconds(Duration duration) { return duration / std::chrono::microseconds(1); }

// How the peer's TCP is, as its SYN said.
void SetOpenedText(Event& event, const tcp::Info& info, const tcp::SynForm& form) {
  Facts facts(event);
  facts.Add("window", info.peer_window);
  facts.Add("scale", unsigned{info.peer.window_scale.value_or(0)});
  facts.Add("sack", info.peer.sack_permitted ? 1 : 0);
  facts.Add("timestamps", info.peer.timestamps ? 1 : 0);
  facts.Add("rtt_us", Microseconds(info.smoothed_rtt));
  if (form.known) facts.Add("syn", tcp::SynFormText(form).view());
}

// How the connection went, and what ended it.
void SetEndedText(Event& event, const tcp::Info& info, std::string_view because, Time now) {
  Facts facts(event);
  if (!because.empty()) facts.Add("because", because);
  facts.Add("acked", info.acknowledged);
  facts.Add("rtt_us", Microseconds(info.smoothed_rtt));
  if (info.timeouts != 0) facts.Add("timeouts", info.timeouts);
  if (info.fast_recoveries != 0) facts.Add("recoveries", info.fast_recoveries);
  facts.Add("window", info.peer_window);
  if (info.window_closures == 0) return;
  facts.Add("closures", info.window_closures);
  if (info.window_closed_since == kNever) return;
  facts.Add("closed_ms", Microseconds(now - info.window_closed_since) / 1000);
}

}  // namespace

Drop Worker::DeliverTcp(const Packet& packet, Time now) {
  if (packet.to_group) return Drop::kIpNotForUs;
  auto segment = tcp::Parse(packet.ip.payload, packet.ip.source, packet.ip.destination,
                            packet.transport_checksum);
  if (!segment) return segment.drop();
  segment->ecn = EcnOf(packet.ip.service);
  const auto tuple = tcp::FourTuple::Of(*segment, packet.ip.source, packet.ip.destination);
  const Hop from{packet.back.station, packet.interface};
  if (!segment->flags.syn) return TakeSegment(*segment, tuple, from, now);
  form_ = tcp::FormOf(packet.ip.payload);
  const Drop drop =
      Holds(*segment, tuple, from, now) ? Drop::kNone : TakeSegment(*segment, tuple, from, now);
  form_ = {};
  return drop;
}

// Bare ACKs of one connection that stand here in succession; or the one packet that stands here.
std::span<const Worker::Packet> Worker::AcksFrom(std::size_t first) const {
  const std::span<const Packet> packets = std::span(packets_).first(packet_count_).subspan(first);
  const Packet& ack = packets.front();
  if (ack.ip.protocol != ipv4::kTcp || ack.to_group || !tcp::IsBareAck(ack.ip.payload)) {
    return packets.first(1);
  }
  std::size_t count = 1;
  while (count < std::min(packets.size(), tcp::JoinedAcks::kMax)) {
    const Packet& next = packets[count];
    const bool alike = next.alike && tcp::IsBareAck(next.ip.payload) &&
                       tcp::AreAlike(next.ip.payload, ack.ip.payload);
    if (!alike) break;
    ++count;
  }
  return packets.first(count);
}

// As many of them as TCP takes together, and counts each; returns how many.
std::size_t Worker::DeliverAcks(std::span<const Packet> acks, Time now) {
  const Packet& packet = acks.front();
  const auto parse = [](const Packet& from) {
    return tcp::Parse(from.ip.payload, from.ip.source, from.ip.destination,
                      from.transport_checksum);
  };
  const auto first = parse(packet);
  if (!first) {
    reporter_.Count(Step::kDeliver, first.drop());
    return 1;
  }
  std::array<tcp::BareAck, tcp::JoinedAcks::kMax> later;
  std::size_t count = 0;
  for (const Packet& ack : acks.subspan(1)) {
    // What is damaged is dropped by itself, in its turn.
    if (ack.transport_checksum == ChecksumState::kVerify && !parse(ack)) break;
    later[count++] = tcp::ReadBareAck(ack.ip.payload);
  }
  const auto tuple = tcp::FourTuple::Of(*first, packet.ip.source, packet.ip.destination);
  const Hop from{packet.back.station, packet.interface};
  stray_way_ = from;
  const tcp::Delivery delivery =
      tcp_.ReceiveAcks(*first, std::span(later).first(count), tuple, now);
  reporter_.Count(Step::kDeliver, TakeDelivery(delivery, tuple, from, now));
  reporter_.CountPassed(Step::kDeliver, delivery.joined);
  return 1 + delivery.joined;
}

Drop Worker::TakeSegment(const tcp::Segment& segment, const tcp::FourTuple& tuple, const Hop& from,
                         Time now) {
  stray_way_ = from;
  return TakeDelivery(tcp_.Receive(segment, tuple, now), tuple, from, now);
}

// What a segment brought about.
Drop Worker::TakeDelivery(const tcp::Delivery& delivery, const tcp::FourTuple& tuple,
                          const Hop& from, Time now) {
  if (!delivery.connection.valid()) {
    SendStrays(now);
    return delivery.drop;
  }
  if (delivery.crowded_out.valid()) {
    SendStrays(now);
    reporter_.Count(Step::kDeliver, Drop::kTcpCrowdedOut);
    GiveUp(services_[delivery.crowded_out.index], Drop::kTcpCrowdedOut, now);
    stray_way_ = from;
  }
  Service& service = services_[delivery.connection.index];
  if (service.id != delivery.connection) {
    // Its SYN: from here on TCP has something to send, and must know where to.
    Release(service, now);
    service.id = delivery.connection;
    service.station = from.station;
    service.interface = from.interface;
    service.form = form_;
    tcp_.LimitMss(service.id, interfaces_[service.interface].mss());
  }
  // Whoever sends acceptable segments is where answers go: a router may have been replaced.
  if (delivery.drop == Drop::kNone) service.station = from.station;
  if (delivery.opened) Open(service, tuple.remote_address, now);
  Serve(delivery, service, now);
  SendStrays(now);
  return delivery.drop;
}

void Worker::Serve(const tcp::Delivery& delivery, Service& service, Time now) {
  if (delivery.progressed && service.application != nullptr) {
    service.application->Progressed(tcp_.Acknowledged(service.id), now);
    // What left makes room: for requests that waited for it, and so for more of the peer's text.
    tcp_.SetReceiveRoom(service.id, service.application->receive_room());
    if (service.application->output().finished()) tcp_.Close(service.id);
  }
  if (!delivery.text.empty()) TakeText(delivery.text, service, now);
  if (!delivery.text.empty() || delivery.finished) {
    for (Bytes text = tcp_.TakeText(service.id); !text.empty(); text = tcp_.TakeText(service.id)) {
      TakeText(text, service, now);
    }
  }
  if (delivery.closed) {
    Ended(service, {.how = delivery.reset ? EventKind::kTcpReset : EventKind::kTcpClosed}, now);
    return;
  }
  if (delivery.finished && service.application != nullptr) {
    Follow(service, service.application->Finish(now), now);
  }
}

void Worker::Open(Service& service, Ipv4Address address, Time now) {
  const tcp::ConnectionId id = service.id;
  const tcp::Info info = tcp_.Info(id);
  service.number = ++next_number_ << 8 | index_;
  service.application = factory_.Create({.snapshot = *snapshot_,
                                         .peer = service.station,
                                         .address = address,
                                         .peer_port = info.tuple.remote_port,
                                         .local_port = info.tuple.local_port,
                                         .number = service.number},
                                        now);
  ++reporter_.statistics.connections_opened;
  if (service.application == nullptr) {
    Refuse(service, info, now);
    return;
  }
  Event event = EventOf(service, info);
  event.kind = EventKind::kTcpOpened;
  event.number = info.tuple.local_port.value();
  event.extra = info.peer.mss.value_or(0);
  SetOpenedText(event, info, service.form);
  reporter_.Tell(event, now);
  if (info.tuple.local_port == kHttpsPort || info.tuple.local_port == kHttpPort) {
    service.machine = admission_.Connected(service.station, address, now);
    if (service.machine != Admission::kNobody) kept_[service.machine].syn_kept = false;
    if (info.tuple.local_port == kHttpPort) {
      admission_.ServedAtOnce(service.machine, now);
      if (service.machine != Admission::kNobody) Resume(service.machine, now);
    }
  }
  tcp_.Attach(id, &service.application->output());
  tcp_.SetReceiveRoom(id, service.application->receive_room());
}

// The port is closed, as the configuration has it: a machine that came here came the wrong way, and
// its story says so.
void Worker::Refuse(Service& service, const tcp::Info& info, Time now) {
  reporter_.Count(Step::kDeliver, Drop::kTcpPortClosed);
  Event event = EventOf(service, info);
  event.kind = EventKind::kTcpRefused;
  event.number = info.tuple.local_port.value();
  event.connection = 0;  // nothing more comes of it
  reporter_.Tell(event, now);
  Reset(service, now);
  Release(service, now);
}

void Worker::TakeText(Bytes text, Service& service, Time now) {
  if (service.application == nullptr) return;
  Follow(service, service.application->Receive(text, now), now);
}

// Does what an application asked for.
void Worker::Follow(Service& service, const Reaction& reaction, Time now) {
  // What an application refuses counts as delivered to it, and dropped there.
  if (reaction.drop != Drop::kNone) reporter_.Count(Step::kDeliver, reaction.drop);
  if (reaction.abort) {
    GiveUp(service, reaction.drop, now);
    return;
  }
  // TCP's Close() ends the stream with what exists. Records are made as windows allow: their last
  // one is still to come, and FIN follows it by itself.
  if (reaction.close && service.application->output().finished()) {
    tcp_.Close(service.id);
  } else {
    tcp_.SetReceiveRoom(service.id, service.application->receive_room());
  }
  tcp_.Wake(service.id);
  if (service.application->work_pending()) QueueWork(service, now);
}

void Worker::GiveUp(Service& service, Drop because, Time now) {
  const std::string_view name = because == Drop::kNone ? "" : Describe(because).name;
  TellEnd(service, {.how = EventKind::kTcpClosed, .because = name}, now);
  Reset(service, now);
  Release(service, now);
}

// The slot is free for the next connection.
void Worker::Release(Service& service, Time now) {
  admission_.See(service.machine, {.bytes = TakeAcknowledged(service), .rests = true});
  admission_.Closed(service.machine, now);
  service = Service{};
}

// The reset leaves at once: it is no connection's any more, and only the service knows its way.
void Worker::Reset(const Service& service, Time now) {
  stray_way_ = {service.station, service.interface};
  tcp_.Abort(service.id);
  SendStrays(now);
}

// A handshake's arithmetic takes as long as sealing thousands of packets: as much of it a round as
// the budget allows.
std::size_t Worker::WorkOff(Time now) {
  const Time since = work_.WaitsSince(factory_.may_begin_handshake());
  // In each round: time pays back what steps took, also while nobody waits.
  budget_.StartRound(rte_rdtsc(), since != kNever && now - since > kHurryAfter);
  if (since == kNever) return 0;
  std::size_t steps = 0;
  while (budget_.Allows(others_wait_)) {
    const auto id = work_.Pop(factory_.may_begin_handshake());
    if (!id) break;
    ++steps;
    Service& service = services_[id->index];
    if (service.id != *id || service.application == nullptr) continue;  // it ended meanwhile
    service.work_queued = false;
    Follow(service, service.application->Work(now), now);
    budget_.Stepped(rte_rdtsc());
  }
  return steps;
}

void Worker::Ended(Service& service, const End& end, Time now) {
  TellEnd(service, end, now);
  Release(service, now);
}

void Worker::TellEnd(const Service& service, const End& end, Time now) {
  if (service.number == 0) return;  // never opened
  if (service.application != nullptr) {
    // What was acknowledged with the last segment is still to be told.
    service.application->Ended(end.how == EventKind::kTcpTimedOut, now);
  }
  const tcp::Info info = tcp_.Info(service.id);
  Event event = EventOf(service, info);
  event.kind = end.how;
  event.number = static_cast<std::int64_t>(end.how == EventKind::kTcpClosed ? info.acknowledged
                                                                            : info.outstanding);
  event.extra = static_cast<std::int64_t>(info.retransmissions);
  const bool unanswered =
      end.how == EventKind::kTcpTimedOut || end.because == Describe(Drop::kHttpStalled).name;
  const std::string_view because = unanswered && info.unreachable ? "unreachable" : end.because;
  SetEndedText(event, info, because, now);
  reporter_.Tell(event, now);
}

Event Worker::EventOf(const Service& service, const tcp::Info& info) {
  Event event;
  event.connection = service.number;
  event.mac = service.station;
  event.address = info.tuple.remote_address;
  event.port = info.tuple.remote_port;
  return event;
}

}  // namespace slipway::dataplane
