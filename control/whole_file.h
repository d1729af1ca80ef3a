// SPDX-License-Identifier: Apache-2.0
//
// Small files, read and written as a whole.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace slipway::control {

absl::StatusOr<std::string> ReadFile(const std::filesystem::path& file);

// Whole or not at all: a temporary file beside it, fsync, rename. `mode` as chmod(2) takes it.
absl::Status WriteFile(const std::filesystem::path& file, std::string_view text, unsigned mode);

// Which files it has is on disk when it returns, so that a power failure takes none of it back.
absl::Status SyncFolder(const std::filesystem::path& folder);

}  // namespace slipway::control
