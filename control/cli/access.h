// SPDX-License-Identifier: Apache-2.0
//
// slipway audit: who may do what, and who did.
#pragma once

#include <optional>

#include "control/cli/command.h"

namespace slipway::control {

// The exit code; nullopt when the command is not one of these.
std::optional<int> RunAudit(Client& client, const Command& command);

}  // namespace slipway::control
