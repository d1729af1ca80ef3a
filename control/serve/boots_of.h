// SPDX-License-Identifier: Apache-2.0
//
// The last boots of one machine: the archive's, and those it has not got yet.
#pragma once

#include <algorithm>
#include <vector>

#include "control/serve/core.h"
#include "control/store/boot_archive.h"

namespace slipway::control {

// Oldest first, whole.
inline absl::StatusOr<std::vector<Boot>> BootsOf(Core& core, const MacAddress& mac) {
  std::vector<Boot> live = core.timelines().Of(mac);
  auto boots = core.archive().Of(mac, core.config().limits.boots_per_machine);
  if (!boots.ok()) return boots;
  std::erase_if(*boots, [&](const Boot& boot) {
    return std::ranges::find(live, boot.id, &Boot::id) != live.end();
  });
  boots->insert(boots->end(), std::make_move_iterator(live.begin()),
                std::make_move_iterator(live.end()));
  std::ranges::sort(*boots, {}, &Boot::id);
  return boots;
}

}  // namespace slipway::control
