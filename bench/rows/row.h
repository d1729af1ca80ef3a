// SPDX-License-Identifier: Apache-2.0
//
// Row: one line of the benchmark table: what work, what was measured, what it must reach, and
// whether that holds. A row makes its own rig, so that it can be run alone.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace slipway::bench {

struct RowResult {
  std::string work;
  std::string measured;  // with its spread and what limited it
  std::string must;
  std::string profile;  // where the cycles went, by step; may be empty
  bool holds = false;
  std::vector<std::pair<std::string, double>> figures;  // for --json
};

struct RowContext {
  unsigned server_core = 1;
  unsigned machines_core = 0;
  unsigned pairs = 5;          // of interleaved measurements
  double seconds = 0.5;        // of one measurement
  unsigned machines = 10'000;  // of the row of boots
};

struct Row {
  std::string name;  // "1", "2": as in docs/performance.md
  std::function<std::vector<RowResult>(const RowContext&)> run;
  // One side of a row whose other side is another server: run only when it is named (bench/peers).
  bool is_one_side = false;
};

const std::vector<Row>& Rows();

// Of sorted or unsorted values; 0 of nothing.
double Median(std::vector<double> values);
// "1.21 (1.18 to 1.25)": the median, the least and the most.
std::string WithSpread(const std::vector<double>& values, int digits = 2);
// The value that a share of them, 0 to 1, lies below.
double Quantile(std::vector<double> values, double share);
// The same with the quarter and three quarters: of turns so short that the least and the most are
// the machine's.
std::string WithQuartiles(const std::vector<double>& values, int digits = 2);

}  // namespace slipway::bench
