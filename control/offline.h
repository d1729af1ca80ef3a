// SPDX-License-Identifier: Apache-2.0
//
// What slipwayd does on a state directory that nobody serves from.
#pragma once

#include <optional>
#include <span>

namespace slipway::control {

// For --verify-audit and --restore: the exit code, 0 done, 1 failed, 2 not understood. nullopt when
// the arguments ask for neither.
std::optional<int> RunOffline(std::span<char* const> arguments);

}  // namespace slipway::control
