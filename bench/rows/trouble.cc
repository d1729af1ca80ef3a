// SPDX-License-Identifier: Apache-2.0
//
// Row 10: row 9's storm undisturbed, and the same with something beside it, in turns on the same
// cores; and what one SYN of a flood costs where there is nothing else.
#include "bench/rows/trouble.h"

#include <rte_cycles.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_format.h"
#include "bench/rows/rig.h"
#include "bench/storm/report.h"

namespace slipway::bench {
namespace {

constexpr double kSynsPerSecondLeast = 500'000;

struct Trouble {
  const char* name = "";
  double last_most = 0;  // the last machine, against the undisturbed storm's
  double loss = 0;       // of frames, each way
  double syns_per_second = 0;
  std::uint32_t slow_readers = 0;
};

constexpr std::array kTroubles{
    Trouble{.name = "1 % loss each way", .last_most = 2, .loss = 0.01},
    // More than must be, since the machines' core has other work.
    Trouble{.name = "a flood of SYNs", .last_most = 2, .syns_per_second = 750'000},
    Trouble{.name = "1,000 slow readers", .last_most = 1.2, .slow_readers = 1000},
};

struct Storm {
  storm::Report report;
  double server_busy = 0;  // share of its core
  std::uint64_t resent = 0;
  dataplane::AdmissionStatistics admission;
  std::string drops;
};

absl::StatusOr<Storm> RunStorm(const RowContext& context, const Trouble& trouble) {
  storm::FarmOptions machines;
  machines.workloads = {{.mode = storm::Mode::kBoot, .machines = context.machines}};
  if (trouble.syns_per_second > 0) {
    machines.workloads.push_back({.mode = storm::Mode::kSynFlood,
                                  .machines = 1,
                                  .frames_per_second = trouble.syns_per_second});
  }
  if (trouble.slow_readers > 0) {
    machines.workloads.push_back(
        {.mode = storm::Mode::kSlowReader, .machines = trouble.slow_readers});
  }
  machines.personalities = {
      {storm::Firmware::kUefi, 2}, {storm::Firmware::kIpxe, 1}, {storm::Firmware::kLinux, 1}};
  machines.power_on = std::chrono::seconds(1);
  machines.url = storm::Url::Parse("https://10.50.0.1/image");
  // Of machines that DHCP gives none: the slow readers, who come behind those that boot. Below the
  // server's pool.
  machines.first_address = Ipv4Address(Ipv4Address(10, 50, 1, 0).value() - context.machines);
  machines.server = kServerAddress;
  machines.verify_every = 16;
  machines.patience = std::chrono::seconds(120);
  machines.loss = trouble.loss;
  auto made = Rig::Create(context, {.machines = std::move(machines),
                                    .connections = context.machines + trouble.slow_readers + 1024,
                                    .image_bytes = std::size_t{8} << 20,
                                    .ring_frames = kStormRingFrames,
                                    .admission = true});
  if (!made.ok()) return made.status();
  Rig& rig = **made;
  const dataplane::WorkerStatistics before = rig.server().Statistics();
  rig.RunUntil([&] { return rig.machines().finished(); }, 600);
  Storm storm{.report = storm::Summarise(rig.machines(), rig.clock().Now(), {})};
  rig.Run(0.2);
  const dataplane::WorkerStatistics after = rig.server().Statistics();
  const auto busy = static_cast<double>(after.busy_cycles - before.busy_cycles);
  storm.server_busy = busy / (busy + static_cast<double>(after.idle_cycles - before.idle_cycles));
  storm.resent = after.retransmissions - before.retransmissions;
  storm.admission = after.admission;
  storm.drops = Drops(before.drops, after.drops);
  return storm;
}

std::string Describe(const Storm& storm, const RowContext& context) {
  const storm::Report& report = storm.report;
  std::string text = absl::StrFormat(
      "%d of %d booted; p50 %.1f s, p99 %.1f s, last %.1f s; %.2f Gbit/s; Jain %.3f; server %.0f "
      "%%, machines' core %.0f %% busy; %d resent; %d waited, %d let in before their turn, %d "
      "excused, "
      "%d at once at the end",
      report.boots, context.machines, report.boot.p50, report.boot.p99, report.boot.max,
      report.gigabits_per_second, report.jain, 100 * storm.server_busy, 100 * report.busy_share,
      storm.resent, storm.admission.waited, storm.admission.forced, storm.admission.excused,
      storm.admission.limit);
  if (report.tally.flood_sent > 0) {
    absl::StrAppendFormat(&text, "; %.0f SYNs a second", report.floods_per_second);
  }
  return text + Failures(report.tally) + (report.tally.failed > 0 ? storm.drops : "");
}

// Of one trouble, a value for each turn.
struct Turns {
  std::vector<double> last;     // the last machine, against the undisturbed storm's of that turn
  std::vector<double> flooded;  // SYNs a second
  std::uint64_t missing = 0;    // machines that did not boot, in all of them
  std::string told;             // the last turn
};

RowResult Judge(const Turns& turns, const Trouble& trouble, const RowContext& context) {
  RowResult row;
  row.work = absl::StrFormat("%d boots of 8 MiB on within a second, on ring: %s", context.machines,
                             trouble.name);
  row.must = absl::StrFormat("all boot; last machine <= %.1f x undisturbed", trouble.last_most);
  row.measured = absl::StrFormat("last machine %s x undisturbed, in %d turns; %d did not boot",
                                 WithSpread(turns.last), turns.last.size(), turns.missing);
  bool flooded = true;
  if (trouble.syns_per_second > 0) {
    row.must += absl::StrFormat("; >= %.0f SYNs a second", kSynsPerSecondLeast);
    flooded = Median(turns.flooded) >= kSynsPerSecondLeast;
    absl::StrAppendFormat(&row.measured, "; %s SYNs a second", WithSpread(turns.flooded, 0));
  }
  row.measured += "\n              the last turn: " + turns.told;
  row.holds = turns.last.size() == context.pairs && turns.missing == 0 &&
              Median(turns.last) <= trouble.last_most && flooded;
  row.figures = {{"missing", static_cast<double>(turns.missing)},
                 {"machines", static_cast<double>(context.machines)},
                 {"last_ratio", Median(turns.last)},
                 {"syns_per_second", Median(turns.flooded)}};
  return row;
}

RowResult MeasureSyn(const RowContext& context) {
  RowResult row;
  row.work = "a flood of SYNs from everywhere, alone, on ring";
  row.must = "<= 400 cycles each, at 500,000 a second or more";
  RigOptions options{.machines = Readers(1, storm::Firmware::kLinux, /*tls=*/true),
                     .image_bytes = std::size_t{64} << 20};
  // As fast as it goes: a flood that leaves the worker idle in between costs more for each SYN, a
  // round for every one, and nobody anything.
  options.machines.workloads = {{.mode = storm::Mode::kSynFlood, .machines = 1}};
  auto made = Rig::Create(context, options);
  if (!made.ok()) return Failed(std::move(row), made.status());
  Rig& rig = **made;
  rig.Run(1);
  std::vector<double> each, rates, answered;
  for (unsigned i = 0; i < context.pairs; ++i) {
    const Sample sample = rig.Measure(context.seconds);
    if (sample.frames_received == 0) break;
    each.push_back(static_cast<double>(sample.busy_cycles) /
                   static_cast<double>(sample.frames_received));
    rates.push_back(static_cast<double>(sample.frames_received) *
                    static_cast<double>(rte_get_tsc_hz()) /
                    static_cast<double>(sample.busy_cycles + sample.idle_cycles));
    answered.push_back(100 * static_cast<double>(sample.segments) /
                       static_cast<double>(sample.frames_received));
    row.profile = sample.Profile();
  }
  row.measured = absl::StrFormat("%s cycles each, %.0f a second taken, %.1f %% of them answered",
                                 WithSpread(each, 0), Median(rates), Median(answered));
  row.holds = !each.empty() && Median(each) <= 400 && Median(rates) >= kSynsPerSecondLeast;
  row.figures = {{"cycles_per_syn", Median(each)},
                 {"syns_per_second", Median(rates)},
                 {"answered_percent", Median(answered)}};
  return row;
}

}  // namespace

std::vector<RowResult> RunTrouble(const RowContext& context) {
  std::vector<RowResult> rows{MeasureSyn(context)};
  std::array<Turns, kTroubles.size()> all;
  bool failed = false;
  for (unsigned i = 0; i < context.pairs && !failed; ++i) {
    const auto plain = RunStorm(context, {.name = "nothing"});
    for (std::size_t k = 0; k < kTroubles.size() && !failed; ++k) {
      const auto storm = plain.ok() ? RunStorm(context, kTroubles[k]) : plain;
      if (!storm.ok()) {
        rows.push_back(Failed({.work = kTroubles[k].name, .must = "all boot"}, storm.status()));
        failed = true;
        break;
      }
      Turns& turns = all[k];
      turns.last.push_back(storm->report.boot.max / plain->report.boot.max);
      turns.flooded.push_back(storm->report.floods_per_second);
      turns.missing +=
          context.machines - std::min<std::uint64_t>(context.machines, storm->report.boots);
      turns.told = absl::StrFormat("%.1f s undisturbed; %s", plain->report.boot.max,
                                   Describe(*storm, context));
      std::fprintf(stderr, "10: %d of %d: %s: %.2f x: %s\n", i + 1, context.pairs,
                   kTroubles[k].name, turns.last.back(), turns.told.c_str());
    }
  }
  for (std::size_t k = 0; k < kTroubles.size(); ++k) {
    rows.push_back(Judge(all[k], kTroubles[k], context));
  }
  return rows;
}

}  // namespace slipway::bench
