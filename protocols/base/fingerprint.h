// SPDX-License-Identifier: Apache-2.0
//
// Fingerprints of software: FNV-1a, 64 bits (draft-eastlake-fnv), and how one is written: 16 small
// hexadecimal digits. The same on every machine and in every release, so that it may be kept and
// stand in rules; no proof of anything, as who wants one can make bytes for it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocols/base/bytes.h"
#include "protocols/base/hex.h"

namespace slipway {

class Fnv1a {
 public:
  constexpr void Add(std::uint8_t octet) { value_ = (value_ ^ octet) * 0x100000001b3; }
  // In network byte order.
  constexpr void AddU16(std::uint16_t number) {
    Add(static_cast<std::uint8_t>(number >> 8));
    Add(static_cast<std::uint8_t>(number));
  }
  constexpr void Add(Bytes octets) {
    for (const std::uint8_t octet : octets) Add(octet);
  }
  constexpr std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

inline constexpr std::size_t kFingerprintDigits = 16;

// A fingerprint's digits, in place.
class FingerprintText {
 public:
  explicit constexpr FingerprintText(std::uint64_t fingerprint) {
    for (std::size_t i = digits_.size(); i-- > 0; fingerprint >>= 4) {
      digits_[i] = "0123456789abcdef"[fingerprint & 15];
    }
  }
  constexpr std::string_view view() const { return {digits_.data(), digits_.size()}; }

 private:
  std::array<char, kFingerprintDigits> digits_{};
};

// In either case; nullopt where it is not 16 digits.
constexpr std::optional<std::uint64_t> ParseFingerprint(std::string_view text) {
  if (text.size() != kFingerprintDigits) return std::nullopt;
  std::uint64_t fingerprint = 0;
  for (const char c : text) {
    const int digit = HexDigit(c);
    if (digit < 0) return std::nullopt;
    fingerprint = fingerprint << 4 | static_cast<std::uint64_t>(digit);
  }
  return fingerprint;
}

}  // namespace slipway
