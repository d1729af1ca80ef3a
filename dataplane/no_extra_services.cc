// SPDX-License-Identifier: Apache-2.0
#include "dataplane/extra_services.h"

namespace slipway::dataplane {

std::span<const Port> ExtraPorts() { return {}; }

std::unique_ptr<Application> NewExtraService(Port) { return nullptr; }

}  // namespace slipway::dataplane
