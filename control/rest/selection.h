// SPDX-License-Identifier: Apache-2.0
//
// Which machines a list is asked for: ?selector= (control/policy/selector.h), and ?search= of the
// list of machines. Both are asked of the catalog and the configuration file as they are then.
#pragma once

#include <httplib.h>

#include <optional>

#include "control/policy/machine_search.h"
#include "control/policy/selector.h"

namespace slipway::control {

// Every machine, where it is not asked. Nullopt, and 400 replied, where it cannot be read, or asks
// for what only a machine's message tells: no list has messages.
std::optional<Selector> SelectorOf(const httplib::Request& request, httplib::Response& response);
std::optional<MachineSearch> SearchOf(const httplib::Request& request, httplib::Response& response);

}  // namespace slipway::control
