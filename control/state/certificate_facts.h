// SPDX-License-Identifier: Apache-2.0
//
// What a certificate that machines are shown says: its key, its time, its names (RFC 5280).
#pragma once

#include <span>
#include <vector>

#include "control/boots/diagnosis.h"
#include "tls/context.h"

namespace slipway::control {

// One for each chain whose first certificate can be read, in their order.
std::vector<CertificateFacts> FactsOf(std::span<const tls::Certificate> certificates);

}  // namespace slipway::control
