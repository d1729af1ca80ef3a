// SPDX-License-Identifier: Apache-2.0
#include "control/policy/counted_boot.h"

#include "control/policy/machine.h"

namespace slipway::control {

bool CountOnce(const CountedBoot& boot, Machine& machine) {
  CountedBoot& last = machine.last_counted;
  if (boot.id != 0 && boot.id == last.id) {
    const bool is_news = boot.completed != last.completed && (boot.completed || boot.is_refused);
    if (!is_news) return false;
    std::uint32_t& before = last.completed ? machine.completed : machine.failed;
    if (before != 0) --before;  // 0: the plan was begun anew since
  } else if (boot.id != 0 && boot.id == last.next && !boot.completed) {
    return false;
  }
  ++(boot.completed ? machine.completed : machine.failed);
  if (boot.id >= last.id) last = boot;
  return true;
}

}  // namespace slipway::control
