// SPDX-License-Identifier: Apache-2.0
//
// What an IPv4 header says about congestion (RFC 3168 5): the lower two bits of the field that
// ipv4::Packet calls `service`. A sender that would answer marks says ECT; a router whose queue
// grows turns that into CE instead of dropping the packet.
//
// We send ECT(0) or nothing: what ECT(1) means is left to experiments (RFC 8311 4.2, RFC 9331).
#pragma once

#include <cstdint>

namespace slipway {

enum class Ecn : std::uint8_t {
  kNotCapable = 0,   // Not-ECT
  kCapable1 = 1,     // ECT(1)
  kCapable0 = 2,     // ECT(0)
  kExperienced = 3,  // CE
};

constexpr Ecn EcnOf(std::uint8_t service) { return static_cast<Ecn>(service & 3); }

}  // namespace slipway
