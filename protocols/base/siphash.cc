// SPDX-License-Identifier: Apache-2.0
#include "protocols/base/siphash.h"

#include <bit>
#include <cstring>

namespace slipway {
namespace {

struct State {
  std::uint64_t v0, v1, v2, v3;

  void Round() {
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
  }

  void Absorb(std::uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
};

// At most eight bytes, the missing ones zero.
std::uint64_t LittleEndian(Bytes bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  if constexpr (std::endian::native == std::endian::big) return __builtin_bswap64(word);
  return word;
}

}  // namespace

std::uint64_t SipHash(const SipKey& key, Bytes message) {
  State state{key.low ^ 0x736f6d6570736575, key.high ^ 0x646f72616e646f6d,
              key.low ^ 0x6c7967656e657261, key.high ^ 0x7465646279746573};
  const std::uint64_t length_byte = static_cast<std::uint64_t>(message.size()) << 56;
  while (message.size() >= 8) {
    state.Absorb(LittleEndian(message.first<8>()));
    message = message.subspan(8);
  }
  state.Absorb(length_byte | (message.empty() ? 0 : LittleEndian(message)));
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.Round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace slipway
