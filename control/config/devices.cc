// SPDX-License-Identifier: Apache-2.0
#include "control/config/devices.h"

#include <algorithm>

#include "protocols/base/check.h"

namespace slipway::control {

std::vector<std::string> DevicesOf(const Config& config) {
  std::vector<std::string> devices;
  for (const PortConfig& port : config.ports) {
    if (std::ranges::find(devices, port.device) == devices.end()) devices.push_back(port.device);
  }
  return devices;
}

std::size_t DeviceAt(const Config& config, std::string_view device) {
  const auto devices = DevicesOf(config);
  const auto found = std::ranges::find(devices, device);
  SLIPWAY_CHECK(found != devices.end());
  return static_cast<std::size_t>(found - devices.begin());
}

}  // namespace slipway::control
