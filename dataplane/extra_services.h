// SPDX-License-Identifier: Apache-2.0
//
// TCP services beside the boot service. The product has none (no_extra_services.cc); a build with
// -Dconformance_ports=true has those of conformance.cc. Chosen when linking, so no code asks which
// build it is in.
#pragma once

#include <memory>
#include <span>

#include "dataplane/application.h"
#include "protocols/base/strong.h"

namespace slipway::dataplane {

std::span<const Port> ExtraPorts();
// `port` is one of ExtraPorts().
std::unique_ptr<Application> NewExtraService(Port port);

}  // namespace slipway::dataplane
