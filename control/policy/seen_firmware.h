// SPDX-License-Identifier: Apache-2.0
//
// SeenFirmware: what a machine of the catalog was last seen to boot with, by its kind of client:
// the firmware and the iPXE that it chains to are two, and neither is news at each boot. Written
// only where it changed, so it says since when it is as it is, and not when it was seen last.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "control/boots/firmware.h"

namespace slipway::control {

struct SeenFirmware {
  BootFirmware firmware;
  std::int64_t since_unix_seconds = 0;

  friend bool operator==(const SeenFirmware&, const SeenFirmware&) = default;
};

// Takes what a boot showed in the place of the same client's; what it did not show stays as it was.
// True where that changed anything. So there are as many as there are kinds of clients.
bool Remember(const BootFirmware& seen, std::int64_t now_unix_seconds,
              std::vector<SeenFirmware>& known);

nlohmann::json ToJson(const SeenFirmware& seen);
// As the store keeps them. What is none is left out: it is seen anew with the next boot.
nlohmann::json ToJson(const std::vector<SeenFirmware>& all);
std::vector<SeenFirmware> ParseSeenFirmware(const nlohmann::json& json);

}  // namespace slipway::control
