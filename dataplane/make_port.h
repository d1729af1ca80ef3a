// SPDX-License-Identifier: Apache-2.0
//
// The port that an operator's text means: "packet:eth1" is a PacketSocketPort, all else a DpdkPort.
// Nothing is touched or judged before its Initialize.
#pragma once

#include <memory>
#include <string>

#include "dataplane/undi.h"

namespace slipway::dataplane {

std::unique_ptr<Undi> MakePort(const std::string& device);

}  // namespace slipway::dataplane
