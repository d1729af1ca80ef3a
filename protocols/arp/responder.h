// SPDX-License-Identifier: Apache-2.0
//
// Responder: ARP on one interface of one worker (RFC 826, RFC 5227): answers for our addresses,
// claims and defends them, and asks whether an address is free to be leased.
//
// Requests for our addresses are answered at once, in Receive: firmware waits five milliseconds.
//
// There is no table of neighbours: nothing here begins a conversation, and an answer goes back to
// the station that asked (dataplane/packets.h), so nobody's hardware address is ever looked up, and
// forged ARP has nothing to poison.
//
// Fixed capacity; no heap after construction. Left out: proxy ARP, RARP, InARP.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocols/arp/claim.h"
#include "protocols/arp/probes.h"
#include "protocols/base/drop.h"
#include "protocols/base/entropy.h"

namespace slipway::arp {

struct Settings {
  ClaimStart start = ClaimStart::kProbe;
  std::size_t probes_max = 256;  // DHCP offers probed for at once
};

// An ARP packet to send and the station it goes to.
struct Message {
  MacAddress destination;
  Packet packet;

  friend bool operator==(const Message&, const Message&) = default;
};

// Another station uses an address of ours.
struct Conflict {
  Ipv4Address address;
  MacAddress mac;  // the other's

  friend bool operator==(const Conflict&, const Conflict&) = default;
};

struct Outcome {
  Drop drop = Drop::kNone;
  std::optional<Message> reply;
  std::optional<Conflict> conflict;
};

class Responder {
 public:
  // `addresses` are ours, each with the network it is in. `entropy` must outlive this.
  Responder(const MacAddress& mac, std::span<const Ipv4Prefix> addresses, const Settings& settings,
            Entropy& entropy);

  // Begins to claim our addresses. Call once, when the link is up; again after it was down.
  void Start(Time now);

  // `frame_source` is the source address of the Ethernet frame around `packet`.
  Outcome Receive(const Packet& packet, const MacAddress& frame_source, Time now);
  std::optional<Message> Emit(Time now);
  Time Deadline() const;
  void Expire(Time now) { probes_.Expire(now); }

  // Is an address free to be offered? False when too many are being asked for. The outcome is
  // there once an answer was received, or Expire() has found the time to be up.
  bool ProbeAddress(Ipv4Address address, Time now) { return probes_.Start(address, now); }
  std::optional<ProbeOutcome> TakeProbeOutcome() { return probes_.TakeOutcome(); }

  // One of our addresses, probed and in use.
  bool IsOurs(Ipv4Address address) const;

 private:
  std::optional<Outcome> Dispute(const Packet& packet, Time now);
  Outcome ReceiveRequest(const Packet& packet) const;

  MacAddress mac_;
  ClaimStart start_;
  std::vector<Claim> claims_;
  Entropy* entropy_;
  Probes probes_;
};

}  // namespace slipway::arp
