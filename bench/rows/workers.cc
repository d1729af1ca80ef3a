// SPDX-License-Identifier: Apache-2.0
//
// Row 14: an appliance of two workers against one of one worker, each worker with machines of its
// own on its own core (bench/lab/team.h). Three arrangements take turns:
//
//     alone      one worker; the other core rests
//     apart      two appliances of one worker each, that share nothing
//     together   two workers of one appliance
//
// Together against alone is what the row asks for. Apart against alone is what the machine itself
// takes when its second core works (memory, cache, clock), together against apart what sharing one
// appliance adds. Which lines are written by one and touched by the other is not shown by times at
// all, but by tests/unit/bench/shared_lines_test.cc, which lists every access of both.
#include "bench/rows/workers.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/str_format.h"
#include "bench/lab/team.h"
#include "bench/rows/rig.h"

namespace slipway::bench {
namespace {

constexpr std::uint32_t kMachines = 32;  // of each worker
constexpr double kTurn = 0.1;            // s

using Teams = std::vector<Team*>;

struct Counted {
  std::uint64_t cycles = 0;
  std::uint64_t bytes = 0;
};

Counted CountOf(const Team& team, unsigned worker) {
  const dataplane::WorkerStatistics& statistics = team.Statistics(worker);
  return {.cycles = statistics.busy_cycles, .bytes = statistics.payload_bytes};
}

// Lets the teams run at once; cycles per byte of each of their workers.
std::vector<double> Measure(const Teams& teams, double seconds) {
  std::vector<Counted> before;
  for (const Team* team : teams) {
    for (unsigned i = 0; i < team->workers(); ++i) before.push_back(CountOf(*team, i));
  }
  for (Team* team : teams) team->Run();
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    for (Team* team : teams) team->KeepUp();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (Team* team : teams) team->Rest();
  std::vector<double> costs;
  for (const Team* team : teams) {
    for (unsigned i = 0; i < team->workers(); ++i) {
      const Counted now = CountOf(*team, i);
      const Counted& then = before[costs.size()];
      costs.push_back(static_cast<double>(now.cycles - then.cycles) /
                      static_cast<double>(std::max<std::uint64_t>(1, now.bytes - then.bytes)));
    }
  }
  return costs;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

std::vector<RowResult> RunTwoWorkers(const RowContext& context) {
  RowResult row;
  row.work =
      "HTTPS, TLS 1.3, 1,500-byte frames: two workers of one appliance, machines on their cores";
  row.must = "cycles per byte of a worker within 5 % of one alone; shared lines: see the unit test";
  const unsigned first = context.server_core;
  const unsigned second = context.machines_core;
  std::vector<std::unique_ptr<Team>> teams;
  for (const auto& [name, cores] :
       {std::pair("alone", std::vector{first}), std::pair("apart", std::vector{second}),
        std::pair("both", std::vector{first, second})}) {
    auto team = Team::Start({.name = name,
                             .cores = cores,
                             .machines = Readers(kMachines, storm::Firmware::kLinux, true)});
    if (!team.ok()) return {Failed(std::move(row), team.status())};
    teams.push_back(*std::move(team));
  }
  Team* const alone = teams[0].get();
  Team* const other = teams[1].get();
  Team* const both = teams[2].get();
  for (const Teams& some : {Teams{alone, other}, Teams{both}}) Measure(some, 2);  // handshakes
  std::vector<double> one, shared, apart, together, sharing;
  const unsigned turns = TurnsIn(2 * context.pairs * context.seconds, kTurn);
  for (unsigned i = 0; i < turns; ++i) {
    const double a = Mean(Measure({alone}, kTurn));
    const double b = Mean(Measure({alone, other}, kTurn));
    const double c = Mean(Measure({both}, kTurn));
    one.push_back(a);
    shared.push_back(c);
    apart.push_back(b / a);
    together.push_back(c / a);
    sharing.push_back(c / b);
  }
  row.measured = absl::StrFormat(
      "%s x one alone, the middle half of %d turns (%.3f against %.3f cycles/B); two appliances "
      "that share nothing %s x; so "
      "sharing one costs %s x",
      WithQuartiles(together, 3), turns, Median(shared), Median(one), WithQuartiles(apart, 3),
      WithQuartiles(sharing, 3));
  row.holds = Median(together) <= 1.05;
  row.figures = {{"together_ratio", Median(together)},
                 {"apart_ratio", Median(apart)},
                 {"sharing_ratio", Median(sharing)},
                 {"cycles_per_byte_alone", Median(one)},
                 {"cycles_per_byte_together", Median(shared)}};
  return {row};
}

}  // namespace slipway::bench
