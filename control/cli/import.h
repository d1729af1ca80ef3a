// SPDX-License-Identifier: Apache-2.0
//
// `slipway image import`: a folder is named to the server, which reads it; a file, an ISO and a tar
// are sent.
#pragma once

#include <string_view>

#include "control/cli/command.h"

namespace slipway::control {

bool IsImportOption(std::string_view name);
bool IsImport(const Command& command);
int RunImport(Client& client, const Command& command);

}  // namespace slipway::control
