// SPDX-License-Identifier: Apache-2.0
//
// `slipway top`: asks for the workers' counters each second and shows what happened between. Live
// on a terminal (alternate screen, given back in every case but SIGKILL); with `once` or `json`
// two samples and one answer, for scripts.
#pragma once

#include <string>

#include "control/cli/client.h"

namespace slipway::control {

struct TopOptions {
  std::string server;  // for the first line
  bool once = false;   // a table of all workers and drops, no terminal needed
  bool json = false;   // one document of the same figures
};

// The exit code: 1, and words on standard error, when there is no answer or no terminal.
int RunTop(Client& client, const TopOptions& options);

}  // namespace slipway::control
