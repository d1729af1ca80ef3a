// SPDX-License-Identifier: Apache-2.0
//
// SipHash-2-4 (Aumasson, Bernstein 2012): the keyed hash behind initial sequence numbers
// (RFC 6528), SYN cookies (RFC 4987) and tables whose keys a peer chooses.
#pragma once

#include <array>
#include <cstdint>

#include "protocols/base/bytes.h"
#include "protocols/base/entropy.h"

namespace slipway {

struct SipKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  static SipKey From(Entropy& entropy) { return {entropy.Next64(), entropy.Next64()}; }
};

std::uint64_t SipHash(const SipKey& key, Bytes message);

}  // namespace slipway
