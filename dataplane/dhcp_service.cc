// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dhcp_service.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "dataplane/facts.h"
#include "protocols/base/fingerprint.h"

namespace slipway::dataplane {

namespace {

// Vendor class and fingerprint; of the first as much as leaves room for the second.
void SetQuestionText(Event& event, const dhcp::Client& client) {
  constexpr std::string_view kFact = "discover";
  constexpr std::size_t kFactSize =
      kFact.size() + std::string_view(" =").size() + kFingerprintDigits;
  const bool has_fact = client.fingerprint != 0;
  const std::size_t room = Event::kTextMax - (has_fact ? kFactSize : 0);
  const std::string_view before = client.kind == dhcp::ClientKind::kIpxe ? kIpxeMark : "";
  std::size_t size = before.copy(event.text_bytes.data(), room);
  size += AsText(client.vendor_class).copy(event.text_bytes.data() + size, room - size);
  event.text_size = static_cast<std::uint8_t>(size);
  if (has_fact) Facts(event).Add(kFact, FingerprintText(client.fingerprint).view());
}

}  // namespace

Drop DhcpService::Receive(const udp::Datagram& datagram, const Arrival& arrival, Time now) {
  const dhcp::Received in{.message = datagram.payload,
                          .source = arrival.source,
                          .destination = arrival.destination,
                          .source_port = datagram.source,
                          .destination_port = datagram.destination,
                          .ingress = arrival.at.attachment()};
  const dhcp::Outcome outcome = server_.Receive(in, reply_, now);
  TellQuestion(outcome, now);
  Act(outcome, reply_, arrival.station, now);
  return outcome.drop;
}

void DhcpService::Expire(Time now) {
  for (arp::Responder& arp : around_.arp) {
    while (const auto probed = arp.TakeProbeOutcome()) {
      const dhcp::Outcome outcome =
          server_.ProbeResult(probed->address, probed->in_use_by.has_value(), now);
      if (outcome.decision == dhcp::Decision::kAddressInUse) {
        TellConflict(outcome, *probed->in_use_by, now);
      }
      Act(outcome, reply_, {}, now);
    }
  }
  if (server_.Deadline() <= now) server_.Expire(now);
  while (const auto outcome = server_.Emit(reply_, now)) {
    TellIgnored(*outcome, outcome->drop, now);
    Act(*outcome, reply_, outcome->client.mac, now);
  }
  const std::uint64_t durable = around_.leases.durable();
  for (std::size_t i = 0; i < held_.size(); ++i) SendHeld(i, durable, now);
}

// One commit frees a thousand replies; those the outbox has no room for leave in later rounds.
void DhcpService::SendHeld(std::size_t interface, std::uint64_t durable, Time now) {
  std::deque<Held>& held = held_[interface];
  Link& link = around_.interfaces[interface].link();
  while (!held.empty() && held.front().sequence <= durable && link.room() > 0) {
    Held reply = std::move(held.front());
    held.pop_front();
    if (!link.Send(std::move(reply.frame))) {
      around_.reporter.Count(Step::kEmit, Drop::kTransmitRingFull);
      continue;
    }
    around_.reporter.Count(Step::kEmit, Drop::kNone);
    around_.reporter.Tell(reply.event, now);
  }
}

// What follows from a decision: a probe, a lease to be kept, a reply now or later.
void DhcpService::Act(const dhcp::Outcome& outcome, Bytes reply, const MacAddress& station,
                      Time now) {
  if (outcome.probe) StartProbe(outcome, now);
  std::uint64_t sequence = 0;
  if (outcome.change) {
    sequence = around_.leases.Append(InWorldTime(*outcome.change));
    if (sequence == 0) {
      server_.Abandon(*outcome.change);
      around_.reporter.Count(Step::kEmit, Drop::kDhcpJournalFull);
      TellIgnored(outcome, Drop::kDhcpJournalFull, now);
      return;
    }
  }
  if (!outcome.reply) return;
  if (Withholds(outcome, now)) return;
  Frame frame = BuildReply(*outcome.reply, reply.first(outcome.reply->size), station);
  if (frame.empty()) {
    around_.reporter.Count(Step::kEmit, Drop::kNoBuffer);
    return;
  }
  const std::uint16_t interface = outcome.reply->egress.interface;
  Event event = AnswerEvent(outcome);
  if (event.kind == EventKind::kDhcpAck) event.number = outcome.lease_time.count();
  // An OFFER that is lost costs its machine four seconds and one of its four tries.
  if (sequence != 0 || around_.interfaces[interface].link().room_for_answers() == 0) {
    Hold(interface, {sequence, std::move(frame), event});
  } else if (around_.interfaces[interface].link().Send(std::move(frame))) {
    around_.reporter.Count(Step::kEmit, Drop::kNone);
    around_.reporter.Tell(event, now);
  } else {
    around_.reporter.Count(Step::kEmit, Drop::kTransmitRingFull);
  }
}

void DhcpService::Hold(std::uint16_t interface, Held reply) {
  const std::size_t held = held_[interface].size();
  const bool is_scarce = held >= kHeldAlways &&
                         around_.interfaces[interface].link().pool().in_use_permille() > kPoolMost;
  if (held == kHeldMax || is_scarce) {
    around_.reporter.Count(Step::kEmit, Drop::kTransmitRingFull);
    return;
  }
  held_[interface].push_back(std::move(reply));
}

// An OFFER takes the machine's place in the order; an ACK says under which address it will come.
bool DhcpService::Withholds(const dhcp::Outcome& outcome, Time now) {
  const MacAddress& mac = outcome.client.mac;
  if (!mac.is_station()) return false;
  if (outcome.decision == dhcp::Decision::kAcknowledged) TellLease(mac, outcome.address, now);
  if (outcome.decision != dhcp::Decision::kOffered) return false;
  const bool is_patient = outcome.client.kind == dhcp::ClientKind::kHttp;
  if (around_.admission.MayOffer(mac, is_patient, now)) return false;
  Event event;
  event.kind = EventKind::kAdmissionWaits;
  event.mac = mac;
  event.number = around_.admission.waiting() + 1;
  const auto expected = around_.admission.ExpectedWait();
  event.extra = expected ? *expected / std::chrono::milliseconds(1) : -1;
  event.set_text(Words(WaitingPlace::kOffer));
  around_.reporter.Tell(event, now);
  return true;
}

// The machine's connections may be any worker's, and wait in its room.
void DhcpService::TellLease(const MacAddress& mac, Ipv4Address address, Time now) {
  if (!around_.admission.settings().enabled) return;
  around_.admission.Leased(mac, address, now);
  const unsigned lost = around_.others.Tell(0, LeaseNotice{mac, address});
  for (unsigned i = 0; i < lost; ++i) around_.reporter.Count(Step::kDeliver, Drop::kWorkerRingFull);
}

void DhcpService::FollowWallClock() {
  const auto moved = std::chrono::round<std::chrono::seconds>(
      Duration(around_.wall.unix_nanoseconds_at_zero() - followed_));
  if (moved == std::chrono::seconds(0)) return;
  followed_ += Duration(moved).count();
  server_.WallClockStepped(moved);
}

// As the journal remembers it, which is read by the wall clock: not earlier than the server's own
// time would have it end.
dhcp::LeaseChange DhcpService::InWorldTime(dhcp::LeaseChange change) const {
  const Duration ahead = Duration(around_.wall.unix_nanoseconds_at_zero()) - server_zero_;
  change.expires_unix_seconds += std::chrono::ceil<std::chrono::seconds>(ahead).count();
  return change;
}

void DhcpService::StartProbe(const dhcp::Outcome& outcome, Time now) {
  // Only a neighbour can be asked by ARP; behind a relay the relay's server would have to.
  arp::Responder& arp = around_.arp[outcome.probe_at.interface];
  if (!arp.ProbeAddress(*outcome.probe, now)) {
    static_cast<void>(server_.ProbeResult(*outcome.probe, /*in_use=*/false, now));
  }
}

Frame DhcpService::BuildReply(const dhcp::ReplyPlan& plan, Bytes reply, const MacAddress& station) {
  MacAddress to = plan.destination_mac.value_or(station);
  if (plan.destination.is_broadcast()) to = MacAddress::Broadcast();
  return BuildUdp(
      around_.interfaces[plan.egress.interface],
      {.station = to, .source = plan.source, .destination = plan.destination},
      {.source = plan.source_port, .destination = plan.destination_port, .payload = reply});
}

void DhcpService::TellQuestion(const dhcp::Outcome& outcome, Time now) {
  if (!outcome.client.mac.is_station()) return;
  Event event;
  event.mac = outcome.client.mac;
  event.address = outcome.address;
  const auto architectures = outcome.client.architecture_list();
  event.number = architectures.empty() ? -1 : architectures.front();
  event.extra = outcome.client.relay.value();
  SetQuestionText(event, outcome.client);
  switch (outcome.client.type) {
    case DhcpMessageType::kDiscover:
      event.kind = EventKind::kDhcpDiscover;
      break;
    case DhcpMessageType::kRequest:
      event.kind = EventKind::kDhcpRequest;
      break;
    case DhcpMessageType::kOffer:
    case DhcpMessageType::kDecline:
    case DhcpMessageType::kAck:
    case DhcpMessageType::kNak:
    case DhcpMessageType::kRelease:
    case DhcpMessageType::kInform:
      event.kind = EventKind::kDhcpOther;
      event.number = static_cast<std::int64_t>(outcome.client.type);
      break;
  }
  around_.reporter.Tell(event, now);
  TellIgnored(outcome, outcome.drop, now);
}

void DhcpService::TellIgnored(const dhcp::Outcome& outcome, Drop drop, Time now) {
  // A probe delays the answer; it is no refusal.
  if (drop == Drop::kNone || drop == Drop::kDhcpProbePending) return;
  if (!outcome.client.mac.is_station()) return;
  Event event;
  event.kind = EventKind::kDhcpIgnored;
  event.mac = outcome.client.mac;
  event.address = outcome.address;
  event.number = static_cast<std::int64_t>(drop);
  if (drop == Drop::kDhcpOtherServer) event.extra = outcome.client.server.value();
  if (drop == Drop::kDhcpHeld) {
    // What an operator is to know of whom he is to approve: names of 63 octets at most fit.
    event.extra = outcome.network.value();
    Facts facts(event);
    facts.Add("rule", outcome.choice);
    if (outcome.client.uuid.is_set()) {
      const auto uuid = outcome.client.uuid.Digits();  // in place: no packet allocates
      facts.Add("uuid", {uuid.data(), uuid.size()});
    }
  } else {
    event.set_text(Describe(drop).sentence);
  }
  around_.reporter.Tell(event, now);
}

void DhcpService::TellConflict(const dhcp::Outcome& outcome, const MacAddress& user, Time now) {
  Event event;
  event.kind = EventKind::kDhcpConflict;
  event.mac = outcome.client.mac;
  event.address = outcome.address;
  event.set_text(user.ToString());
  around_.reporter.Tell(event, now);
}

Event DhcpService::AnswerEvent(const dhcp::Outcome& outcome) {
  Event event;
  event.mac = outcome.client.mac;
  event.address = outcome.address;
  if (outcome.boot != nullptr) event.set_text(outcome.boot->uri);
  switch (outcome.decision) {
    case dhcp::Decision::kOffered:
    case dhcp::Decision::kProxyOffered:
      event.kind = EventKind::kDhcpOffer;
      break;
    case dhcp::Decision::kAcknowledged:
    case dhcp::Decision::kRenewed:
    case dhcp::Decision::kProxyAcknowledged:
      event.kind = EventKind::kDhcpAck;
      break;
    case dhcp::Decision::kRefused:
      event.kind = EventKind::kDhcpNak;
      event.set_text(outcome.reason);
      break;
    case dhcp::Decision::kDropped:
    case dhcp::Decision::kInformed:
    case dhcp::Decision::kReleased:
    case dhcp::Decision::kDeclined:
    case dhcp::Decision::kProbing:
    case dhcp::Decision::kAddressInUse:
      event.kind = EventKind::kDhcpOther;
      event.set_text(dhcp::Describe(outcome.decision));
      break;
  }
  if (event.kind == EventKind::kDhcpOffer) {
    const bool proxy = outcome.decision == dhcp::Decision::kProxyOffered;
    event.number =
        static_cast<std::int64_t>(proxy                     ? DhcpOfferOf::kBootAlone
                                  : outcome.boot != nullptr ? DhcpOfferOf::kAddressAndBoot
                                                            : DhcpOfferOf::kAddressAlone);
  }
  return event;
}

}  // namespace slipway::dataplane
