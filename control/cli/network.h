// SPDX-License-Identifier: Apache-2.0
//
// The commands about networks, as functions of a client of the API.
#pragma once

#include <optional>
#include <string_view>

#include "control/cli/client.h"
#include "control/cli/command.h"

namespace slipway::control {

// Options of these commands that have a value.
bool IsNetworkOption(std::string_view name);
// The exit code; nullopt when it is none of these commands.
std::optional<int> RunNetwork(Client& client, const Command& command);

}  // namespace slipway::control
