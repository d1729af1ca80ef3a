// SPDX-License-Identifier: Apache-2.0
#include "control/config/value.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "control/text.h"
#include "protocols/base/hex.h"

namespace slipway::control {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsLetter(char c) { return IsLower(c) || (c >= 'A' && c <= 'Z'); }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
constexpr Unit kSizes[] = {{"B", 1},
                           {"KiB", std::int64_t{1} << 10},
                           {"MiB", std::int64_t{1} << 20},
                           {"GiB", std::int64_t{1} << 30},
                           {"TiB", std::int64_t{1} << 40}};
constexpr Unit kDurations[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

template <std::size_t kCount>
std::optional<std::int64_t> ParseWithUnit(std::string_view text, const Unit (&units)[kCount]) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  for (const Unit& unit : units) {
    if (text == unit.name && number <= INT64_MAX / unit.factor) return number * unit.factor;
  }
  return std::nullopt;
}

bool IsImageName(std::string_view text) {
  if (text.empty() || text.size() > 128 || !(IsLower(Lower(text[0])) || IsDigit(text[0]))) {
    return false;
  }
  return std::ranges::all_of(text,
                             [](char c) {
                               return IsLetter(c) || IsDigit(c) || c == '-' || c == '_' || c == '.';
                             }) &&
         text.find("..") == text.npos;
}

}  // namespace

std::optional<AddressRange> ParseRange(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto first = Ipv4Address::Parse(text.substr(0, dash));
  const auto last = Ipv4Address::Parse(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return AddressRange{*first, *last};
}

std::string ToString(const AddressRange& range) {
  return Text(range.first.ToString(), '-', range.last.ToString());
}

std::optional<Endpoint> Endpoint::Parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return std::nullopt;
  const auto address = Ipv4Address::Parse(text.substr(0, colon));
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (!address || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return Endpoint{*address, port};
}

std::string Endpoint::ToString() const { return Text(address.ToString(), ':', port); }

std::optional<ImageSetName> ImageSetName::Parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  ImageSetName set{std::string(text.substr(0, colon)), "latest"};
  if (colon != text.npos) set.tag = text.substr(colon + 1);
  if (!IsImageName(set.name) || !IsImageName(set.tag)) return std::nullopt;
  return set;
}

std::optional<std::int64_t> ParseSize(std::string_view text) { return ParseWithUnit(text, kSizes); }

std::optional<std::int64_t> ParseDuration(std::string_view text) {
  return ParseWithUnit(text, kDurations);
}

std::optional<std::string> ParseHex(std::string_view text) {
  std::string octets;
  while (!text.empty()) {
    if (!octets.empty() && text.starts_with(':')) text.remove_prefix(1);
    if (text.size() < 2) return std::nullopt;
    const int high = HexDigit(text[0]);
    const int low = HexDigit(text[1]);
    if (high < 0 || low < 0) return std::nullopt;
    octets.push_back(static_cast<char>(high << 4 | low));
    text.remove_prefix(2);
  }
  if (octets.empty()) return std::nullopt;
  return octets;
}

std::string ToHex(std::string_view octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : octets) {
    text.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return text;
}

std::optional<std::string> ParseHostName(std::string_view text) {
  if (text.empty() || text.size() > 253) return std::nullopt;
  std::string name(text);
  std::ranges::transform(name, name.begin(), Lower);
  std::size_t label = 0;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && name[i] != '.') {
      if (!IsLower(name[i]) && !IsDigit(name[i]) && name[i] != '-') return std::nullopt;
      continue;
    }
    if (i == label || i - label > 63 || name[label] == '-' || name[i - 1] == '-') {
      return std::nullopt;
    }
    label = i + 1;
  }
  // All digits and dots would be read as an address by every client.
  if (std::ranges::none_of(name, IsLower)) return std::nullopt;
  return name;
}

bool IsPciAddress(std::string_view text) {
  constexpr std::string_view kShape = "hhhh:hh:hh.o";
  if (text.size() == kShape.size() - 5) {
    return IsPciAddress(Text("0000:", text));
  }
  if (text.size() != kShape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool fits = kShape[i] == 'h'   ? HexDigit(text[i]) >= 0
                      : kShape[i] == 'o' ? text[i] >= '0' && text[i] <= '7'
                                         : text[i] == kShape[i];
    if (!fits) return false;
  }
  return true;
}

bool IsVirtualDevice(std::string_view text) {
  const std::string_view driver = text.substr(0, text.find(','));
  if (driver.size() < 2 || !IsLower(driver[0]) || !IsDigit(driver.back())) return false;
  return std::ranges::all_of(driver, [](char c) { return IsLetter(c) || IsDigit(c) || c == '_'; });
}

bool IsKernelInterface(std::string_view text) {
  constexpr std::string_view kPrefix = "packet:";
  constexpr std::size_t kNameMax = 15;  // IFNAMSIZ, without its NUL
  if (!text.starts_with(kPrefix)) return false;
  text.remove_prefix(kPrefix.size());
  return !text.empty() && text.size() <= kNameMax &&
         text.find_first_of("/:, \t\n") == std::string_view::npos;
}

}  // namespace slipway::control
