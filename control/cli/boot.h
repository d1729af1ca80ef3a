// SPDX-License-Identifier: Apache-2.0
//
// The commands about boots.
#pragma once

#include <optional>
#include <string_view>

#include "control/cli/client.h"
#include "control/cli/command.h"

namespace slipway::control {

// Options of these commands that have a value.
bool IsBootOption(std::string_view name);
// The exit code; nullopt when it is none of these commands.
std::optional<int> RunBoot(Client& client, const Command& command);

}  // namespace slipway::control
