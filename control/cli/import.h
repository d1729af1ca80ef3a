// SPDX-License-Identifier: Apache-2.0
//
// `slipway image import`: a folder is named to the server, which reads it; a file, an ISO and a tar
// are sent. Without a path, a unified kernel image is made here (uki.h) and sent, out of the files
// named or of what another set proposes (--from).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "control/cli/command.h"

namespace slipway::control {

bool IsImportOption(std::string_view name);
bool IsImport(const Command& command);
int RunImport(Client& client, const Command& command);
// What an image set's answer proposes to boot a distribution's installer; lines, each after a line
// break, or nothing.
std::string LayoutText(const nlohmann::json& set);

}  // namespace slipway::control
