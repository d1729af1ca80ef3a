// SPDX-License-Identifier: Apache-2.0
//
// What a boot says that came no further than DHCP, or had an address and never connected.
#include <algorithm>
#include <iterator>

#include "control/boots/story.h"
#include "control/boots/words.h"
#include "control/text.h"
#include "protocols/base/drop.h"
#include "protocols/base/ipv4.h"

namespace slipway::control {
namespace {

using dataplane::DhcpOfferOf;
using dataplane::EventKind;

constexpr std::int64_t kDecline = 4;  // RFC 2132 9.6
// Firmware asks again after 4, 8 and 16 s, and collects offers for the first 4.
constexpr std::int64_t kOfferPatience = 40;
constexpr std::int64_t kNextStepPatience = 30;
constexpr std::int64_t kAnswerPatience = 10;

bool Holds(const BootStep* offer, DhcpOfferOf what) {
  return offer != nullptr && offer->number == static_cast<std::int64_t>(what);
}

CauseId CauseOfNoRule(const Story& story, const BootStep* discover) {
  if (discover != nullptr && discover->text.starts_with("PXEClient")) return CauseId::kPxeOnly;
  return story.around().image_set_is_there ? CauseId::kNoBootFile : CauseId::kImageSetMissing;
}

Judgement OfNoRule(const Story& story, const BootStep* discover, const BootStep* ignored) {
  const CauseId cause = CauseOfNoRule(story, discover);
  std::string detail;
  if (cause == CauseId::kImageSetMissing) {
    detail = story.around().image_set;
  } else if (discover != nullptr && discover->number >= 0) {
    detail = Text("architecture ", discover->number, " (DHCP option 93)");
    if (!story.around().image_set.empty()) detail += ", image set " + story.around().image_set;
  }
  // Without the daemon's word on the image set, the one is as likely as the other.
  const bool known = cause == CauseId::kPxeOnly || !story.around().image_set.empty();
  return {cause, known ? Certainty::kCertain : Certainty::kLikely, detail, {discover, ignored}};
}

struct DropCause {
  Drop drop;
  CauseId cause;
};
// Drops that are a cause by themselves; the others are told by their own sentence.
constexpr DropCause kDropCauses[] = {
    {Drop::kDhcpUnknownMachine, CauseId::kUnknownMachine},
    {Drop::kDhcpIgnoredByRule, CauseId::kUnknownMachine},
    {Drop::kDhcpHeld, CauseId::kHeld},
    {Drop::kDhcpNotABootClient, CauseId::kNotABootClient},
    {Drop::kDhcpNoNetwork, CauseId::kNoNetwork},
    {Drop::kDhcpPoolEmpty, CauseId::kPoolEmpty},
    {Drop::kDhcpLeaseTableFull, CauseId::kPoolEmpty},
    {Drop::kDhcpAddressesInUse, CauseId::kAddressConflict},
    {Drop::kDhcpJournalFull, CauseId::kJournalBehind},
    {Drop::kDhcpReplyTooLong, CauseId::kReplyTooLong},
    {Drop::kDhcpOtherServer, CauseId::kOtherServer},
};

std::string AddressText(std::int64_t value) {
  return value == 0 ? "" : Ipv4Address(static_cast<std::uint32_t>(value)).ToString();
}

std::optional<Judgement> OfIgnored(const Story& story, const BootStep& ignored) {
  const BootStep* discover = story.Last(EventKind::kDhcpDiscover);
  const auto drop = static_cast<Drop>(ignored.number);
  if (drop == Drop::kDhcpBootsLocally) {
    return Judgement{CauseId::kLeftToNextBoot, Certainty::kCertain, {}, {discover, &ignored}};
  }
  if (drop == Drop::kDhcpNoBootRule) return OfNoRule(story, discover, &ignored);
  const auto* const known = std::ranges::find(kDropCauses, drop, &DropCause::drop);
  Judgement finding{.cause = CauseId::kNotAnswered,
                    .detail = ignored.text,
                    .evidence = {discover, story.Last(EventKind::kDhcpOffer),
                                 story.Last(EventKind::kDhcpRequest), &ignored}};
  if (known == std::end(kDropCauses)) return finding;
  finding.cause = known->cause;
  finding.detail = {};
  if (known->cause == CauseId::kUnknownMachine || known->cause == CauseId::kHeld)
    finding.detail = story.around().policy;
  if (drop == Drop::kDhcpOtherServer) finding.detail = AddressText(ignored.extra);
  if (drop == Drop::kDhcpNoNetwork && discover != nullptr && discover->extra != 0) {
    finding.detail = "relay " + AddressText(discover->extra);
  }
  return finding;
}

// Another station has the address: it declined it, or we found out before it could.
std::optional<Judgement> OfConflict(const Story& story) {
  const BootStep* ack = story.Last(EventKind::kDhcpAck);
  const BootStep* declined = story.Last(EventKind::kDhcpOther, 0, ack);
  if (declined != nullptr && declined->number == kDecline) {
    return Judgement{CauseId::kAddressConflict, Certainty::kCertain, {}, {ack, declined}};
  }
  const BootStep* conflict = story.Last(EventKind::kDhcpConflict);
  if (conflict == nullptr || ack != nullptr || story.Has(EventKind::kTcpOpened)) return {};
  if (story.Last(EventKind::kDhcpOffer, 0, conflict) != nullptr) return {};
  return Judgement{CauseId::kAddressConflict, Certainty::kCertain, conflict->text, {conflict}};
}

// No ACK yet.
std::optional<Judgement> BeforeTheAddress(const Story& story) {
  const BootStep* discover = story.Last(EventKind::kDhcpDiscover);
  const BootStep* offer = story.Last(EventKind::kDhcpOffer);
  const BootStep* nak = story.Last(EventKind::kDhcpNak);
  const bool relayed = discover != nullptr && discover->extra != 0;
  if (relayed && discover->number >= 0 && discover->text.empty()) {
    return Judgement{CauseId::kVendorClassLost, Certainty::kLikely, {}, {discover}};
  }
  if (nak != nullptr && story.Quiet(kAnswerPatience)) {
    return Judgement{CauseId::kLeaseRefused,
                     Certainty::kCertain,
                     nak->text,
                     {story.Last(EventKind::kDhcpRequest), nak}};
  }
  if (offer != nullptr && story.Last(EventKind::kDhcpRequest, 0, offer) == nullptr) {
    const std::size_t asked = story.Count(EventKind::kDhcpDiscover);
    const bool boots = !Holds(offer, DhcpOfferOf::kAddressAlone);
    if (relayed && boots && asked >= 2 && story.Quiet(kAnswerPatience)) {
      return Judgement{CauseId::kVendorClassLostInReply,
                       Certainty::kLikely,
                       Text(asked, " DISCOVERs through relay ", AddressText(discover->extra)),
                       {discover, offer}};
    }
    if (!boots && discover != nullptr && IsBootClient(discover->text) &&
        story.Quiet(kAnswerPatience)) {
      return Judgement{CauseId::kNoBootOffered, Certainty::kCertain, {}, {discover, offer}};
    }
    if (story.Quiet(kOfferPatience)) {
      return Judgement{CauseId::kOfferNotTaken, Certainty::kLikely, {}, {discover, offer}};
    }
    return {};
  }
  if (discover != nullptr && offer == nullptr && story.Quiet(kAnswerPatience)) {
    return Judgement{CauseId::kNotAnswered, Certainty::kPossible, {}, {discover}};
  }
  return {};
}

// It has an address (or another server gave it one), and no connection.
std::optional<Judgement> WithTheAddress(const Story& story, const BootStep* address) {
  const BootStep* discover = story.Last(EventKind::kDhcpDiscover);
  const BootStep* offer = story.Last(EventKind::kDhcpOffer);
  const BootStep* dns = story.Last(EventKind::kDnsQuery, 0, address);
  const BootStep* arp = story.Last(EventKind::kArpAsked, 0, address);
  if (dns != nullptr && dns->extra != 0 && story.Quiet(kAnswerPatience)) {
    return Judgement{CauseId::kNameNotOurs, Certainty::kCertain, dns->text, {address, dns}};
  }
  if (!story.Quiet(kNextStepPatience)) return {};
  if (Holds(offer, DhcpOfferOf::kAddressAlone) && discover != nullptr &&
      IsBootClient(discover->text)) {
    return Judgement{CauseId::kNoBootOffered, Certainty::kCertain, {}, {discover, offer, address}};
  }
  if (dns != nullptr || arp != nullptr) {
    return Judgement{CauseId::kNeverConnected, Certainty::kLikely, {}, {address, arp, dns}};
  }
  return Judgement{CauseId::kSilentWithAddress, Certainty::kLikely, {}, {address}};
}

}  // namespace

std::optional<Judgement> JudgeDhcp(const Story& story) {
  const BootStep* waits = story.Last(EventKind::kAdmissionWaits);
  if (waits != nullptr && story.Last(EventKind::kAdmissionTurn, 0, waits) == nullptr) {
    if (!story.Quiet(2 * kNextStepPatience)) {
      return Judgement{CauseId::kWaitsForItsTurn, Certainty::kCertain, waits->text, {waits}};
    }
    return Judgement{CauseId::kGaveUpWaiting, Certainty::kLikely, waits->text, {waits}};
  }
  if (auto conflict = OfConflict(story)) return conflict;
  const BootStep* ack = story.Last(EventKind::kDhcpAck);
  const BootStep* offer = story.Last(EventKind::kDhcpOffer);
  const BootStep* ignored = story.Last(EventKind::kDhcpIgnored, 0, ack);
  if (ignored != nullptr &&
      (offer == nullptr || story.Last(EventKind::kDhcpOffer, 0, ignored) == nullptr)) {
    // Beside another server, that it takes its address from the other one is as it should be.
    const bool as_it_should = Holds(offer, DhcpOfferOf::kBootAlone) &&
                              ignored->number == static_cast<std::int64_t>(Drop::kDhcpOtherServer);
    if (as_it_should) return WithTheAddress(story, ignored);
    // What asks about a lease of before gets no answer, and asks anew.
    const bool asks_anew =
        ignored->number == static_cast<std::int64_t>(Drop::kDhcpUnknownLease) && !story.Quiet(30);
    if (!asks_anew) return OfIgnored(story, *ignored);
  }
  return ack != nullptr ? WithTheAddress(story, ack) : BeforeTheAddress(story);
}

}  // namespace slipway::control
