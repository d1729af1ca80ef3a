// SPDX-License-Identifier: Apache-2.0
#include "control/cli/table.h"

#include <gtest/gtest.h>

namespace slipway::control {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCellAndMomentsAreDates) {
  const auto rows = nlohmann::json::parse(R"([
    {"address": "10.77.0.100", "bound": true, "seconds": 1.26, "expires": 1795647815},
    {"address": "10.77.0.9", "bound": false, "expires": null}])");
  EXPECT_EQ(Table(rows, {{"ADDRESS", "address"},
                         {"BOUND", "bound"},
                         {"SECONDS", "seconds"},
                         {"EXPIRES", "expires", true}}),
            "ADDRESS      BOUND  SECONDS  EXPIRES\n"
            "10.77.0.100  yes    1.2      2026-11-25 23:03:35 UTC\n"
            "10.77.0.9    no              \n");
}

}  // namespace
}  // namespace slipway::control
