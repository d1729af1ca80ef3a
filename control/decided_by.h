// SPDX-License-Identifier: Apache-2.0
//
// By whom it is decided what a machine gets, where that is no rule: words that stand where a rule's
// name would, in events, stories and `explain`. No rule is given one as its name.
#pragma once

#include <string_view>

namespace slipway::control {

inline constexpr std::string_view kOwnRecord = "machine";              // the machine's
inline constexpr std::string_view kByConfiguration = "configuration";  // what [boot] says

}  // namespace slipway::control
