// SPDX-License-Identifier: Apache-2.0
//
// The rows of trouble: ten thousand boots beside losses, a flood and slow readers (row 10), and
// machines that receive as firmware does (row 12). docs/performance.md says how to read them.
#pragma once

#include <vector>

#include "bench/rows/row.h"

namespace slipway::bench {

std::vector<RowResult> RunTrouble(const RowContext& context);    // row 10
std::vector<RowResult> RunReceivers(const RowContext& context);  // row 12

}  // namespace slipway::bench
