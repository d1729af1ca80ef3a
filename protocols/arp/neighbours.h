// SPDX-License-Identifier: Apache-2.0
//
// Neighbours: ARP on one interface of one worker (RFC 826, RFC 1122 2.3.2, RFC 5227).
//
// Requests for our addresses are answered at once, in Receive: firmware waits five milliseconds.
//
// What is believed. *Confirmed* is only what answered a question of ours. A *claim* is what a
// station says unasked about itself, by asking us or by talking to us; it is used, and the next
// ARP claim replaces it, but it never replaces a confirmed neighbour: contradiction makes us ask
// the confirmed station, by unicast, and only its silence opens the question to everybody. A
// guarded address (a gateway) is never believed by claim. Who answers a broadcast question
// first is believed: ARP can do no better.
//
// Age (RFC 1122 2.3.2.1): a neighbour not heard of for a minute is asked by unicast when it is
// looked up, and used meanwhile; after three silent seconds everybody is asked; after three more
// it is unreachable for ten. Queries for one address leave a second apart at most.
//
// Fixed capacity; no heap after construction. Left out: proxy ARP, RARP, InARP.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocols/arp/claim.h"
#include "protocols/arp/probes.h"
#include "protocols/arp/table.h"
#include "protocols/base/drop.h"
#include "protocols/base/entropy.h"

namespace slipway::arp {

struct Settings {
  std::vector<Ipv4Address> guarded;  // gateways: believed only when we asked
  ClaimStart start = ClaimStart::kProbe;
  std::size_t neighbours_max = 4096;
  std::size_t queries_max = 256;  // addresses asked for at once
  std::size_t probes_max = 256;   // DHCP offers probed for at once
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

class Neighbours {
 public:
  // `addresses` are ours, each with the network it is in. `entropy` must outlive this.
  Neighbours(const MacAddress& mac, std::span<const Ipv4Prefix> addresses, const Settings& settings,
             Entropy& entropy);

  // Begins to claim our addresses. Call once, when the link is up; again after it was down.
  void Start(Time now);

  // `frame_source` is the source address of the Ethernet frame around `packet`.
  Outcome Receive(const Packet& packet, const MacAddress& frame_source, Time now);
  std::optional<Message> Emit(Time now);
  Time Deadline() const;
  void Expire(Time now);

  // The station to send to for an on-link `address`; nullopt while it is asked for, which this
  // starts, or when nobody answers.
  std::optional<MacAddress> Lookup(Ipv4Address address, Time now);
  bool IsUnreachable(Ipv4Address address) const;
  // An on-link station has sent us an IP packet: a hint, believed where nothing is known.
  void Learn(Ipv4Address address, const MacAddress& mac, Time now);

  // Is an address free to be offered? False when too many are being asked for. The outcome is
  // there once an answer was received, or Expire() has found the time to be up.
  bool ProbeAddress(Ipv4Address address, Time now) { return probes_.Start(address, now); }
  std::optional<ProbeOutcome> TakeProbeOutcome() { return probes_.TakeOutcome(); }

  const MacAddress& mac() const { return mac_; }
  // One of our addresses, probed and in use.
  bool IsOurs(Ipv4Address address) const;
  std::span<const Claim> claims() const { return claims_; }
  const Table& table() const { return table_; }

 private:
  enum class Evidence : std::uint8_t { kTraffic, kClaim };

  std::optional<Conflict> CheckConflict(const Packet& packet, Time now, Outcome& outcome);
  Outcome ReceiveRequest(const Packet& packet, Time now);
  Outcome ReceiveReply(const Packet& packet, Time now);
  Drop Believe(const Packet& packet, Evidence evidence, Time now);
  Drop BelieveNew(const Packet& packet, Time now);
  void Confirm(Neighbour& neighbour, const MacAddress& mac, Time now);
  void Ask(Neighbour& neighbour, bool by_unicast, Time now);
  bool IsOnLink(Ipv4Address address) const;
  bool IsGuarded(Ipv4Address address) const;
  bool MayAskMore() const { return table_.size(List::kAsking) < queries_max_; }
  Packet Query(const Neighbour& neighbour) const;

  MacAddress mac_;
  ClaimStart start_;
  std::size_t queries_max_;
  std::vector<Ipv4Address> guarded_;
  std::vector<Claim> claims_;
  Entropy* entropy_;
  Table table_;
  Probes probes_;
};

}  // namespace slipway::arp
