// SPDX-License-Identifier: Apache-2.0
#include "protocols/base/mac.h"

#include "protocols/base/hex.h"

namespace slipway {

std::optional<MacAddress> MacAddress::Parse(std::string_view text) {
  constexpr std::size_t kLength = 17;
  if (text.size() != kLength) return std::nullopt;
  MacAddress mac;
  for (std::size_t i = 0; i < mac.octets.size(); ++i) {
    const int high = HexDigit(text[3 * i]);
    const int low = HexDigit(text[3 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    if (i + 1 < mac.octets.size() && text[3 * i + 2] != ':' && text[3 * i + 2] != '-') {
      return std::nullopt;
    }
    mac.octets[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return mac;
}

std::string MacAddress::ToString() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(3 * octets.size() - 1, ':');
  for (std::size_t i = 0; i < octets.size(); ++i) {
    text[3 * i] = kDigits[octets[i] >> 4];
    text[3 * i + 1] = kDigits[octets[i] & 15];
  }
  return text;
}

}  // namespace slipway
