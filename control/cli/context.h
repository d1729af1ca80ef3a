// SPDX-License-Identifier: Apache-2.0
//
// slipway context: appliances by name (contexts.h). Nothing of it asks an appliance.
#pragma once

#include <optional>

#include "control/cli/command.h"

namespace slipway::control {

// Nullopt when it is another command.
std::optional<int> RunContext(const Command& command);

}  // namespace slipway::control
