// SPDX-License-Identifier: Apache-2.0
//
// A diagnosis (GET /machines/{MAC}/why) as people read it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace slipway::control {

// Lines of at most `width` columns where words allow: verdict, steps that show it, what to do.
std::string WhyText(const nlohmann::json& why, std::size_t width = 100);

}  // namespace slipway::control
