// SPDX-License-Identifier: Apache-2.0
//
// slipway watch: events as they happen, over broken connections and restarts of slipwayd, until it
// is interrupted.
#pragma once

#include <string>
#include <string_view>

#include "control/cli/client.h"

namespace slipway::control {

struct WatchOrder {
  std::string mac;    // empty: all machines
  std::string kinds;  // with commas between; empty: all but the audit log's records
  std::string after;  // the id of an event; empty: what happens from now on
  bool json = false;  // one object a line
};

// "kind", "after": options that take a value.
bool IsWatchOption(std::string_view name);
// Prints lines until SIGINT or SIGTERM, which end it with 0. 1 and the error told where the
// daemon refuses, or could not be reached at first; later it is tried again.
int RunWatch(Client& client, const WatchOrder& order);

}  // namespace slipway::control
