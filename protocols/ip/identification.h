// SPDX-License-Identifier: Apache-2.0
//
// Identification: the field that tells the fragments of one datagram from those of another.
//
// A datagram that is whole and may not be fragmented (DF) needs none, and gets 0 (RFC 6864 4.1).
// The others count up from a start nobody can guess; at 65,536 of them within the life of a packet
// it would repeat (RFC 6864 4.3), and all that we send that way is a rare DHCP answer to a relay.
#pragma once

#include <cstdint>

#include "protocols/base/entropy.h"

namespace slipway::ip {

class Identification {
 public:
  explicit Identification(Entropy& entropy) : next_(static_cast<std::uint16_t>(entropy.Next64())) {}

  std::uint16_t Next(bool dont_fragment) { return dont_fragment ? std::uint16_t{0} : next_++; }

 private:
  std::uint16_t next_;
};

}  // namespace slipway::ip
