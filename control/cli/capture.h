// SPDX-License-Identifier: Apache-2.0
//
// slipway capture: a machine's frames as pcapng, into a file or a pipe, until a limit or Ctrl-C.
#pragma once

#include <string>
#include <string_view>

#include "control/cli/client.h"

namespace slipway::control {

struct CaptureCommand {
  std::string mac;
  std::string file;     // empty or "-": standard output, which may not be a terminal
  std::string seconds;  // the three as they were given; empty: as the daemon has it
  std::string bytes;
  std::string snap;
};

// "seconds", "bytes", "snap": options that take a value.
bool IsCaptureOption(std::string_view name);
// Writes whole blocks, and what it has so far on standard error. Exit code 0 where the file has its
// end, also after SIGINT or SIGTERM, which ask the daemon for it (a second one does not wait), and
// where nobody reads the pipe any more; 1 and the error told otherwise.
int RunCapture(const Target& target, const CaptureCommand& command);

}  // namespace slipway::control
