// SPDX-License-Identifier: Apache-2.0
//
// Architectures have several names. Image sets use UEFI's short names, which boot files carry
// (BOOTAA64.EFI); rules, questions and the configuration those that DHCP's registry of option 93
// suggests. Wherever an operator writes one, each name is as good, and so are uname's and dpkg's.
#pragma once

#include <array>
#include <string_view>

namespace slipway::control {

struct ArchitectureNames {
  std::string_view uefi;
  std::string_view client;
  std::array<std::string_view, 2> others;
};
inline constexpr std::array<ArchitectureNames, 3> kArchitectureNames = {{
    {"x64", "x64", {"x86_64", "amd64"}},
    {"aa64", "arm64", {"aarch64", "aarch64"}},
    {"arm", "arm32", {"armhf", "armv7l"}},
}};

constexpr const ArchitectureNames* NamesOfArchitecture(std::string_view word) {
  for (const ArchitectureNames& each : kArchitectureNames) {
    if (word == each.uefi || word == each.client || word == each.others[0] ||
        word == each.others[1]) {
      return &each;
    }
  }
  return nullptr;
}

// As image sets call it; a word that is no other name is given back as it is.
constexpr std::string_view UefiArchitecture(std::string_view word) {
  const ArchitectureNames* const names = NamesOfArchitecture(word);
  return names == nullptr ? word : names->uefi;
}

// As rules call it.
constexpr std::string_view ClientArchitecture(std::string_view word) {
  const ArchitectureNames* const names = NamesOfArchitecture(word);
  return names == nullptr ? word : names->client;
}

}  // namespace slipway::control
