// SPDX-License-Identifier: Apache-2.0
//
// The ports of the dataplane: [[port]] tables of one device are VLANs of one port.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/config.h"

namespace slipway::control {

// Each device once, in the order in which tables name them first.
std::vector<std::string> DevicesOf(const Config& config);
// Which of them it is; it must be one.
std::size_t DeviceAt(const Config& config, std::string_view device);

}  // namespace slipway::control
