// SPDX-License-Identifier: Apache-2.0
//
// CountedBoot: the boot that a machine's plan counted last of one of its MACs. They lie in the
// machine's record, in one transaction with the counts, so that a boot is counted once however
// often it is told of: after a restart (a boot that the archive did not know to have ended goes on
// there), where it went on after a failure, and with each file that it has whole.
//
// One for each MAC: only the last boot of a port is ever told of again, while another port of the
// same machine boots as often as it likes. They are compared for equality alone: which of two ids
// is the later, a clock that was set back does not say.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "protocols/base/mac.h"

namespace slipway::control {

struct Machine;

struct CountedBoot {
  MacAddress mac{};     // zero: of a release that did not note it; ids are unique without it
  std::int64_t id = 0;  // 0: nobody knows which
  bool completed = false;
  bool is_refused = false;  // it has its whole file, and firmware did not run that; not kept
  // Of one that was refused: what firmware went on with, its next boot option. That is no boot of
  // its own, unless it completes; 0: there is none.
  std::int64_t next = 0;

  friend bool operator==(const CountedBoot&, const CountedBoot&) = default;
};

// MACs of a machine that a counted boot is noted of. Whoever makes up MACs for a machine's UUID
// fills no record: that of the MAC that was counted longest ago goes.
inline constexpr std::size_t kCountedBootsMax = 8;

// False: it is counted already, and nothing has changed. One that failed may complete after all,
// and one that completed be refused; that it is silent later, or was under way when the process
// before ended, takes nothing from one that completed.
bool CountOnce(const CountedBoot& boot, Machine& machine);

// As the store keeps them. What is none is left out.
nlohmann::json ToJson(const std::vector<CountedBoot>& all);
std::vector<CountedBoot> ParseCountedBoots(const nlohmann::json& json);

}  // namespace slipway::control
