// SPDX-License-Identifier: Apache-2.0
//
// slipway template: documents that each machine has of its own.
#pragma once

#include <optional>
#include <string_view>

#include "control/cli/command.h"

namespace slipway::control {

// "file", "type": options that take a value.
bool IsTemplateOption(std::string_view name);
// The exit code; nullopt when the command is none of these.
std::optional<int> RunTemplate(Client& client, const Command& command);

}  // namespace slipway::control
