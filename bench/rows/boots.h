// SPDX-License-Identifier: Apache-2.0
//
// The row of many boots: ten thousand machines powered on at once (docs/performance.md).
#pragma once

#include <vector>

#include "bench/rows/row.h"

namespace slipway::bench {

std::vector<RowResult> RunBoots(const RowContext& context);  // row 9

}  // namespace slipway::bench
