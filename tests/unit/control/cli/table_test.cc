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

TEST(Sheet, EachTitleStandsBeforeItsCell) {
  const auto resource = nlohmann::json::parse(
      R"({"name": "node\n7", "held": false, "groups": ["web", "db"], "script": "",
          "ends": 1795647815})");
  EXPECT_EQ(Sheet(resource, {{"NAME", "name"},
                             {"HELD", "held"},
                             {"GROUPS", "groups"},
                             {"SCRIPT", "script"},
                             {"OTHER", "not there"},
                             {"ENDS", "ends", true}}),
            "NAME    node\\x0a7\n"
            "HELD    no\n"
            "GROUPS  web db\n"
            "SCRIPT\n"
            "OTHER\n"
            "ENDS    2026-11-25 23:03:35 UTC\n");
}

TEST(Cell, WhatOthersSaidDoesNotMoveTheCursor) {
  const nlohmann::json row = {{"error",
                               "gone\x1b[2J\r\n\x7f\xc2\x9b"
                               "2J"},
                              {"list", {"a\tb", 3}},
                              {"name",
                               "gr\xc3\xb6\xc3\x9f"
                               "e"}};
  EXPECT_EQ(Cell(row, "error"),
            "gone\\x1b[2J\\x0d\\x0a\\x7f\\x9b"
            "2J");
  EXPECT_EQ(Cell(row, "list"), "a\\x09b 3");
  EXPECT_EQ(Cell(row, "name"),
            "gr\xc3\xb6\xc3\x9f"
            "e");
  EXPECT_EQ(Plain("two\nlines\x1b", true), "two\nlines\\x1b");
}

}  // namespace
}  // namespace slipway::control
