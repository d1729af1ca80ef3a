// SPDX-License-Identifier: Apache-2.0
#include "dataplane/admission.h"

#include <algorithm>

#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A machine that is neither served nor waits is remembered for longer than firmware asks for an
// address (4 + 8 + 16 + 32 s); if it asks again after that, this is a new boot.
constexpr Duration kKnown = seconds(90);
// Whose turn it is must come within this, or it is somebody else's: two lost SYN-ACKs.
constexpr Duration kArrival = seconds(5);
constexpr Duration kLookEvery = milliseconds(10);
}  // namespace

Admission::Admission(const AdmissionSettings& settings)
    : settings_(settings),
      limit_(settings.at_once, settings.machines_max),
      machines_(settings.enabled ? settings.machines_max : 0),
      timers_(static_cast<std::uint32_t>(machines_.size())) {
  settings_.machines_max = static_cast<std::uint32_t>(machines_.size());
  free_.reserve(machines_.size());
  for (Id id = settings_.machines_max; id-- > 0;) free_.push_back(id);
  waiting_.reserve(machines_.size());
  by_mac_.reserve(machines_.size());
  by_address_.reserve(machines_.size());
}

Admission::Id Admission::Add(Time now) {
  if (free_.empty()) return kNobody;
  const Id id = free_.back();
  free_.pop_back();
  Machine& machine = machines_[id] = Machine{};
  machine.state = State::kKnown;
  machine.ticket = next_ticket_++;
  machine.came = now;
  return id;
}

void Admission::Forget(Id id) {
  Machine& machine = machines_[id];
  SLIPWAY_CHECK(machine.connections == 0 && machine.state != State::kWaiting);
  SetWithheld(machine, false);
  if (machine.counted) Uncount(id);
  if (machine.by_mac) by_mac_.erase(machine.mac.value());
  if (const auto at = by_address_.find(machine.address.value());
      at != by_address_.end() && at->second == id) {
    by_address_.erase(at);
  }
  timers_.Cancel(id);
  machine = Machine{};
  free_.push_back(id);
}

void Admission::Bind(Id id, Ipv4Address address) {
  Machine& machine = machines_[id];
  if (machine.address == address) return;
  const auto old = by_address_.find(machine.address.value());
  if (old != by_address_.end() && old->second == id) by_address_.erase(old);
  machine.address = address;
  const auto [at, is_new] = by_address_.try_emplace(address.value(), id);
  if (is_new) return;
  // Somebody else had it before, and is known by it no more.
  Machine& before = machines_[at->second];
  before.address = {};
  before.leased = false;
  at->second = id;
}

// --- The OFFER --------------------------------------------------------------------------------

// The machine of this station, remembered from now on; kNobody when there is no room.
Admission::Id Admission::Meet(const MacAddress& mac, Ipv4Address address, Time now) {
  if (const auto found = by_mac_.find(mac.value()); found != by_mac_.end()) return found->second;
  // It may have been a stranger until now.
  Id id = IdOf(address);
  if (id == kNobody || machines_[id].by_mac || machines_[id].mac != mac) id = Add(now);
  if (id == kNobody) return kNobody;
  machines_[id].mac = mac;
  machines_[id].by_mac = true;
  by_mac_.emplace(mac.value(), id);
  return id;
}

bool Admission::MayOffer(const MacAddress& mac, bool is_patient, Time now) {
  if (!settings_.enabled) return true;
  const Id id = Meet(mac, Ipv4Address(), now);
  if (id == kNobody) return true;
  Machine& machine = machines_[id];
  if (machine.state != State::kKnown || machine.connections > 0) return true;
  if (now - machine.came > kKnown) {
    machine.ticket = next_ticket_++;
    machine.came = now;
    machine.let_past = false;
  }
  timers_.Arm(id, now + kKnown);
  // Where it is to wait longer than it would at all later places, this one is needed as well.
  const auto expected = WaitAt(waiting_.size() + waiting_at(WaitingPlace::kOffer) + 1);
  const bool too_long = expected && *expected > settings_.at_syn + settings_.at_server_hello;
  SetWithheld(machine, is_patient && too_long && now - machine.came < settings_.at_offer);
  return !machine.withheld;
}

void Admission::SetWithheld(Machine& machine, bool withheld) {
  if (machine.withheld == withheld) return;
  machine.withheld = withheld;
  std::uint32_t& count = waiting_at_[static_cast<std::size_t>(WaitingPlace::kOffer)];
  withheld ? ++count : --count;
}

void Admission::Leased(const MacAddress& mac, Ipv4Address address, Time now) {
  if (!settings_.enabled) return;
  const Id id = Meet(mac, address, now);
  if (id == kNobody) return;
  Machine& machine = machines_[id];
  SetWithheld(machine, false);
  Bind(id, address);
  machine.leased = true;
  if (machine.state == State::kKnown && machine.connections == 0) timers_.Arm(id, now + kKnown);
}

// --- The SYN and the ServerHello --------------------------------------------------------------

Admission::Id Admission::IdOf(Ipv4Address address) const {
  const auto found = by_address_.find(address.value());
  return found == by_address_.end() ? kNobody : found->second;
}

Admission::Verdict Admission::AtSyn(Ipv4Address address, const Syn& syn, Time now) {
  const Id id = IdOf(address);
  if (id == kNobody) return Verdict::kGo;
  Machine& machine = machines_[id];
  if (machine.state == State::kWaiting) {
    return machine.place == WaitingPlace::kSyn ? Verdict::kWait : Verdict::kGo;
  }
  if (machine.state != State::kKnown || machine.connections > 0) return Verdict::kGo;
  if (!machine.leased || machine.let_past) return Verdict::kGo;
  if (!is_full()) {
    Admit(id, now);
    return Verdict::kGo;
  }
  machine.leads_to_handshake = syn.leads_to_handshake;
  Wait(id, WaitingPlace::kSyn,
       now + (syn.is_patient ? settings_.at_syn : settings_.at_syn_impatient), now);
  return Verdict::kWait;
}

Admission::Id Admission::Connected(const MacAddress& mac, Ipv4Address address, Time now) {
  if (!settings_.enabled) return kNobody;
  Id id = IdOf(address);
  if (id == kNobody) {
    id = Add(now);
    if (id == kNobody) return kNobody;
    machines_[id].mac = mac;
    Bind(id, address);
  }
  Machine& machine = machines_[id];
  if (++machine.connections == 1) timers_.Cancel(id);
  // It waited at the SYN, and a connection came in some other way (by a cookie): what it waits at
  // now is the ServerHello. One of its connections may wait there already, and waits on.
  if (machine.state == State::kWaiting && machine.place == WaitingPlace::kSyn) StopWaiting(id);
  if (machine.state == State::kAdmitted) Count(id);
  return id;
}

void Admission::ServedAtOnce(Id id, Time now) {
  if (id == kNobody || machines_[id].state == State::kAdmitted) return;
  if (machines_[id].state == State::kWaiting) StopWaiting(id);
  Admit(id, now);
}

Admission::Verdict Admission::AtServerHello(Id id, Time now) {
  if (id == kNobody) return Verdict::kGo;
  switch (machines_[id].state) {
    case State::kFree:
    case State::kAdmitted:
      return Verdict::kGo;
    case State::kWaiting:
      return Verdict::kWait;
    case State::kKnown:
      break;
  }
  if (!is_full()) {
    Admit(id, now);
    return Verdict::kGo;
  }
  Wait(id, WaitingPlace::kServerHello, now + settings_.at_server_hello, now);
  return Verdict::kWait;
}

void Admission::Closed(Id id, Time now) {
  if (id == kNobody) return;
  Machine& machine = machines_[id];
  SLIPWAY_CHECK(machine.connections > 0);
  if (--machine.connections > 0) return;
  if (machine.state == State::kWaiting) StopWaiting(id);
  if (machine.counted) Uncount(id);
  machine.let_past = false;
  machine.waits_since = kNever;
  timers_.Arm(id, now + (machine.state == State::kAdmitted ? kRemembered : kKnown));
}

// --- Turns ------------------------------------------------------------------------------------

std::vector<Admission::Id>::const_iterator Admission::PlaceOf(Id id) const {
  return std::ranges::lower_bound(waiting_, machines_[id].ticket, std::ranges::greater{},
                                  [this](Id other) { return machines_[other].ticket; });
}

// Newcomers have the latest tickets and stand at the front: what moves is a few kilobytes at most.
void Admission::Wait(Id id, WaitingPlace place, Time due, Time now) {
  Machine& machine = machines_[id];
  SetWithheld(machine, false);
  machine.state = State::kWaiting;
  machine.place = place;
  if (machine.waits_since == kNever) machine.waits_since = now;
  ++waiting_at_[static_cast<std::size_t>(place)];
  waiting_.insert(PlaceOf(id), id);
  timers_.Arm(id, due);
}

void Admission::StopWaiting(Id id) {
  Machine& machine = machines_[id];
  waiting_.erase(PlaceOf(id));
  --waiting_at_[static_cast<std::size_t>(machine.place)];
  machine.state = State::kKnown;
  timers_.Cancel(id);
}

void Admission::Admit(Id id, Time now) {
  Machine& machine = machines_[id];
  SetWithheld(machine, false);
  machine.state = State::kAdmitted;
  machine.let_past = false;
  ++counters_.admitted;
  Count(id);
  if (machine.connections == 0) {
    timers_.Arm(id, now + kArrival);
  } else {
    timers_.Cancel(id);
  }
}

void Admission::Count(Id id) {
  Machine& machine = machines_[id];
  if (machine.counted) return;
  machine.counted = true;
  machine.reviews = 0;
  ++serving_;
}

void Admission::Uncount(Id id) {
  machines_[id].counted = false;
  --serving_;
}

Admission::Turn Admission::TakeTurn(Id id, Time now) {
  Machine& machine = machines_[id];
  const Turn turn{.id = id,
                  .place = machine.place,
                  .admitted = true,
                  .waited = now - std::min(machine.waits_since, now)};
  StopWaiting(id);
  Admit(id, now);
  machine.waits_since = kNever;
  ++counters_.waited;
  ++turns_;
  return turn;
}

std::optional<Admission::Turn> Admission::Expire(Id id, Time now) {
  Machine& machine = machines_[id];
  if (machine.state == State::kWaiting) {
    if (machine.place == WaitingPlace::kServerHello || !machine.leads_to_handshake) {
      ++counters_.forced;
      return TakeTurn(id, now);
    }
    StopWaiting(id);
    machine.let_past = true;
    timers_.Arm(id, now + kKnown);
    return Turn{.id = id, .place = WaitingPlace::kSyn, .waited = now - machine.waits_since};
  }
  if (machine.connections > 0) return std::nullopt;
  if (machine.counted) {  // it did not come
    Uncount(id);
    machine.state = State::kKnown;
    timers_.Arm(id, now + kKnown);
  } else {
    Forget(id);
  }
  return std::nullopt;
}

std::optional<Admission::Turn> Admission::Next(Time now) {
  if (!settings_.enabled) return std::nullopt;
  if (now >= next_look_) {
    while (const auto id = timers_.Pop(now)) {
      if (const auto turn = Expire(*id, now)) return turn;
    }
    next_look_ = now + kLookEvery;
  }
  if (waiting_.empty() || serving_ >= limit()) return std::nullopt;
  return TakeTurn(waiting_.back(), now);
}

std::optional<Duration> Admission::WaitAt(std::size_t position) const {
  if (turns_per_second_ <= 0) return std::nullopt;
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(position) / turns_per_second_));
}

Admission::Standing Admission::StandingOf(Id id) const {
  if (machines_[id].state != State::kWaiting) return {};
  const auto position = static_cast<std::uint32_t>(waiting_.end() - PlaceOf(id));
  return {.position = position, .expected = WaitAt(position)};
}

}  // namespace slipway::dataplane
