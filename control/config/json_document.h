// SPDX-License-Identifier: Apache-2.0
//
// A document of slipway.toml's tables and keys that came as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "control/config/document.h"

namespace slipway::control {

// As ReadDocument() reads TOML. Nothing has a line: each Where is {0, 0}. A null is as if its key
// were not there.
Section ReadJson(const nlohmann::json& document, std::string_view name,
                 std::vector<Problem>& problems);

}  // namespace slipway::control
