// SPDX-License-Identifier: Apache-2.0
//
// What an image set's manifest says that firmware and machine need (docs/image-sets.md, "The
// manifest"), held against what is known of one machine: the kind of client that asks, and its
// labels in the catalog. Only what is known not to be there is said; DHCP tells neither a machine's
// memory nor whether firmware makes RAM disks, so nothing is refused for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/image_store/image_set.h"
#include "control/policy/machine.h"

namespace slipway::control {

// Those that are not met, a sentence each with what helps. `client`: "http", "ipxe" or "pxe", which
// is sent to the set's boot file; `machine`: null where nobody knows it.
std::vector<std::string> UnmetNeeds(const ImageSet& set, std::string_view client,
                                    const Machine* machine);

}  // namespace slipway::control
