// SPDX-License-Identifier: Apache-2.0
#include "protocols/arp/neighbours.h"

#include <algorithm>

namespace slipway::arp {
namespace {

using std::chrono::seconds;

constexpr Duration kFresh = seconds(60);
constexpr Duration kQueryInterval = seconds(1);
constexpr std::uint8_t kQueries = 3;
constexpr Duration kUnreachableFor = seconds(10);

}  // namespace

Neighbours::Neighbours(const MacAddress& mac, std::span<const Ipv4Prefix> addresses,
                       const Settings& settings, Entropy& entropy)
    : mac_(mac),
      start_(settings.start),
      queries_max_(settings.queries_max),
      guarded_(settings.guarded),
      entropy_(&entropy),
      table_(settings.neighbours_max, SipKey::From(entropy)),
      probes_(settings.probes_max, mac) {
  claims_.reserve(addresses.size());
  for (const Ipv4Prefix& address : addresses) claims_.emplace_back(address, mac_);
}

void Neighbours::Start(Time now) {
  for (Claim& claim : claims_) claim.Start(start_, now, *entropy_);
}

Outcome Neighbours::Receive(const Packet& packet, const MacAddress& frame_source, Time now) {
  // Our own packets, mirrored back by a switch, are nobody's claim.
  if (packet.sender_mac != frame_source || frame_source == mac_) {
    return {.drop = Drop::kArpSenderInvalid};
  }
  Outcome disputed;
  if (CheckConflict(packet, now, disputed)) return disputed;
  const bool probed = probes_.Receive(packet);
  Outcome outcome = packet.operation == Operation::kRequest ? ReceiveRequest(packet, now)
                                                            : ReceiveReply(packet, now);
  if (probed) outcome.drop = Drop::kNone;
  return outcome;
}

std::optional<Conflict> Neighbours::CheckConflict(const Packet& packet, Time now,
                                                  Outcome& outcome) {
  for (Claim& claim : claims_) {
    if (!claim.IsDisputedBy(packet)) continue;
    outcome.drop = Drop::kArpConflict;
    outcome.conflict = Conflict{claim.prefix().address, packet.sender_mac};
    if (const auto defence = claim.Defend(now)) {
      outcome.reply = Message{MacAddress::Broadcast(), *defence};
    }
    return outcome.conflict;
  }
  return std::nullopt;
}

Outcome Neighbours::ReceiveRequest(const Packet& packet, Time now) {
  Outcome outcome;
  if (!IsOurs(packet.target_ip)) {
    // Overheard: corrects or renews what is known already (RFC 826), and teaches nothing new.
    outcome.drop = Drop::kArpNotForUs;
    if (!packet.is_probe() && table_.Find(packet.sender_ip) != nullptr) {
      const Drop drop = Believe(packet, Evidence::kClaim, now);
      if (drop != Drop::kNone) outcome.drop = drop;
    }
    return outcome;
  }
  outcome.reply = Message{packet.sender_mac,
                          {.operation = Operation::kReply,
                           .sender_mac = mac_,
                           .sender_ip = packet.target_ip,
                           .target_mac = packet.sender_mac,
                           .target_ip = packet.sender_ip}};
  // Whether it is believed or not does not change that it is answered.
  if (!packet.is_probe()) static_cast<void>(Believe(packet, Evidence::kClaim, now));
  return outcome;
}

Outcome Neighbours::ReceiveReply(const Packet& packet, Time now) {
  Neighbour* neighbour = table_.Find(packet.sender_ip);
  if (neighbour == nullptr || neighbour->list != List::kAsking || neighbour->queries == 0) {
    if (neighbour == nullptr || !packet.is_announcement()) return {.drop = Drop::kArpUnsolicited};
    const Drop drop = Believe(packet, Evidence::kClaim, now);
    return {.drop = drop};
  }
  if (neighbour->by_unicast && neighbour->mac != packet.sender_mac) {
    return {.drop = Drop::kArpContradicts};
  }
  Confirm(*neighbour, packet.sender_mac, now);
  return {};
}

// What a station says about itself unasked. The evidence decides between two claims only.
Drop Neighbours::Believe(const Packet& packet, Evidence evidence, Time now) {
  Neighbour* known = table_.Find(packet.sender_ip);
  if (known == nullptr) return BelieveNew(packet, now);
  const bool same = known->mac == packet.sender_mac;
  switch (known->list) {
    case List::kConfirmed:
      if (same) {
        known->at = now;
        return Drop::kNone;
      }
      if (evidence == Evidence::kClaim && MayAskMore()) Ask(*known, true, now);
      return Drop::kArpContradicts;
    case List::kClaimed:
      if (!same && evidence == Evidence::kTraffic && now - known->at < kFresh) {
        return Drop::kArpContradicts;
      }
      known->mac = packet.sender_mac;
      known->at = now;
      table_.MoveToBack(*known, List::kClaimed);
      return Drop::kNone;
    case List::kAsking:
      return known->usable && !same ? Drop::kArpContradicts : Drop::kNone;
    case List::kUnreachable:
      table_.Erase(*known);
      return BelieveNew(packet, now);
    case List::kFree:
      break;
  }
  return Drop::kNone;
}

Drop Neighbours::BelieveNew(const Packet& packet, Time now) {
  if (!IsOnLink(packet.sender_ip) || IsGuarded(packet.sender_ip)) return Drop::kNone;
  Neighbour* neighbour = table_.Insert(packet.sender_ip, List::kClaimed);
  if (neighbour == nullptr) return Drop::kArpTableFull;
  neighbour->mac = packet.sender_mac;
  neighbour->usable = true;
  neighbour->at = now;
  return Drop::kNone;
}

void Neighbours::Confirm(Neighbour& neighbour, const MacAddress& mac, Time now) {
  neighbour.mac = mac;
  neighbour.usable = true;
  neighbour.at = now;
  table_.MoveToBack(neighbour, List::kConfirmed);
}

void Neighbours::Ask(Neighbour& neighbour, bool by_unicast, Time now) {
  neighbour.by_unicast = by_unicast;
  neighbour.usable = by_unicast;
  neighbour.queries = 0;
  neighbour.at = now;
  table_.MoveToFront(neighbour, List::kAsking);
}

std::optional<MacAddress> Neighbours::Lookup(Ipv4Address address, Time now) {
  Neighbour* neighbour = table_.Find(address);
  if (neighbour == nullptr) {
    if (!MayAskMore()) return std::nullopt;
    neighbour = table_.Insert(address, List::kAsking);
    if (neighbour != nullptr) Ask(*neighbour, false, now);
    return std::nullopt;
  }
  if (!neighbour->usable) return std::nullopt;
  const bool settled = neighbour->list == List::kConfirmed || neighbour->list == List::kClaimed;
  if (settled && now - neighbour->at >= kFresh && MayAskMore()) {
    Ask(*neighbour, true, now);
  } else if (settled) {
    table_.MoveToBack(*neighbour, neighbour->list);
  }
  return neighbour->mac;
}

bool Neighbours::IsUnreachable(Ipv4Address address) const {
  const Neighbour* neighbour = table_.Find(address);
  return neighbour != nullptr && neighbour->list == List::kUnreachable;
}

void Neighbours::Learn(Ipv4Address address, const MacAddress& mac, Time now) {
  if (!mac.is_station() || mac == mac_ || !address.is_answerable() || IsOurs(address)) return;
  const Packet hint{.sender_mac = mac, .sender_ip = address};
  static_cast<void>(Believe(hint, Evidence::kTraffic, now));
}

std::optional<Message> Neighbours::Emit(Time now) {
  for (Claim& claim : claims_) {
    if (const auto packet = claim.Emit(now, *entropy_)) {
      return Message{MacAddress::Broadcast(), *packet};
    }
  }
  if (const auto probe = probes_.Emit(now)) return Message{MacAddress::Broadcast(), *probe};
  Expire(now);
  Neighbour* due = table_.Front(List::kAsking);
  if (due == nullptr || now < due->at) return std::nullopt;
  const Message message{due->by_unicast ? due->mac : MacAddress::Broadcast(), Query(*due)};
  ++due->queries;
  due->at = now + kQueryInterval;
  table_.MoveToBack(*due, List::kAsking);
  return message;
}

Time Neighbours::Deadline() const {
  Time deadline = probes_.Deadline();
  for (const Claim& claim : claims_) deadline = std::min(deadline, claim.Deadline());
  for (const List list : {List::kAsking, List::kUnreachable}) {
    if (const Neighbour* front = table_.Front(list)) deadline = std::min(deadline, front->at);
  }
  return deadline;
}

void Neighbours::Expire(Time now) {
  probes_.Expire(now);
  while (Neighbour* silent = table_.Front(List::kAsking)) {
    if (now < silent->at || silent->queries < kQueries) break;
    if (silent->by_unicast) {
      Ask(*silent, false, now);
      break;  // due now, and so at the front
    }
    silent->usable = false;
    silent->at = now + kUnreachableFor;
    table_.MoveToBack(*silent, List::kUnreachable);
  }
  while (Neighbour* old = table_.Front(List::kUnreachable)) {
    if (now < old->at) break;
    table_.Erase(*old);
  }
}

bool Neighbours::IsOurs(Ipv4Address address) const {
  return std::ranges::any_of(claims_, [address](const Claim& claim) {
    return claim.is_usable() && claim.prefix().address == address;
  });
}

bool Neighbours::IsOnLink(Ipv4Address address) const {
  return std::ranges::any_of(claims_, [address](const Claim& claim) {
    const Ipv4Prefix& prefix = claim.prefix();
    const bool is_host =
        prefix.length >= 31 || (address != prefix.network() && address != prefix.broadcast());
    return prefix.Contains(address) && is_host;
  });
}

bool Neighbours::IsGuarded(Ipv4Address address) const {
  return std::ranges::find(guarded_, address) != guarded_.end();
}

Packet Neighbours::Query(const Neighbour& neighbour) const {
  // From our address in the same network; RFC 5227's zero where none is usable yet.
  Ipv4Address sender;
  for (const Claim& claim : claims_) {
    if (!claim.is_usable()) continue;
    if (sender.is_unspecified()) sender = claim.prefix().address;
    if (claim.prefix().Contains(neighbour.address)) {
      sender = claim.prefix().address;
      break;
    }
  }
  return {.operation = Operation::kRequest,
          .sender_mac = mac_,
          .sender_ip = sender,
          .target_mac = neighbour.by_unicast ? neighbour.mac : MacAddress{},
          .target_ip = neighbour.address};
}

}  // namespace slipway::arp
