// SPDX-License-Identifier: Apache-2.0
//
// Databases that hold what not every user of the machine may read.
#pragma once

#include <filesystem>

#include "absl/status/status.h"

namespace slipway::control {

// Makes the file if there is none, and it and what SQLite has beside it the owner's alone. SQLite
// gives what it makes beside it later the same mode.
absl::Status MakePrivate(const std::filesystem::path& file);

}  // namespace slipway::control
