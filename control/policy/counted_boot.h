// SPDX-License-Identifier: Apache-2.0
//
// CountedBoot: the boot of a machine that its plan counted last. It lies in the machine's record,
// in one transaction with the counts, so that a boot is counted once however often it is told of:
// after a restart (a boot that the archive did not know to have ended goes on there), where it went
// on after a failure, and with each file that it has whole.
#pragma once

#include <cstdint>

namespace slipway::control {

struct Machine;

struct CountedBoot {
  std::int64_t id = 0;  // 0: none was counted, or nobody knows which
  bool completed = false;
  bool is_refused = false;  // it has its whole file, and firmware did not run that
  // Of one that was refused: what firmware went on with, its next boot option. That is no boot of
  // its own, unless it completes; 0: there is none.
  std::int64_t next = 0;
};

// False: it is counted already, and nothing has changed. One that failed may complete after all,
// and one that completed be refused; that it is silent later, or was under way when the process
// before ended, takes nothing from one that completed.
bool CountOnce(const CountedBoot& boot, Machine& machine);

}  // namespace slipway::control
