// SPDX-License-Identifier: Apache-2.0
//
// SipHash-2-4 of a short message that stands in registers: the same as siphash.h's, where a hash is
// made for every packet and its message would only be written down to be read again.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "protocols/base/siphash.h"

namespace slipway {

// `words` are the message's first 8 N bytes, each word little-endian, `rest` the up to seven bytes
// after them, and `size` how many bytes those are in all.
template <std::size_t N>
std::uint64_t SipHashOf(const SipKey& key, const std::array<std::uint64_t, N>& words,
                        std::uint64_t rest, std::uint64_t size) {
  std::uint64_t v0 = key.low ^ 0x736f6d6570736575;
  std::uint64_t v1 = key.high ^ 0x646f72616e646f6d;
  std::uint64_t v2 = key.low ^ 0x6c7967656e657261;
  std::uint64_t v3 = key.high ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  };
  const auto absorb = [&](std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  };
  for (const std::uint64_t word : words) absorb(word);
  absorb(size << 56 | rest);
  v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace slipway
