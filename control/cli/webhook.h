// SPDX-License-Identifier: Apache-2.0
//
// slipway webhook: who is told of what happens.
#pragma once

#include <optional>
#include <string_view>

#include "control/cli/command.h"

namespace slipway::control {

// "receiver-ca": an option that takes a value.
bool IsWebhookOption(std::string_view name);
// The exit code; nullopt when the command is none of these.
std::optional<int> RunWebhook(Client& client, const Command& command);

}  // namespace slipway::control
