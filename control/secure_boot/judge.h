// SPDX-License-Identifier: Apache-2.0
//
// One program judged: what verdict.h says of a set, for each of its files.
#pragma once

#include <vector>

#include "control/secure_boot/verdict.h"

namespace slipway::control {

struct JudgeContext {
  const FirmwareTrust& trust;
  const std::vector<Shim>& shims;  // of the same set, those that firmware does not refuse
  // What a shim that is a boot file loads next, at this path: to be accepted by it is enough, and
  // needed.
  bool is_second_stage = false;
};

FileVerdict JudgeFile(const JudgedFile& file, const JudgeContext& context);

}  // namespace slipway::control
