// SPDX-License-Identifier: Apache-2.0
//
// The rows of bulk downloads; each gives a line for each wire (docs/performance.md).
#pragma once

#include <vector>

#include "bench/rows/row.h"

namespace slipway::bench {

std::vector<RowResult> RunPlainSegments(const RowContext& context);  // row 1
std::vector<RowResult> RunLargeSegments(const RowContext& context);  // row 2
std::vector<RowResult> RunFirmware(const RowContext& context);       // row 3
std::vector<RowResult> RunPlainHttp(const RowContext& context);      // row 4

}  // namespace slipway::bench
