// SPDX-License-Identifier: Apache-2.0
//
// slipway whoami, token, cert, backup, audit: who may do what, who did, and what that rests on.
#pragma once

#include <optional>

#include "control/cli/command.h"

namespace slipway::control {

// The exit code; nullopt when the command is not one of these.
std::optional<int> RunAccess(Client& client, const Command& command);

}  // namespace slipway::control
