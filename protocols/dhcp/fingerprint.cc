// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/fingerprint.h"

#include <array>
#include <string_view>

#include "protocols/base/fingerprint.h"

namespace slipway::dhcp {
namespace {

constexpr std::array<bool, 256> kLeftOut = [] {
  std::array<bool, 256> left_out{};
  constexpr std::uint8_t kCodes[] = {12, 43, 50, 51, 52, 53, 54, 56, 61, 80, 81, 82, 97};
  for (const std::uint8_t code : kCodes) left_out[code] = true;
  return left_out;
}();

void AddRequested(Bytes list, bool http, Fnv1a& hash) {
  constexpr auto kBefore = static_cast<std::uint8_t>(DhcpOption::kVendorClass);
  constexpr auto kBehind = static_cast<std::uint8_t>(DhcpOption::kBootFile);
  hash.Add(static_cast<std::uint8_t>(list.size()));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const bool unset =
        http && i > 0 && i + 1 < list.size() && list[i - 1] == kBefore && list[i + 1] == kBehind;
    if (!unset) hash.Add(list[i]);
  }
}

void AddVendorClass(Bytes vendor_class, Fnv1a& hash) {
  constexpr std::string_view kMark = ":Arch:";
  const std::string_view text = AsText(vendor_class);
  std::size_t digits = text.find(kMark);
  digits = digits == text.npos ? text.size() : digits + kMark.size();
  std::size_t behind = digits;
  while (behind < text.size() && text[behind] >= '0' && text[behind] <= '9') ++behind;
  hash.Add(vendor_class.first(digits));
  hash.Add(vendor_class.subspan(behind));
  hash.Add(0);
}

// What runs over the end is no option.
void AddFeatures(Bytes features, Fnv1a& hash) {
  constexpr std::uint8_t kBusAddress = 177;
  Reader reader(features);
  while (!reader.empty()) {
    const std::uint8_t code = reader.U8();
    const Bytes value = reader.Take(reader.U8());
    if (!reader.ok()) return;
    if (code == kBusAddress) continue;
    hash.Add(code);
    hash.Add(value);
  }
}

}  // namespace

std::uint64_t FirmwareFingerprint(const Message& message) {
  const bool http = AsText(message.options[DhcpOption::kVendorClass]).starts_with("HTTPClient");
  Fnv1a hash;
  Reader reader(message.options_field);
  while (!reader.empty()) {
    const std::uint8_t code = reader.U8();
    if (code == static_cast<std::uint8_t>(DhcpOption::kPad)) continue;
    if (code == static_cast<std::uint8_t>(DhcpOption::kEnd)) break;
    const Bytes value = reader.Take(reader.U8());
    if (!reader.ok()) break;
    if (kLeftOut[code]) continue;
    hash.Add(code);
    if (code == static_cast<std::uint8_t>(DhcpOption::kParameterRequestList)) {
      AddRequested(value, http, hash);
    } else if (code == static_cast<std::uint8_t>(DhcpOption::kVendorClass)) {
      AddVendorClass(value, hash);
    } else if (code == static_cast<std::uint8_t>(DhcpOption::kIpxe)) {
      AddFeatures(value, hash);
    }
  }
  return hash.value();
}

}  // namespace slipway::dhcp
