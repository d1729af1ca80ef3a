// SPDX-License-Identifier: Apache-2.0
//
// Row 10: row 9's storm undisturbed, and then the same with something beside it, one after the
// other on the same cores; and what one SYN of a flood costs where there is nothing else.
#include "bench/rows/trouble.h"

#include <rte_cycles.h>

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
    // A fifth more than must be, since the machines' core has other work.
    Trouble{.name = "a flood of SYNs", .last_most = 2, .syns_per_second = 600'000},
    Trouble{.name = "1,000 slow readers", .last_most = 1.2, .slow_readers = 1000},
};

struct Storm {
  storm::Report report;
  double server_busy = 0;  // share of its core
  std::uint64_t resent = 0;
  dataplane::AdmissionStatistics admission;
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
  return text + Failures(report.tally);
}

RowResult Judge(const Storm& plain, const Storm& storm, const Trouble& trouble,
                const RowContext& context) {
  RowResult row;
  row.work = absl::StrFormat("%d boots of 8 MiB on within a second, on ring: %s", context.machines,
                             trouble.name);
  row.must = absl::StrFormat("all boot; last machine <= %.1f x undisturbed", trouble.last_most);
  if (trouble.syns_per_second > 0) {
    row.must += absl::StrFormat("; >= %.0f SYNs a second", kSynsPerSecondLeast);
  }
  const double last = storm.report.boot.max / plain.report.boot.max;
  const bool flooded =
      trouble.syns_per_second == 0 || storm.report.floods_per_second >= kSynsPerSecondLeast;
  row.measured = absl::StrFormat("last machine %.2f x (%.1f s undisturbed); %s", last,
                                 plain.report.boot.max, Describe(storm, context));
  row.holds = storm.report.boots == context.machines && last <= trouble.last_most && flooded;
  row.figures = {{"booted", static_cast<double>(storm.report.boots)},
                 {"machines", static_cast<double>(context.machines)},
                 {"last_ratio", last},
                 {"last_seconds", storm.report.boot.max},
                 {"undisturbed_last_seconds", plain.report.boot.max},
                 {"syns_per_second", storm.report.floods_per_second}};
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
  row.figures = {{"cycles_per_syn", Median(each)}, {"syns_per_second", Median(rates)}};
  return row;
}

}  // namespace

std::vector<RowResult> RunTrouble(const RowContext& context) {
  std::vector<RowResult> rows{MeasureSyn(context)};
  const auto plain = RunStorm(context, {.name = "nothing"});
  for (const Trouble& trouble : kTroubles) {
    const auto storm = plain.ok() ? RunStorm(context, trouble) : plain;
    if (storm.ok()) {
      rows.push_back(Judge(*plain, *storm, trouble, context));
    } else {
      rows.push_back(Failed({.work = trouble.name, .must = "all boot"}, storm.status()));
    }
  }
  return rows;
}

}  // namespace slipway::bench
