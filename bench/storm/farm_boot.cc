// SPDX-License-Identifier: Apache-2.0
//
// From power to the next station: DHCP (RFC 2131, timed as EDK II does: tries of 4, 8, 16 and 32 s,
// and offers collected for as long as the personality does), ARP, DNS.
#include "bench/storm/dns_client.h"
#include "bench/storm/farm.h"
#include "bench/storm/frames.h"

namespace slipway::storm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint8_t kDiscoversMax = 4;
constexpr std::uint8_t kRequestsMax = 4;
constexpr std::uint8_t kArpsMax = 8;
constexpr std::uint8_t kQueriesMax = 5;
constexpr Port kDnsClientPort{49000};

}  // namespace

void Farm::Enter(Machine& machine, Phase phase, Duration wait) {
  machine.phase = phase;
  machine.phase_since = now_;
  wheel_->Arm(machine.index, now_ + wait);
}

void Farm::OnTimer(Machine& machine) {
  switch (machine.phase) {
    case Phase::kOff:
      return PowerOn(machine);
    case Phase::kDiscover:
      if (machine.offer != nullptr) {
        machine.tries = 0;
        return Request(machine);
      }
      return Discover(machine);
    case Phase::kRequest:
      return Request(machine);
    case Phase::kNeighbour:
      return AskNeighbour(machine);
    case Phase::kName:
      return AskName(machine);
    case Phase::kConnect:
      return Fail(machine, Failure::kNoConnection);
    case Phase::kHandshake:
      return Fail(machine, Failure::kNoHandshake);
    case Phase::kHead:
    case Phase::kBody: {
      if (machine.mode == Mode::kSlowReader) return SlowDown(machine);
      const Duration patience = Wait(machine.personality->patience, options_.patience);
      if (now_ - machine.heard_at >= patience) return Fail(machine, Failure::kStalled);
      wheel_->Arm(machine.index, machine.heard_at + patience);
      return;
    }
    case Phase::kClosing:  // the server does not finish; this one goes
      Reset(machine);
      return AfterConnection(machine);
    case Phase::kFlood:
    case Phase::kDone:
    case Phase::kFailed:
      return;
  }
}

void Farm::PowerOn(Machine& machine) {
  if (machine.powered_at == Time{}) {  // otherwise it only begins anew
    ++tally_.powered;
    machine.powered_at = now_;
  }
  machine.tries = 0;
  if (machine.mode == Mode::kBoot || machine.mode == Mode::kDhcp) {
    machine.xid = random_.Next32();
    return Discover(machine);
  }
  machine.address = Ipv4Address(options_.first_address.value() + machine.index);
  machine.mask = Ipv4Prefix{machine.address, options_.prefix_length}.mask();
  machine.router = options_.gateway;
  machine.name_server = options_.name_server;
  machine.url = std::make_unique<Url>(*options_.url);
  Advance(machine);
}

void Farm::SendUdp(Machine& machine, Ipv4Address to, const udp::Datagram& datagram) {
  const bool to_all = to.is_broadcast();
  const FrameEnds ends{.to = to_all ? MacAddress::Broadcast() : machine.station,
                       .from = machine.identity.mac,
                       .source = machine.address,
                       .destination = to,
                       .ttl = machine.personality->ttl};
  std::array<std::uint8_t, 1536> frame;
  SendBytes(Bytes(frame).first(WriteUdpFrame(ends, datagram, frame)));
}

void Farm::Discover(Machine& machine) {
  if (machine.tries == kDiscoversMax) return Fail(machine, Failure::kNoOffer);
  if (machine.tries == 0) machine.asked_at = now_;
  const auto waited = std::chrono::duration_cast<seconds>(now_ - machine.asked_at).count();
  std::array<std::uint8_t, 1024> message;
  const std::size_t size = WriteDiscover({.personality = *machine.personality,
                                          .identity = machine.identity,
                                          .xid = machine.xid,
                                          .seconds = static_cast<std::uint16_t>(waited)},
                                         message);
  SendUdp(machine, Ipv4Address::Broadcast(),
          {kDhcpClientPort, kDhcpServerPort, Bytes(message).first(size)});
  Enter(machine, Phase::kDiscover, seconds(4 << machine.tries));
  ++machine.tries;
}

void Farm::Request(Machine& machine) {
  if (machine.tries == kRequestsMax) return Fail(machine, Failure::kNoAck);
  std::array<std::uint8_t, 1024> message;
  const std::size_t size = WriteRequest({.personality = *machine.personality,
                                         .identity = machine.identity,
                                         .xid = machine.xid,
                                         .seconds = 0},
                                        *machine.offer, message);
  SendUdp(machine, Ipv4Address::Broadcast(),
          {kDhcpClientPort, kDhcpServerPort, Bytes(message).first(size)});
  Enter(machine, Phase::kRequest, seconds(4));
  ++machine.tries;
}

void Farm::OnDhcp(Machine& machine, const DhcpOffer& offer) {
  if (offer.xid != machine.xid) return;
  if (machine.phase == Phase::kDiscover && offer.type == DhcpMessageType::kOffer) {
    const bool boots = machine.mode == Mode::kBoot;
    const bool has_uri = Url::Parse(offer.uri).has_value();
    const bool wants_http = machine.personality->vendor_class.starts_with("HTTPClient");
    // As EDK II: without the class it is no HTTP offer, without a URI it is thrown away.
    if (boots && wants_http && !(offer.is_http && has_uri)) return;
    if (boots && !has_uri && !options_.url) return;
    if (machine.offer != nullptr) return;
    machine.offer = std::make_unique<DhcpOffer>(offer);
    const Duration collect =
        boots ? Wait(machine.personality->offer_wait, options_.offer_wait) : Duration{};
    const Duration waited = now_ - machine.phase_since;
    if (waited < collect) {
      wheel_->Arm(machine.index, machine.phase_since + collect);
      return;
    }
    machine.tries = 0;
    Request(machine);
  } else if (machine.phase == Phase::kRequest && offer.type == DhcpMessageType::kNak) {
    Fail(machine, Failure::kNak);
  } else if (machine.phase == Phase::kRequest && offer.type == DhcpMessageType::kAck) {
    OnLease(machine, offer);
  }
}

void Farm::OnLease(Machine& machine, const DhcpOffer& ack) {
  ++tally_.exchanges;
  tally_.exchange_times.Add(now_ - machine.asked_at);
  if (machine.mode == Mode::kDhcp) {  // and again
    machine.offer.reset();
    machine.xid = random_.Next32();
    machine.tries = 0;
    return Discover(machine);
  }
  machine.address = ack.address;
  machine.mask = ack.mask;
  machine.router = ack.router;
  machine.name_server = ack.name_server;
  // A plain client is told no file; it fetches what the operator says.
  auto url = Url::Parse(ack.uri.empty() ? machine.offer->uri : ack.uri);
  if (!url) url = options_.url;
  machine.offer.reset();
  if (!url) return Fail(machine, Failure::kNoBootUri);
  machine.url = std::make_unique<Url>(*std::move(url));
  Advance(machine);
}

// The next thing that is missing before a connection can be opened.
void Farm::Advance(Machine& machine) {
  if (machine.server.is_unspecified()) {
    machine.server = machine.url->address.value_or(options_.server);
  }
  if (machine.server.is_unspecified()) {
    if (NeedNeighbour(machine, machine.name_server)) return;
    machine.tries = 0;
    return AskName(machine);
  }
  if (NeedNeighbour(machine, machine.server)) return;
  if (machine.mode == Mode::kSynFlood) {
    machine.phase = Phase::kFlood;
    return;
  }
  Connect(machine);
}

// True while the station that leads to `destination` is being asked for.
bool Farm::NeedNeighbour(Machine& machine, Ipv4Address destination) {
  const bool on_link =
      ((machine.address.value() ^ destination.value()) & machine.mask.value()) == 0;
  const Ipv4Address next =
      on_link || machine.router.is_unspecified() ? destination : machine.router;
  if (machine.station_known && machine.neighbour == next) return false;
  machine.station_known = false;
  machine.neighbour = next;
  machine.tries = 0;
  AskNeighbour(machine);
  return true;
}

// As ArpDxe: twice within 5 ms; then, unlike it, patiently, as its callers begin anew.
void Farm::AskNeighbour(Machine& machine) {
  if (machine.tries == kArpsMax) return Fail(machine, Failure::kNoNeighbour);
  SendBytes(MutableBytes(room_).first(WriteArpFrame(MacAddress::Broadcast(),
                                                    {.operation = arp::Operation::kRequest,
                                                     .sender_mac = machine.identity.mac,
                                                     .sender_ip = machine.address,
                                                     .target_mac = {},
                                                     .target_ip = machine.neighbour},
                                                    room_)));
  Enter(machine, Phase::kNeighbour, machine.tries == 0 ? Duration(milliseconds(5)) : seconds(1));
  ++machine.tries;
}

void Farm::AskName(Machine& machine) {
  if (machine.tries == kQueriesMax) return Fail(machine, Failure::kNoName);
  std::array<std::uint8_t, 512> query;
  const std::size_t size =
      WriteDnsQuery(static_cast<std::uint16_t>(machine.xid), machine.url->host, query);
  SendUdp(machine, machine.name_server, {kDnsClientPort, kDnsPort, Bytes(query).first(size)});
  Enter(machine, Phase::kName, seconds(2));
  ++machine.tries;
}

void Farm::OnName(Machine& machine, Bytes payload) {
  const auto answer = ReadDnsAnswer(payload);
  if (machine.phase != Phase::kName || !answer ||
      answer->id != static_cast<std::uint16_t>(machine.xid)) {
    return;
  }
  if (!answer->address) return Fail(machine, Failure::kNoName);
  machine.server = *answer->address;
  Advance(machine);
}

}  // namespace slipway::storm
