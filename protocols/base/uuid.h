// SPDX-License-Identifier: Apache-2.0
//
// Uuid: a machine's SMBIOS UUID, octets in the order in which its text is written (RFC 9562).
//
// SMBIOS, and so DHCP option 97 (RFC 4578 2.3), keeps the first three fields little-endian:
// FromSmbios() turns them. A UUID of all zeros or all ones says "not set" (SMBIOS 7.2.1).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/base/bytes.h"

namespace slipway {

struct Uuid {
  std::array<std::uint8_t, 16> octets{};

  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;

  // Which octet of the text's order each octet of SMBIOS' order is, and the other way round.
  static constexpr std::array<std::uint8_t, 16> kSmbiosOrder{3, 2, 1,  0,  5,  4,  7,  6,
                                                             8, 9, 10, 11, 12, 13, 14, 15};

  static constexpr Uuid FromSmbios(std::span<const std::uint8_t, 16> smbios) {
    Uuid uuid;
    for (std::size_t i = 0; i < 16; ++i) uuid.octets[i] = smbios[kSmbiosOrder[i]];
    return uuid;
  }

  // "0a1b2c3d-0001-0203-0405-060708090a0b" in either case; nullopt for anything else.
  static constexpr std::optional<Uuid> Parse(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    Uuid uuid;
    std::size_t digits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (i == 8 || i == 13 || i == 18 || i == 23) {
        if (c != '-') return std::nullopt;
        continue;
      }
      const int value = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (value < 0) return std::nullopt;
      std::uint8_t& octet = uuid.octets[digits++ / 2];
      octet = static_cast<std::uint8_t>(octet << 4 | value);
    }
    return uuid;
  }

  constexpr bool is_set() const {
    for (const std::uint8_t octet : octets) {
      if (octet != octets[0]) return true;
    }
    return octets[0] != 0 && octets[0] != 0xff;
  }

  // As Parse() reads it, in lower case.
  static constexpr std::size_t kDigits = 36;
  constexpr std::array<char, kDigits> Digits() const {
    std::array<char, kDigits> text{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < octets.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
      text[at++] = "0123456789abcdef"[octets[i] >> 4];
      text[at++] = "0123456789abcdef"[octets[i] & 15];
    }
    return text;
  }
  std::string ToString() const {
    const std::array<char, kDigits> digits = Digits();
    return {digits.data(), digits.size()};
  }
};

}  // namespace slipway
