// SPDX-License-Identifier: Apache-2.0
#include "protocols/arp/responder.h"

#include <algorithm>

namespace slipway::arp {

Responder::Responder(const MacAddress& mac, std::span<const Ipv4Prefix> addresses,
                     const Settings& settings, Entropy& entropy)
    : mac_(mac), start_(settings.start), entropy_(&entropy), probes_(settings.probes_max, mac) {
  claims_.reserve(addresses.size());
  for (const Ipv4Prefix& address : addresses) claims_.emplace_back(address, mac_);
}

void Responder::Start(Time now) {
  for (Claim& claim : claims_) claim.Start(start_, now, *entropy_);
}

Outcome Responder::Receive(const Packet& packet, const MacAddress& frame_source, Time now) {
  // Our own packets, mirrored back by a switch, are nobody's claim.
  if (packet.sender_mac != frame_source || frame_source == mac_) {
    return {.drop = Drop::kArpSenderInvalid};
  }
  if (auto disputed = Dispute(packet, now)) return *disputed;
  const bool probed = probes_.Receive(packet);
  Outcome outcome = packet.operation == Operation::kRequest
                        ? ReceiveRequest(packet)
                        : Outcome{.drop = Drop::kArpUnsolicited};
  if (probed) outcome.drop = Drop::kNone;
  return outcome;
}

std::optional<Outcome> Responder::Dispute(const Packet& packet, Time now) {
  for (Claim& claim : claims_) {
    if (!claim.IsDisputedBy(packet)) continue;
    Outcome outcome{.drop = Drop::kArpConflict,
                    .conflict = Conflict{claim.prefix().address, packet.sender_mac}};
    if (const auto defence = claim.Defend(now)) {
      outcome.reply = Message{MacAddress::Broadcast(), *defence};
    }
    return outcome;
  }
  return std::nullopt;
}

Outcome Responder::ReceiveRequest(const Packet& packet) const {
  if (!IsOurs(packet.target_ip)) return {.drop = Drop::kArpNotForUs};
  return {.reply = Message{packet.sender_mac,
                           {.operation = Operation::kReply,
                            .sender_mac = mac_,
                            .sender_ip = packet.target_ip,
                            .target_mac = packet.sender_mac,
                            .target_ip = packet.sender_ip}}};
}

std::optional<Message> Responder::Emit(Time now) {
  for (Claim& claim : claims_) {
    if (const auto packet = claim.Emit(now, *entropy_)) {
      return Message{MacAddress::Broadcast(), *packet};
    }
  }
  if (const auto probe = probes_.Emit(now)) return Message{MacAddress::Broadcast(), *probe};
  return std::nullopt;
}

Time Responder::Deadline() const {
  Time deadline = probes_.Deadline();
  for (const Claim& claim : claims_) deadline = std::min(deadline, claim.Deadline());
  return deadline;
}

bool Responder::IsOurs(Ipv4Address address) const {
  return std::ranges::any_of(claims_, [address](const Claim& claim) {
    return claim.is_usable() && claim.prefix().address == address;
  });
}

}  // namespace slipway::arp
