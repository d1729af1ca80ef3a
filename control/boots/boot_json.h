// SPDX-License-Identifier: Apache-2.0
//
// A boot as the JSON document that REST gives and the store keeps.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "control/boots/firmware.h"
#include "control/boots/timelines.h"

namespace slipway::control {

enum class BootDetail : std::uint8_t { kSummary, kSteps };

nlohmann::json ToJson(const BootFirmware& firmware);
nlohmann::json ToJson(const Boot& boot, BootDetail detail);
// What kSteps wrote, as releases before boots had a database of their own kept it.
std::optional<Boot> FromJson(const nlohmann::json& json);

}  // namespace slipway::control
