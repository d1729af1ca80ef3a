// SPDX-License-Identifier: Apache-2.0
//
// Probes: asks whether anybody uses an address, before a DHCP server offers it (RFC 2131 3.1,
// 4.4.1; with the ARP probe of RFC 5227 1.1, which changes nobody's table).
//
// Two probes, 150 ms apart, and an answer at 300 ms: firmware collects offers for seconds, but
// asks again after four. The seven seconds of RFC 5227 are for a host about to use an address,
// and the client does that again by itself. Bounded; an address probed already is not probed twice.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/time.h"
#include "protocols/wire/arp.h"

namespace slipway::arp {

struct ProbeOutcome {
  Ipv4Address address;
  std::optional<MacAddress> in_use_by;  // nullopt: nobody answered

  friend bool operator==(const ProbeOutcome&, const ProbeOutcome&) = default;
};

class Probes {
 public:
  Probes(std::size_t capacity, const MacAddress& mac) : mac_(mac) { running_.reserve(capacity); }

  // False when there is no room; true also when this address is being probed already.
  bool Start(Ipv4Address address, Time now);
  // Somebody claims, or probes for, an address under probe: whether one of ours ended by that.
  bool Receive(const Packet& packet);
  std::optional<Packet> Emit(Time now);
  // Ends the probes that nobody answered in time.
  void Expire(Time now);
  // When Emit or Expire will have something to do.
  Time Deadline() const;
  // Each outcome once, in the order of the questions.
  std::optional<ProbeOutcome> TakeOutcome();

 private:
  struct Running {
    Ipv4Address address;
    std::optional<MacAddress> in_use_by;
    std::uint8_t sent = 0;
    bool ended = false;
    Time due{};  // next probe, or the end
  };

  MacAddress mac_;
  std::vector<Running> running_;  // never beyond the capacity reserved
};

}  // namespace slipway::arp
