// SPDX-License-Identifier: Apache-2.0
//
// A boot as the JSON document that REST gives and the store keeps.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "control/boots/timelines.h"

namespace slipway::control {

enum class BootDetail : std::uint8_t { kSummary, kSteps };

nlohmann::json ToJson(const Boot& boot, BootDetail detail);

}  // namespace slipway::control
