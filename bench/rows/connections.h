// SPDX-License-Identifier: Apache-2.0
//
// The rows of many connections: what a new one costs, what an open one costs, what a forged one
// costs (docs/performance.md).
#pragma once

#include <vector>

#include "bench/rows/row.h"

namespace slipway::bench {

std::vector<RowResult> RunHandshakes(const RowContext& context);  // row 7
std::vector<RowResult> RunGrowth(const RowContext& context);      // row 11

}  // namespace slipway::bench
