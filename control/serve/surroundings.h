// SPDX-License-Identifier: Apache-2.0
//
// What the daemon knows about a machine beside its boots, for a diagnosis: our certificates, the
// image set it is to boot, and what was dropped.
#pragma once

#include <span>

#include "control/boots/diagnosis.h"
#include "control/serve/core.h"

namespace slipway::control {

// `boots` of the machine, oldest first; may be empty.
Surroundings SurroundingsOf(Core& core, const MacAddress& mac, std::span<const Boot> boots);

}  // namespace slipway::control
