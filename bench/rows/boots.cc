// SPDX-License-Identifier: Apache-2.0
#include "bench/rows/boots.h"

#include <rte_cycles.h>

#include "absl/strings/str_format.h"
#include "bench/rows/rig.h"
#include "bench/storm/report.h"

namespace slipway::bench {

std::vector<RowResult> RunBoots(const RowContext& context) {
  constexpr std::uint32_t kMachines = 10'000;
  RowResult row;
  row.work = "10,000 machines (UEFI, iPXE, Linux), 8 MiB each, powered on within a second, on ring";
  row.must = "all boot, all digests right, Jain >= 0.98";
  storm::FarmOptions machines;
  machines.workloads = {{.mode = storm::Mode::kBoot, .machines = kMachines}};
  machines.personalities = {
      {storm::Firmware::kUefi, 2}, {storm::Firmware::kIpxe, 1}, {storm::Firmware::kLinux, 1}};
  machines.power_on = std::chrono::seconds(1);
  machines.url = storm::Url::Parse("https://10.50.0.1/image");
  machines.verify_every = 16;
  machines.patience = std::chrono::seconds(120);
  RigOptions options{.machines = std::move(machines),
                     .connections = kMachines + 64,
                     .image_bytes = std::size_t{8} << 20};
  auto made = Rig::Create(context, options);
  if (!made.ok()) return {Failed(std::move(row), made.status())};
  Rig& rig = **made;
  const dataplane::WorkerStatistics before = rig.server().Statistics();
  rig.RunUntil([&] { return rig.machines().finished(); }, 600);
  rig.Run(0.2);
  const dataplane::WorkerStatistics after = rig.server().Statistics();
  const storm::Report report = storm::Summarise(rig.machines(), rig.clock().Now(), {});
  const double busy = static_cast<double>(after.busy_cycles - before.busy_cycles) /
                      static_cast<double>(rte_get_tsc_hz());
  row.measured = absl::StrFormat(
      "%d of %d booted, %d failed; %.2f Gbit/s over %.1f s; boot p50 %.1f s, p99 %.1f s, last %.1f "
      "s; "
      "Jain %.3f; server busy %.1f s; machines' core %.0f %% busy; %d resent",
      report.boots, kMachines, report.tally.failed, report.gigabits_per_second, report.seconds,
      report.boot.p50, report.boot.p99, report.boot.max, report.jain, busy, 100 * report.busy_share,
      after.retransmissions - before.retransmissions);
  row.measured += Failures(report.tally);
  row.holds = report.boots == kMachines && report.tally.failed == 0 && report.jain >= 0.98;
  row.figures = {
      {"booted", static_cast<double>(report.boots)}, {"jain", report.jain},
      {"boot_p50_seconds", report.boot.p50},         {"boot_p99_seconds", report.boot.p99},
      {"boot_max_seconds", report.boot.max},         {"server_busy_seconds", busy}};
  return {row};
}

}  // namespace slipway::bench
