// SPDX-License-Identifier: Apache-2.0
#include "protocols/base/ipv4.h"

#include <charconv>

namespace slipway {
namespace {

// A decimal number of at most `max` without sign or leading zero, taken off the front of `text`.
std::optional<std::uint32_t> TakeNumber(std::string_view& text, std::uint32_t max) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || value > max || (digits > 1 && text[0] == '0')) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

}  // namespace

std::optional<Ipv4Address> Ipv4Address::Parse(std::string_view text) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) {
      if (text.empty() || text[0] != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    const auto octet = TakeNumber(text, 255);
    if (!octet) return std::nullopt;
    value = value << 8 | *octet;
  }
  if (!text.empty()) return std::nullopt;
  return Ipv4Address(value);
}

std::string Ipv4Address::ToString() const {
  return std::to_string(value_ >> 24) + '.' + std::to_string(value_ >> 16 & 255) + '.' +
         std::to_string(value_ >> 8 & 255) + '.' + std::to_string(value_ & 255);
}

std::optional<Ipv4Prefix> Ipv4Prefix::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = Ipv4Address::Parse(text.substr(0, slash));
  std::string_view rest = text.substr(slash + 1);
  const auto length = TakeNumber(rest, 32);
  if (!address || !length || !rest.empty()) return std::nullopt;
  return Ipv4Prefix{*address, static_cast<std::uint8_t>(*length)};
}

std::string Ipv4Prefix::ToString() const {
  return address.ToString() + '/' + std::to_string(length);
}

}  // namespace slipway
