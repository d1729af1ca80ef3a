// SPDX-License-Identifier: Apache-2.0
//
// Claim: one address of ours, from the first probe to its defence (RFC 5227).
//
//     kProbing --(nobody answered)--> kAnnouncing --(told twice)--> kHeld
//        |  ^                             |                           |
//        v  | after 60 s                  +------ conflict: defend ---+
//     kRefused
//
// Probing takes PROBE_WAIT + 2 * PROBE_MAX + ANNOUNCE_WAIT at most, 7 s. An operator who knows that
// the address is ours alone (a restart) starts with announcing instead. From kAnnouncing on the
// address is used. A held address is never given up: it is defended as in section 2.4 (c), once
// in ten seconds, and every conflict is reported. A refused one is probed again after a minute.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/base/entropy.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/time.h"
#include "protocols/wire/arp.h"

namespace slipway::arp {

enum class ClaimState : std::uint8_t { kProbing, kAnnouncing, kHeld, kRefused };

enum class ClaimStart : std::uint8_t { kProbe, kAnnounce };

class Claim {
 public:
  Claim(const Ipv4Prefix& prefix, const MacAddress& mac) : prefix_(prefix), mac_(mac) {}

  void Start(ClaimStart how, Time now, Entropy& entropy);

  const Ipv4Prefix& prefix() const { return prefix_; }
  ClaimState state() const { return state_; }
  // Answers and sends from this address are allowed.
  bool is_usable() const {
    return state_ == ClaimState::kAnnouncing || state_ == ClaimState::kHeld;
  }

  // Whether `packet`, from another station, disputes this address now (2.1.1, 2.4).
  bool IsDisputedBy(const Packet& packet) const;
  // Takes note of a dispute; the announcement to broadcast in defence, unless one went out
  // within the last ten seconds.
  std::optional<Packet> Defend(Time now);

  // The probe or announcement due, to be broadcast.
  std::optional<Packet> Emit(Time now, Entropy& entropy);
  Time Deadline() const { return due_; }

 private:
  Packet Announcement() const;

  Ipv4Prefix prefix_;
  MacAddress mac_;
  ClaimState state_ = ClaimState::kRefused;
  std::uint8_t sent_ = 0;  // in this state
  Time due_ = kNever;
  std::optional<Time> defended_;
};

}  // namespace slipway::arp
