// SPDX-License-Identifier: Apache-2.0
//
// The catalog's file: its history, step by step, and who may read it. What lies in it is the
// tables' (machine_table.h and its like) and the Store's.
#pragma once

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "control/store/sqlite.h"

namespace slipway::control {

// Made where there is none, and brought to the newest step; nobody else may read it. Unavailable:
// it cannot be opened or made private, and whatever Database::Open() refuses.
absl::StatusOr<std::unique_ptr<Database>> OpenCatalogFile(const std::filesystem::path& file);

}  // namespace slipway::control
