// SPDX-License-Identifier: Apache-2.0
//
// Probes: OFFERs that wait until somebody was asked whether the address is in use (RFC 2131 2.2
// and 4.3.1; RFC 5227). A fixed number of them, each with the message it will answer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "protocols/base/time.h"
#include "protocols/dhcp/server.h"

namespace slipway::dhcp {

struct Probe {
  enum class State : std::uint8_t {
    kFree,
    kAwaitingAnswer,
    kOfferDue,
    kAddressInUse,  // another address is to be chosen
  };
  State state = State::kFree;
  std::uint8_t tries = 0;
  Ipv4Address address;
  Time deadline = kNever;
  Received in;  // its message is `bytes`
  std::size_t size = 0;
  std::array<std::uint8_t, kReplySizeMax> bytes;

  // False when the message is too long to be kept.
  bool Keep(const Received& received) {
    if (received.message.size() > bytes.size()) return false;
    if (received.message.data() != bytes.data()) size = Copy(received.message, bytes);
    in = received;
    in.message = Bytes(bytes).first(size);
    return true;
  }
};

class Probes {
 public:
  // Addresses of one DISCOVER that are probed before it is given up.
  static constexpr std::uint8_t kTriesMax = 4;

  Probe* Claim() { return FindState(Probe::State::kFree); }
  Probe* Find(Ipv4Address address) {
    if (pending_ == 0) return nullptr;
    const auto found = std::ranges::find_if(*all_, [&](const Probe& probe) {
      return probe.state != Probe::State::kFree && probe.address == address;
    });
    return found == all_->end() ? nullptr : &*found;
  }
  // The next with work for Emit(); null when there is none.
  Probe* Due() {
    if (due_ == 0) return nullptr;
    Probe* offer = FindState(Probe::State::kOfferDue);
    return offer != nullptr ? offer : FindState(Probe::State::kAddressInUse);
  }
  void Move(Probe& probe, Probe::State to) {
    pending_ += Count(to != Probe::State::kFree) - Count(probe.state != Probe::State::kFree);
    due_ += Count(IsDue(to)) - Count(IsDue(probe.state));
    probe.state = to;
    deadline_ = kNever;
    for (const Probe& other : *all_) {
      if (other.state != Probe::State::kAwaitingAnswer) continue;
      deadline_ = std::min(deadline_, other.deadline);
    }
  }
  // When the first waits no longer.
  Time deadline() const { return deadline_; }
  bool has_due() const { return due_ != 0; }
  void Expire(Time now) {
    if (now < deadline_) return;
    for (Probe& probe : *all_) {
      if (probe.state == Probe::State::kAwaitingAnswer && probe.deadline <= now) {
        Move(probe, Probe::State::kOfferDue);
      }
    }
  }

 private:
  static constexpr std::size_t Count(bool one) { return one ? 1 : 0; }
  static constexpr bool IsDue(Probe::State state) {
    return state == Probe::State::kOfferDue || state == Probe::State::kAddressInUse;
  }
  Probe* FindState(Probe::State state) {
    const auto found = std::ranges::find(*all_, state, &Probe::state);
    return found == all_->end() ? nullptr : &*found;
  }

  using All = std::array<Probe, Server::kProbesMax>;
  std::unique_ptr<All> all_ = std::make_unique<All>();
  std::size_t pending_ = 0;
  std::size_t due_ = 0;
  Time deadline_ = kNever;
};

}  // namespace slipway::dhcp
