// SPDX-License-Identifier: Apache-2.0
//
// An event of GET /events as `slipway watch` shows it.
#pragma once

#include <string>

#include "control/cli/server_events.h"

namespace slipway::control {

// "14:03:12.120  52:54:00:12:34:56  got its address, leased for 3600 s", in UTC, without its end.
std::string WatchLine(const ServerEvent& event);
// {"id": ..., "event": ..., "data": ...} in one line, without its end.
std::string WatchJson(const ServerEvent& event);

}  // namespace slipway::control
