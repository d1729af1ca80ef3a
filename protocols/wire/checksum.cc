// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/checksum.h"

#include <cstring>

namespace slipway {
namespace {

// Two 64-bit words, added side by side.
using Pair = std::uint64_t __attribute__((vector_size(16)));

std::uint64_t Load(Bytes bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return word;
}

}  // namespace

void Checksum::Add(Bytes bytes) {
  const bool leaves_half = bytes.size() % 2 != 0;
  // Halves of words into whole ones: no carry to look after. A half's place is a multiple of 16
  // bits either way (RFC 1071 section 2 (C)).
  constexpr std::uint64_t kLow = 0xffffffff;
  Pair low{};
  Pair high{};
  while (bytes.size() >= sizeof(Pair)) {
    Pair words;
    std::memcpy(&words, bytes.data(), sizeof words);
    low += words & Pair{kLow, kLow};
    high += words >> 32;
    bytes = bytes.subspan<sizeof(Pair)>();
  }
  const Pair both = low + high;
  AddWord(both[0] + both[1]);
  if (bytes.size() >= 8) {
    AddWord(Load(bytes.first<8>()));
    bytes = bytes.subspan<8>();
  }
  if (!bytes.empty()) AddWord(Load(bytes));
  odd_ = odd_ != leaves_half;
}

std::uint16_t ChecksumOf(Bytes bytes) {
  Checksum checksum;
  checksum.Add(bytes);
  return checksum.Finish();
}

}  // namespace slipway
