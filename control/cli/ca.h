// SPDX-License-Identifier: Apache-2.0
//
// slipway ca: the CA, for whoever is to trust it, and its rotation.
#pragma once

#include <optional>

#include "control/cli/command.h"

namespace slipway::control {

// The exit code; nullopt when the command is none of these.
std::optional<int> RunCa(Client& client, const Command& command);

}  // namespace slipway::control
