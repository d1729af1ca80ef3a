// SPDX-License-Identifier: Apache-2.0
//
// Row 12: a thousand machines that receive as firmware does (bench/storm/firmware_receiver.h): a
// ring of 64 frames, one frame each turn of the poll loop, and 10 ms deaf for each 16 KiB record.
//
// The omniscient sender knows what is in the ring: it never fills it above the brim and never lets
// it run dry. What it gets across is found by running that very receiver in virtual time; no sender
// can do better, for the receiver is then never without a frame. The figure is compared with each
// machine's own rate, from its first GET to its last byte.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "bench/rows/rig.h"
#include "bench/rows/trouble.h"
#include "bench/storm/report.h"

namespace slipway::bench {
namespace {

constexpr std::uint32_t kMachines = 1000;
constexpr std::size_t kImage = std::size_t{8} << 20;
constexpr std::size_t kSegment = 1460;  // of text; no options
constexpr std::size_t kRecord = std::size_t{16} << 10;
constexpr double kDroppedMost = 0.001;
constexpr double kGoodputLeast = 0.9;

// Bytes per second into a receiver whose ring is filled up whenever it has room.
double OmniscientRate(const storm::FarmOptions& options) {
  storm::FirmwareReceiver receiver(options.poll_turn);
  Time now{};
  std::uint64_t waiting = 0;
  for (std::uint64_t bytes = 0; bytes < kImage; now += options.poll_turn) {
    for (; waiting < storm::FirmwareReceiver::kRing; ++waiting) {
      static_cast<void>(receiver.Put(dataplane::Frame(), now));
    }
    const std::uint64_t before = receiver.taken();
    static_cast<void>(receiver.Take(now));
    if (receiver.taken() == before) continue;  // deaf
    --waiting;
    bytes += kSegment;
    if (bytes / kRecord != (bytes - kSegment) / kRecord) receiver.BeDeaf(options.deaf);
  }
  return static_cast<double>(kImage) /
         std::chrono::duration<double>(now.time_since_epoch()).count();
}

std::vector<double> RatesOf(const storm::Farm& farm) {
  std::vector<double> rates;
  for (const storm::Machine& machine : farm.machines()) {
    if (!machine.has_booted()) continue;
    rates.push_back(static_cast<double>(machine.body_bytes) /
                    std::chrono::duration<double>(machine.ended_at - machine.served_from).count());
  }
  return rates;
}

RowResult Measure(const RowContext& context, storm::Firmware firmware, const char* window) {
  RowResult row;
  row.work = absl::StrFormat(
      "%d firmware receivers (ring of 64, deaf 10 ms a record), %s, 8 MiB each, on ring", kMachines,
      window);
  row.must = "<= 0.1 % dropped at the receiver; goodput >= 90 % of an omniscient sender's";
  storm::FarmOptions machines;
  machines.workloads = {{.mode = storm::Mode::kBoot, .machines = kMachines}};
  machines.personalities = {{firmware, 1}};
  machines.power_on = std::chrono::seconds(1);
  machines.url = storm::Url::Parse("https://10.50.0.1/image");
  machines.verify_every = 16;
  machines.patience = std::chrono::seconds(120);
  machines.firmware_receiver = true;
  const double ideal = OmniscientRate(machines);
  auto made = Rig::Create(context, {.machines = std::move(machines),
                                    .connections = kMachines + 1024,
                                    .image_bytes = kImage,
                                    .frames = kMachines * 96});
  if (!made.ok()) return Failed(std::move(row), made.status());
  Rig& rig = **made;
  const std::uint64_t resent = rig.server().Statistics().retransmissions;
  rig.RunUntil([&] { return rig.machines().finished(); }, 120);
  const storm::Report report = storm::Summarise(rig.machines(), rig.clock().Now(), {});
  rig.Run(0.2);
  const std::vector<double> rates = RatesOf(rig.machines());
  const double dropped = static_cast<double>(report.receiver_dropped) /
                         static_cast<double>(std::max<std::uint64_t>(1, report.receiver_frames));
  const double share = Median(rates) / ideal;
  row.measured = absl::StrFormat(
      "%d booted; %.3f %% dropped (%d of %d, at most %d in a ring); goodput %.1f %% (%s MB/s of "
      "%.3f); %.2f Gbit/s; machines' core %.0f %% busy; %d resent",
      report.boots, 100 * dropped, report.receiver_dropped, report.receiver_frames,
      report.receiver_most, 100 * share,
      rates.empty()
          ? "none"
          : absl::StrFormat("%.3f (%.3f to %.3f)", Median(rates) * 1e-6,
                            std::ranges::min(rates) * 1e-6, std::ranges::max(rates) * 1e-6),
      ideal * 1e-6, report.gigabits_per_second, 100 * report.busy_share,
      rig.server().Statistics().retransmissions - resent);
  row.measured += Failures(report.tally);
  row.holds = report.boots == kMachines && dropped <= kDroppedMost && share >= kGoodputLeast;
  row.figures = {{"dropped_percent", 100 * dropped},
                 {"goodput_percent", 100 * share},
                 {"omniscient_bytes_per_second", ideal},
                 {"booted", static_cast<double>(report.boots)}};
  return row;
}

}  // namespace

std::vector<RowResult> RunReceivers(const RowContext& context) {
  return {Measure(context, storm::Firmware::kUefi, "window 65,535"),
          Measure(context, storm::Firmware::kUefi2025, "window 2 MiB")};
}

}  // namespace slipway::bench
