// SPDX-License-Identifier: Apache-2.0
//
// What PXE puts into option 43, as far as a boot server reads it (PXE 2.1, 2.2.3 and 2.4.2): the
// boot item a client asks for. A client that was offered no menu asks for type 0.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/base/bytes.h"

namespace slipway::dhcp {

// Sub-option 71. Layer 0 is the boot file itself; the top bit asks for its credentials.
struct BootItem {
  std::uint16_t type = 0;
  std::uint16_t layer = 0;
  friend bool operator==(const BootItem&, const BootItem&) = default;
};

inline constexpr std::uint8_t kPxeDiscoveryControl = 6;
inline constexpr std::uint8_t kPxeBootItem = 71;
inline constexpr std::uint16_t kPxeBootstrap = 0;

// Nothing where the option's text has no such sub-option, or is damaged before it.
inline std::optional<BootItem> BootItemOf(Bytes vendor_specific) {
  constexpr std::uint8_t kPad = 0;
  constexpr std::uint8_t kEnd = 255;
  Reader reader(vendor_specific);
  while (!reader.empty()) {
    const std::uint8_t code = reader.U8();
    if (code == kPad) continue;
    if (code == kEnd) break;
    Reader value(reader.Take(reader.U8()));
    if (!reader.ok()) break;
    if (code != kPxeBootItem) continue;
    const BootItem item{.type = value.U16(), .layer = value.U16()};
    return value.ok() && value.empty() ? std::optional(item) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace slipway::dhcp
