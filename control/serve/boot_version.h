// SPDX-License-Identifier: Apache-2.0
//
// Which version of an image set a boot was about: boot URIs name it (boot_rules.h, VersionPath).
#pragma once

#include <string>

#include "control/boots/timelines.h"

namespace slipway::control {

// "debian/0123456789ab", of the first request that names a version; empty: none does.
std::string VersionOf(const Boot& boot);

}  // namespace slipway::control
