// SPDX-License-Identifier: Apache-2.0
//
// Which network a boot was in.
#pragma once

#include <algorithm>
#include <string>

#include "control/boots/timelines.h"
#include "control/config/config.h"

namespace slipway::control {

// By the address that it was given; empty: it came no further, or its address is not ours.
inline std::string NetworkOf(const Config& config, const Boot& boot) {
  if (boot.address.is_unspecified()) return {};
  const auto network = std::ranges::find_if(config.networks, [&](const NetworkConfig& each) {
    return each.subnet.Contains(boot.address);
  });
  return network == config.networks.end() ? std::string() : network->name;
}

}  // namespace slipway::control
