// SPDX-License-Identifier: Apache-2.0
//
// What may be in a backup: names relative to the state directory, and nothing else is ever written.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "control/image_store/digest.h"

namespace slipway::control {

inline constexpr std::string_view kBackupList = "backup.json";
// Another one with every name that is added below, so that a slipwayd which does not know it can
// say whose it is: 2 came with images/previous.json and ca.rotation. All of them are read.
inline constexpr std::uint64_t kBackupVersion = 2;
inline constexpr std::array<std::string_view, 3> kBackupDatabases = {"catalog.db", "leases.db",
                                                                     "boots.db"};
// ca.pem is for everybody; the others are secret.
inline constexpr std::array<std::string_view, 4> kBackupSecrets = {"ca.pem", "ca.key", "token",
                                                                   "ca.rotation"};
inline constexpr std::array<std::string_view, 3> kBackupIndex = {
    "images/oci-layout", "images/index.json", "images/previous.json"};
inline constexpr std::string_view kBackupBlobs = "images/blobs/sha256/";

constexpr bool IsOneOf(const auto& names, std::string_view name) {
  for (const std::string_view each : names) {
    if (each == name) return true;
  }
  return false;
}

inline bool IsBackupName(std::string_view name) {
  if (name.starts_with(kBackupBlobs)) return IsDigest(name.substr(kBackupBlobs.size()));
  return IsOneOf(kBackupDatabases, name) || IsOneOf(kBackupSecrets, name) ||
         IsOneOf(kBackupIndex, name);
}

}  // namespace slipway::control
