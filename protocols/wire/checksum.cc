// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/checksum.h"

#include <bit>
#include <cstring>

namespace slipway {
namespace {

// Sums are made in the machine's own byte order (RFC 1071 section 2 (B)); only the result turns.
constexpr bool kLittle = std::endian::native == std::endian::little;

constexpr std::uint16_t Turn16(std::uint16_t value) {
  return kLittle ? static_cast<std::uint16_t>(value << 8 | value >> 8) : value;
}

std::uint64_t Load(Bytes bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return word;
}

constexpr std::uint64_t AddWithCarry(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t sum = a + b;
  return sum + (sum < b ? 1 : 0);
}

// Moves every byte of a sum to the other half of its word: what a piece at an odd place adds.
constexpr std::uint64_t SwapHalves(std::uint64_t sum) { return std::rotl(sum, 8); }

}  // namespace

void Checksum::AddWord(std::uint64_t word) {
  sum_ = AddWithCarry(sum_, odd_ ? SwapHalves(word) : word);
}

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

void Checksum::Add16(std::uint16_t value) { AddWord(Turn16(value)); }

void Checksum::Add32(std::uint32_t value) {
  Add16(static_cast<std::uint16_t>(value >> 16));
  Add16(static_cast<std::uint16_t>(value));
}

std::uint16_t Checksum::Finish() const {
  std::uint64_t sum = (sum_ >> 32) + (sum_ & 0xffffffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<std::uint16_t>(~Turn16(static_cast<std::uint16_t>(sum)));
}

std::uint16_t ChecksumOf(Bytes bytes) {
  Checksum checksum;
  checksum.Add(bytes);
  return checksum.Finish();
}

Checksum StartChecksum(const PseudoHeader& pseudo) {
  Checksum checksum;
  checksum.Add32(pseudo.source.value());
  checksum.Add32(pseudo.destination.value());
  checksum.Add16(pseudo.protocol.value());
  checksum.Add16(pseudo.length);
  return checksum;
}

}  // namespace slipway
