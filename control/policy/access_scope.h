// SPDX-License-Identifier: Apache-2.0
//
// The scope of a token or of a client certificate as it is written: a selector that the catalog
// alone decides, for a machine could say anything of itself.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "control/access/actor.h"

namespace slipway::control {

// As it is kept: empty, or a selector of labels, groups, names and serial numbers. InvalidArgument
// says what is wrong with it, and what would be right: an admin has none.
absl::StatusOr<std::string> ParseScope(std::string_view text, Role role);

}  // namespace slipway::control
