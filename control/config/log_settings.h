// SPDX-License-Identifier: Apache-2.0
//
// [log] of slipway.toml. Beside Config, as the composition root alone has to do with it: it opens
// the log, and everybody else just says what there is to say.
#pragma once

#include <filesystem>
#include <string_view>

#include "control/log.h"

namespace slipway::control {

// Of a text that ParseConfig takes; of another as far as it goes, and the defaults beyond.
LogSettings ParseLogSettings(std::string_view text);
LogSettings LoadLogSettings(const std::filesystem::path& file);

}  // namespace slipway::control
