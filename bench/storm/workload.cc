// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/workload.h"

#include <array>

namespace slipway::storm {
namespace {

constexpr std::array<std::string_view, kModes> kNames{"boot",     "download",   "handshake", "dhcp",
                                                      "synflood", "slowreader", "requests"};

}  // namespace

std::string_view Name(Mode mode) { return kNames[static_cast<std::size_t>(mode)]; }

std::optional<Mode> ModeNamed(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Mode>(i);
  }
  return std::nullopt;
}

}  // namespace slipway::storm
