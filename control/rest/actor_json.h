// SPDX-License-Identifier: Apache-2.0
//
// An actor as the API tells it: the document "Actor".
#pragma once

#include <nlohmann/json.hpp>

#include "control/access/actor.h"

namespace slipway::control {

inline nlohmann::json ToJson(const Actor& actor) {
  return {{"name", actor.name},
          {"role", NameOf(actor.role)},
          {"scope", actor.scope},
          {"address", actor.address}};
}

}  // namespace slipway::control
