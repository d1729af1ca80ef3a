// SPDX-License-Identifier: Apache-2.0
//
// The row of more than one worker (docs/performance.md).
#pragma once

#include <vector>

#include "bench/rows/row.h"

namespace slipway::bench {

std::vector<RowResult> RunTwoWorkers(const RowContext& context);  // row 14

}  // namespace slipway::bench
