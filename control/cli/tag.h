// SPDX-License-Identifier: Apache-2.0
//
// slipway image tag, image untag, rollout undo: where tags lead.
#pragma once

#include <optional>

#include "control/cli/command.h"

namespace slipway::control {

// The exit code; nullopt when the command is none of these.
std::optional<int> RunTag(Client& client, const Command& command);

// Where a tag or image set of the API led before, for people: "", "1f2e3d4c5b6a", or that and that
// it is gone.
std::string PreviousText(const nlohmann::json& tag);

}  // namespace slipway::control
