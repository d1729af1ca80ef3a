// SPDX-License-Identifier: Apache-2.0
#include "dataplane/make_port.h"

#include "dataplane/packet_socket_port.h"
#include "dataplane/port.h"
#include "dataplane/port_name.h"

namespace slipway::dataplane {

std::unique_ptr<Undi> MakePort(const std::string& device) {
  if (device.starts_with(kPacketSocketPrefix)) return std::make_unique<PacketSocketPort>(device);
  return std::make_unique<DpdkPort>(device);
}

}  // namespace slipway::dataplane
