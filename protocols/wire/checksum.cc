// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/checksum.h"

#include <cstring>

namespace slipway {
namespace {

std::uint64_t Load(Bytes bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return word;
}

}  // namespace

void Checksum::Add(Bytes bytes) {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  const bool leaves_half = bytes.size() % 2 != 0;
  while (bytes.size() >= 16) {
    a = AddWithCarry(a, Load(bytes.first<8>()));
    b = AddWithCarry(b, Load(bytes.subspan<8, 8>()));
    bytes = bytes.subspan<16>();
  }
  if (bytes.size() >= 8) {
    a = AddWithCarry(a, Load(bytes.first<8>()));
    bytes = bytes.subspan<8>();
  }
  if (!bytes.empty()) b = AddWithCarry(b, Load(bytes));
  AddWord(AddWithCarry(a, b));
  odd_ = odd_ != leaves_half;
}

std::uint16_t ChecksumOf(Bytes bytes) {
  Checksum checksum;
  checksum.Add(bytes);
  return checksum.Finish();
}

}  // namespace slipway
