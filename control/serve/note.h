// SPDX-License-Identifier: Apache-2.0
//
// Notes in the audit log what was done outside the catalog's database, right after. A record that
// cannot be written is told in the log: the change stands.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "control/store/store.h"

namespace slipway::control {

void NoteDone(Store& store, const Actor& actor, const std::string& what,
              const nlohmann::json& before, const nlohmann::json& after);

}  // namespace slipway::control
