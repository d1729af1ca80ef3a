// SPDX-License-Identifier: Apache-2.0
//
// From the words of a command line to a Command, and to the appliance that is meant.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "control/cli/command.h"

namespace slipway::control {

// Nullopt when an option is unknown, lacks its value or is another command's; `wrong` says which.
// The target has what the options say and no more.
std::optional<Command> ParseCommand(int argc, char** argv, std::string& wrong);

// What the options do not say of the target: the environment, unless a context is meant; then the
// state directory that --state, --context, SLIPWAY_STATE, SLIPWAY_CONTEXT or, where there is no
// SLIPWAY_SERVER, the context in use names, the first of these; else /var/lib/slipway. The error is
// a context that is not there, a directory that may not be read, or (InvalidArgument) both options.
absl::Status FindTarget(Command& command);

}  // namespace slipway::control
