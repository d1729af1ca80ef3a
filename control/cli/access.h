// SPDX-License-Identifier: Apache-2.0
//
// slipway whoami, token, cert, backup, audit: who may do what, who did, and what that rests on.
#pragma once

#include <optional>
#include <string_view>

#include "control/cli/command.h"

namespace slipway::control {

// Options of these commands that have a value.
bool IsAccessOption(std::string_view name);
// The exit code; nullopt when the command is not one of these.
std::optional<int> RunAccess(Client& client, const Command& command);

}  // namespace slipway::control
