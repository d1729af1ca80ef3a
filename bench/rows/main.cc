// SPDX-License-Identifier: Apache-2.0
//
// slipway-bench: the rows that need no other server, on a wire inside the process. Prints for each
// what was done, what was measured, what it must reach, and whether that holds; exit code 1 when
// one does not. How to read it: docs/performance.md.
#include <rte_cycles.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "bench/rows/boots.h"
#include "bench/rows/bulk.h"
#include "bench/rows/connections.h"
#include "bench/rows/fast_wire.h"
#include "bench/rows/row.h"
#include "bench/rows/trouble.h"
#include "bench/rows/workers.h"
#include "dataplane/eal.h"

namespace slipway::bench {
namespace {

constexpr char kUsage[] =
    "usage: slipway-bench [ROW...] [--json FILE] [--pairs N] [--seconds S]\n"
    "                     [--machines N] [--quick]\n"
    "                     [--server-core N] [--machines-core N] [--memory MIB]\n"
    "  ROW        1 2 3 4 7 9 10 11 12 14; all when none is named\n"
    "             5w 6w 8w: the fast wire's side of rows 5, 6, 8 (bench/peers)\n"
    "  --pairs    interleaved measurements of each row (5); rows 1 to 3, 7 and 14 cut them into\n"
    "             short turns, and give the median turn and, in brackets, the middle half\n"
    "  --seconds  of one measurement (0.5)\n"
    "  --machines of the rows of boots (10000)\n"
    "  --quick    1,000 machines, and three short measurements: a look, not a figure\n";

struct Arguments {
  RowContext context;
  std::vector<std::string> rows;
  std::string json;
  std::size_t memory_mib = 2048;
};

int Fail(const std::string& what, int code) {
  std::fprintf(stderr, "slipway-bench: %s\n", what.c_str());
  return code;
}

bool TakeValue(std::string_view name, const std::string& value, Arguments& arguments) {
  if (name == "--json") {
    arguments.json = value;
    return !value.empty();
  }
  if (name == "--seconds") return absl::SimpleAtod(value, &arguments.context.seconds);
  unsigned number = 0;
  if (!absl::SimpleAtoi(value, &number)) return false;
  if (name == "--pairs") {
    arguments.context.pairs = number;
    return number > 0;
  }
  if (name == "--machines") {
    arguments.context.machines = number;
    return number > 0;
  }
  if (name == "--server-core") arguments.context.server_core = number;
  if (name == "--machines-core") arguments.context.machines_core = number;
  if (name == "--memory") arguments.memory_mib = number;
  return name == "--server-core" || name == "--machines-core" || name == "--memory";
}

bool Parse(int count, char** values, Arguments& arguments) {
  for (int i = 1; i < count; ++i) {
    const std::string argument = values[i];
    if (!argument.starts_with("--")) {
      arguments.rows.push_back(argument);
    } else if (argument == "--quick") {
      arguments.context.machines = 1000;
      arguments.context.pairs = 3;
      arguments.context.seconds = 0.3;
    } else if (++i >= count || !TakeValue(argument, values[i], arguments)) {
      return false;
    }
  }
  return std::ranges::all_of(arguments.rows, [](const std::string& name) {
    return std::ranges::any_of(Rows(), [&](const Row& row) { return row.name == name; });
  });
}

std::string ReadLine(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (key.empty()) return line;
    if (line.starts_with(key)) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

nlohmann::json Machine(bool hugepages) {
  return {{"cpu", ReadLine("/proc/cpuinfo", "model name")},
          {"governor", ReadLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "")},
          {"tsc_ghz", 1e-9 * static_cast<double>(rte_get_tsc_hz())},
          {"hugepages", hugepages}};
}

void Print(const std::string& name, const RowResult& result) {
  std::printf("%-3s %s\n    measured  %s\n    must      %s\n    %s\n", name.c_str(),
              result.work.c_str(), result.measured.c_str(), result.must.c_str(),
              result.holds ? "holds" : "FALLS SHORT");
  if (!result.profile.empty()) std::printf("    cycles a segment: %s\n", result.profile.c_str());
  std::fflush(stdout);
}

int Run(const Arguments& arguments) {
  dataplane::EalOptions options{
      .cores = {arguments.context.machines_core, arguments.context.server_core},
      .hugepages = true,
      .memory_mib = arguments.memory_mib};
  options.file_prefix = "slipway-bench";
  if (!dataplane::CheckEalPrerequisites(options).ok()) {
    std::fprintf(stderr,
                 "slipway-bench: no %zu MiB of hugepages: ordinary pages are used, and page walks "
                 "count\n",
                 arguments.memory_mib);
    options.hugepages = false;
  }
  const auto eal = dataplane::EalGuard::Start(options);
  if (!eal.ok()) return Fail(std::string(eal.status().message()), 1);
  nlohmann::json json = {{"machine", Machine(options.hugepages)},
                         {"rows", nlohmann::json::array()}};
  std::printf("%s, TSC %.2f GHz, governor %s, %s pages\n",
              json["machine"]["cpu"].get<std::string>().c_str(),
              json["machine"]["tsc_ghz"].get<double>(),
              json["machine"]["governor"].get<std::string>().c_str(),
              options.hugepages ? "2 MiB" : "4 KiB");
  bool all_hold = true;
  for (const Row& row : Rows()) {
    const auto& wanted = arguments.rows;
    const bool is_named = std::ranges::find(wanted, row.name) != wanted.end();
    if (wanted.empty() ? row.is_one_side : !is_named) continue;
    for (const RowResult& result : row.run(arguments.context)) {
      Print(row.name, result);
      all_hold = all_hold && result.holds;
      json["rows"].push_back({{"row", row.name},
                              {"work", result.work},
                              {"measured", result.measured},
                              {"must", result.must},
                              {"holds", result.holds},
                              {"profile", result.profile},
                              {"figures", std::map<std::string, double>(result.figures.begin(),
                                                                        result.figures.end())}});
    }
  }
  if (!arguments.json.empty()) std::ofstream(arguments.json) << json.dump(2) << '\n';
  return all_hold ? 0 : 1;
}

}  // namespace

const std::vector<Row>& Rows() {
  static const std::vector<Row> rows = {
      {"1", RunPlainSegments},   {"2", RunLargeSegments},   {"3", RunFirmware},
      {"4", RunPlainHttp},       {"7", RunHandshakes},      {"9", RunBoots},
      {"10", RunTrouble},        {"11", RunGrowth},         {"12", RunReceivers},
      {"14", RunTwoWorkers},     {"5w", RunBulkSide, true}, {"6w", RunRequestSide, true},
      {"8w", RunLeaseSide, true}};
  return rows;
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

double Median(std::vector<double> values) { return Quantile(std::move(values), 0.5); }

std::string WithQuartiles(const std::vector<double>& values, int digits) {
  if (values.empty()) return "nothing";
  return absl::StrFormat("%.*f (%.*f to %.*f)", digits, Median(values), digits,
                         Quantile(values, 0.25), digits, Quantile(values, 0.75));
}

std::string WithSpread(const std::vector<double>& values, int digits) {
  if (values.empty()) return "nothing";
  return absl::StrFormat("%.*f (%.*f to %.*f)", digits, Median(values), digits,
                         std::ranges::min(values), digits, std::ranges::max(values));
}

}  // namespace slipway::bench

int main(int argc, char** argv) {
  slipway::bench::Arguments arguments;
  if (!slipway::bench::Parse(argc, argv, arguments)) {
    std::fputs(slipway::bench::kUsage, stderr);
    return 2;
  }
  return slipway::bench::Run(arguments);
}
