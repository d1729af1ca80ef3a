// SPDX-License-Identifier: Apache-2.0
//
// Admission: the waiting room of one worker. More machines than the wire serves in good time are
// served in turns, not all at once: each that is admitted gets a good rate and is done soon, and
// the mean boot takes about half as long. The others wait where firmware is patient: at the OFFER
// (it asks again after 4 and 12 s), at the SYN (60 s) or before the ServerHello (60 s). Never after
// the request, where firmware gives up within 5 s.
//
// Sans-I/O: it is told what machines do and what time it is, and says who waits and whose turn it
// is. It knows neither segments nor frames; the worker keeps what waits (steps/admit.cc).
//
// Invariants
// * Turns are given in order of first arrival among those that wait. A machine that a patience
//   forces through is admitted although the room is full: late for everyone, but nobody is lost.
// * Once admitted a machine is never held again, whatever connections its boot still takes, until
//   it was silent for kRemembered.
// * Nobody waits while fewer are served than may be.
// * A turn is used or lost: who vanishes, rests, or takes less than an eighth of what a turn takes
//   (a slow reader) is served on, but no longer counted.
// * Memory is fixed at construction. A machine for which no entry is left is not held.
// * Only machines whose address we leased have a place at the SYN: a flood of forged SYNs gets
//   none. A stranger has proven its address when its ClientHello comes, and waits there.
//
// Left out: an order across workers (each has its own room, and RSS spreads machines evenly), and
// strangers on plain HTTP, which have no place to wait at.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/admission_limit.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/time.h"
#include "protocols/base/timer_wheel.h"

namespace slipway::dataplane {

struct AdmissionSettings {
  bool enabled = true;
  std::uint32_t at_once = 0;            // machines served at once by this worker; 0: as measured
  std::uint32_t machines_max = 16'384;  // remembered at once
  // How long firmware may be kept waiting, well below its own patience: what is lost on the wire
  // then must still be sent again in time.
  Duration at_offer = std::chrono::seconds(11);  // asks at 0, 4, 12 and 28 s
  Duration at_syn = std::chrono::seconds(45);    // of EDK II's 60 s
  Duration at_syn_impatient = std::chrono::seconds(8);
  Duration at_server_hello = std::chrono::seconds(40);  // of EDK II's 60 s
};

enum class WaitingPlace : std::uint8_t { kOffer, kSyn, kServerHello };
constexpr std::string_view Words(WaitingPlace place) {
  constexpr std::array<std::string_view, 3> kWords = {"before its address", "before its connection",
                                                      "before TLS"};
  return kWords[static_cast<std::size_t>(place)];
}

class Admission {
 public:
  using Id = std::uint32_t;  // names a machine as long as it is remembered
  static constexpr Id kNobody = 0xffffffff;
  // An admitted machine without a connection keeps its admission for so long.
  static constexpr Duration kRemembered = std::chrono::seconds(120);
  static constexpr Duration kReviewEvery = std::chrono::milliseconds(500);
  static constexpr Duration kAdjustEvery = std::chrono::seconds(1);  // how many are served

  explicit Admission(const AdmissionSettings& settings);

  // False: this OFFER is to be withheld, and the machine asks again.
  bool MayOffer(const MacAddress& mac, bool is_patient, Time now);
  // The machine has this address now.
  void Leased(const MacAddress& mac, Ipv4Address address, Time now);

  enum class Verdict : std::uint8_t { kGo, kWait };
  struct Syn {
    bool is_patient = false;         // waits as long as EDK II does
    bool leads_to_handshake = true;  // false: the SYN is the last place to wait at
  };
  // Cheap to ask first: nobody need wait now.
  bool is_full() const { return !waiting_.empty() || serving_ >= limit(); }
  // kWait: the SYN is to be kept under id_of(address) until its turn comes.
  Verdict AtSyn(Ipv4Address address, const Syn& syn, Time now);
  Id IdOf(Ipv4Address address) const;
  // Asks the memory for what IdOf looks at first.
  void Fetch(Ipv4Address address) const { by_address_.prefetch(address.value()); }

  // A connection is open; each needs one Closed(). kNobody when there is no room to remember it.
  Id Connected(const MacAddress& mac, Ipv4Address address, Time now);
  // It will be served without waiting for anything.
  void ServedAtOnce(Id id, Time now);
  // kWait: no ServerHello yet, on any of its connections.
  Verdict AtServerHello(Id id, Time now);
  void Closed(Id id, Time now);

  struct Turn {
    Id id = kNobody;
    WaitingPlace place = WaitingPlace::kSyn;
    bool admitted = false;  // false: patience at the SYN ended, and it goes on waiting further in
    Duration waited{};
  };
  // Whose turn has come; call until nothing.
  std::optional<Turn> Next(Time now);

  // Once every kReviewEvery: what each open connection did since the last time, then the whole.
  // What one did that closes in between is told before Closed(), as of one that rests.
  bool review_due(Time now) const { return settings_.enabled && now >= next_review_; }
  struct Share {
    std::uint64_t bytes = 0;    // acknowledged
    bool waits_for_us = false;  // its next step is ours: slowness is no fault of its own
    bool rests = false;         // nothing is asked for or being answered
  };
  void See(Id id, const Share& share);
  void EndReview(const AdmissionLimit::Load& load, Time now);

  struct Standing {
    std::uint32_t position = 0;        // 1: next
    std::optional<Duration> expected;  // until its turn, once that can be told
  };
  Standing StandingOf(Id id) const;
  // Of one that would come now.
  std::optional<Duration> ExpectedWait() const { return WaitAt(waiting_.size() + 1); }
  const MacAddress& mac(Id id) const { return machines_[id].mac; }
  Ipv4Address address(Id id) const { return machines_[id].address; }

  std::uint32_t limit() const { return limit_.value(); }
  std::uint32_t serving() const { return serving_; }
  std::uint32_t waiting() const { return static_cast<std::uint32_t>(waiting_.size()); }
  std::uint32_t waiting_at(WaitingPlace place) const {
    return waiting_at_[static_cast<std::size_t>(place)];
  }
  std::uint32_t remembered() const { return settings_.machines_max - free_count(); }
  struct Counters {
    std::uint64_t admitted = 0;
    std::uint64_t waited = 0;   // of those, after waiting
    std::uint64_t forced = 0;   // of those, because their patience would have ended
    std::uint64_t excused = 0;  // no longer counted, as they took too little
  };
  const Counters& counters() const { return counters_; }
  const AdmissionSettings& settings() const { return settings_; }

 private:
  enum class State : std::uint8_t {
    kFree,
    kKnown,    // came, and neither waits nor is served
    kWaiting,  // stands in waiting_
    kAdmitted,
  };
  struct Machine {
    MacAddress mac;
    Ipv4Address address;
    std::uint64_t ticket = 0;  // order of first arrival
    Time came{};               // when its first DISCOVER of this boot, or its connection, came
    Time waits_since = kNever;
    State state = State::kFree;
    WaitingPlace place = WaitingPlace::kSyn;
    bool by_mac = false;    // stands in by_mac_
    bool leased = false;    // by us: has a place at the SYN
    bool withheld = false;  // waits at the OFFER
    bool let_past = false;  // its patience at the SYN ended
    bool counted = false;   // takes one of the turns
    bool leads_to_handshake = true;
    std::uint8_t reviews = 0;  // since it is counted
    bool blameless = false;    // in this review
    bool rests = true;         // in this review, all its connections
    std::uint32_t connections = 0;
    std::uint64_t bytes = 0;  // in this review
  };

  std::uint32_t free_count() const { return static_cast<std::uint32_t>(free_.size()); }
  Id Add(Time now);
  Id Meet(const MacAddress& mac, Ipv4Address address, Time now);
  void Forget(Id id);
  void Bind(Id id, Ipv4Address address);
  void Wait(Id id, WaitingPlace place, Time due, Time now);
  void StopWaiting(Id id);
  void Admit(Id id, Time now);
  void Count(Id id);
  void Uncount(Id id);
  std::optional<Turn> Expire(Id id, Time now);
  Turn TakeTurn(Id id, Time now);
  std::vector<Id>::const_iterator PlaceOf(Id id) const;
  std::optional<Duration> WaitAt(std::size_t position) const;
  std::uint32_t Takers(double bytes) const;
  double ShareOf(const AdmissionLimit::Load& load, double seconds);
  void SetWithheld(Machine& machine, bool withheld);

  AdmissionSettings settings_;
  AdmissionLimit limit_;
  std::vector<Machine> machines_;
  std::vector<Id> free_;
  absl::flat_hash_map<std::uint64_t, Id> by_mac_;
  absl::flat_hash_map<std::uint32_t, Id> by_address_;
  std::vector<Id> waiting_;  // the next one last
  TimerWheel timers_;        // the end of patience, or of being remembered
  std::uint64_t next_ticket_ = 1;
  std::uint32_t serving_ = 0;  // counted
  std::array<std::uint32_t, 3> waiting_at_{};
  std::uint64_t turns_ = 0;  // taken by waiting machines since the last review
  double turns_per_second_ = 0;
  Time next_look_{};
  Time next_review_{};
  Time last_review_{};
  Time next_adjust_{};
  double best_rate_ = 0;  // bytes per second of the last few seconds
  Counters counters_;
};

}  // namespace slipway::dataplane
