// SPDX-License-Identifier: Apache-2.0
//
// Rows 1 to 4: bulk downloads, in cycles per byte, against the floor of the same wire.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_format.h"
#include "bench/rows/bulk.h"
#include "bench/rows/rig.h"

namespace slipway::bench {
namespace {

constexpr double kWarmUp = 1.0;  // BENCH: the first second on a fresh ring is slow
constexpr double kOpenMax = 60.0;
// Of the server; the floor and sealing alone have half of it each.
constexpr double kTurn = 0.04;

struct BulkRow {
  std::string work;
  RigOptions rig;
  double must = 0;  // at most, times the floor
  std::uint16_t segment_text = 1448;
  std::uint16_t segments_in_frame = 1;
};

std::string_view NameOf(Wire wire) { return wire == Wire::kRing ? "ring" : "virtio_user"; }

RowResult Failed(std::string work, std::string why) {
  RowResult result;
  result.work = std::move(work);
  result.measured = std::move(why);
  return result;
}

// Waits until every machine downloads; what hinders them otherwise.
std::string WaitUntilOpen(Rig& rig, std::uint32_t machines) {
  const storm::Tally& tally = rig.machines().tally();
  rig.RunUntil([&] { return tally.handshakes >= machines; }, kOpenMax);
  if (tally.handshakes >= machines) return {};
  std::string why = absl::StrFormat("only %d of %d connections opened", tally.handshakes, machines);
  for (std::size_t i = 0; i < storm::kFailures; ++i) {
    if (tally.failures[i] == 0) continue;
    absl::StrAppendFormat(&why, "; %d times %s", tally.failures[i],
                          std::string(Describe(static_cast<storm::Failure>(i)).sentence));
  }
  const dataplane::WorkerStatistics server = rig.server().Statistics();
  for (std::size_t i = 0; i < kDropCount; ++i) {
    const std::uint64_t count = server.drops[static_cast<Drop>(i)];
    if (count != 0)
      absl::StrAppendFormat(&why, "; server dropped %d: %s", count,
                            std::string(Describe(static_cast<Drop>(i)).sentence));
  }
  absl::StrAppendFormat(&why, "; machines sent %d received %d", tally.frames_sent,
                        tally.frames_received);
  return why;
}

// The median, and the middle half.
void AddSpread(const std::string& name, const std::vector<double>& values, RowResult& result) {
  result.figures.insert(result.figures.end(), {{name, Median(values)},
                                               {name + "_low", Quantile(values, 0.25)},
                                               {name + "_high", Quantile(values, 0.75)}});
}

RowResult MeasureBulk(const RowContext& context, const BulkRow& row) {
  const std::string work = absl::StrFormat("%s, on %s", row.work, NameOf(row.rig.wire));
  auto made = Rig::Create(context, row.rig);
  if (!made.ok()) return Failed(work, std::string(made.status().message()));
  Rig& rig = **made;
  const bool tls = row.rig.machines.url->tls;
  if (tls) {
    if (std::string why = WaitUntilOpen(rig, row.rig.machines.workloads[0].machines);
        !why.empty()) {
      return Failed(work, std::move(why));
    }
  }
  rig.Run(kWarmUp);
  std::vector<double> ratios, to_sealing, cycles, floors, sealing;
  std::uint64_t resent = 0;
  const unsigned turns = TurnsIn(context.pairs * context.seconds, kTurn);
  const std::vector<Sample> samples = rig.TakeTurns(turns, kTurn, [&] {
    FloorOptions options{.segment_text = row.segment_text,
                         .segments_in_frame = row.segments_in_frame,
                         .seconds = kTurn / 2};
    floors.push_back(rig.MeasureFloor(options).cycles_per_byte());
    options.transmit = false;
    sealing.push_back(rig.MeasureFloor(options).cycles_per_byte());
  });
  unsigned still = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    // The machines' core was taken away, in the server's turn or in the floor's.
    if (samples[i].payload_bytes == 0 || !std::isfinite(floors[i])) {
      ++still;
      continue;
    }
    const double cost = samples[i].cycles_per_byte();
    cycles.push_back(cost);
    ratios.push_back(cost / floors[i]);
    to_sealing.push_back(cost / sealing[i]);
    resent += samples[i].retransmissions;
  }
  std::erase_if(floors, [](double cost) { return !std::isfinite(cost); });
  if (still > turns / 4) {
    return Failed(work, absl::StrFormat("nothing was sent in %d of %d turns", still, turns));
  }
  const Sample typical = SumOfMiddleHalf(samples);
  RowResult result;
  result.work = work;
  result.measured = absl::StrFormat(
      "%s x floor (%.3f over %.3f cycles/B), the middle half of %d turns; %s x sealing; server's "
      "core %.0f %% busy; %d resent",
      WithQuartiles(ratios), Median(cycles), Median(floors), turns, WithQuartiles(to_sealing),
      100 * typical.busy_share(), resent);
  if (still > 0) absl::StrAppendFormat(&result.measured, "; %d turns of nothing left out", still);
  result.must = absl::StrFormat("<= %.2f x floor", row.must);
  result.holds = Median(ratios) <= row.must;
  result.profile = typical.Profile();
  result.figures = typical.StepFigures();
  result.figures.insert(result.figures.end(), {{"ratio", Median(ratios)},
                                               {"must_ratio", row.must},
                                               {"ratio_to_sealing", Median(to_sealing)}});
  AddSpread("cycles_per_byte", cycles, result);
  AddSpread("floor_cycles_per_byte", floors, result);
  return result;
}

RigOptions RigFor(Wire wire, storm::FarmOptions machines) {
  RigOptions rig;
  rig.wire = wire;
  rig.machines = std::move(machines);
  rig.connections = rig.machines.workloads[0].machines + 16;
  return rig;
}

}  // namespace

std::vector<RowResult> RunPlainSegments(const RowContext& context) {
  std::vector<RowResult> results;
  for (const Wire wire : {Wire::kVirtioUser, Wire::kRing}) {
    BulkRow row{.work = "HTTPS, TLS 1.3 AES-128-GCM, 1,500-byte frames, 64 connections",
                .rig = RigFor(wire, Readers(64, storm::Firmware::kLinux, /*tls=*/true)),
                .must = 1.35};
    results.push_back(MeasureBulk(context, row));
  }
  return results;
}

std::vector<RowResult> RunLargeSegments(const RowContext& context) {
  std::vector<RowResult> results;
  for (const Wire wire : {Wire::kVirtioUser, Wire::kRing}) {
    BulkRow segmentation{.work = "HTTPS with TSO, 64 connections",
                         .rig = RigFor(wire, Readers(64, storm::Firmware::kLinux, /*tls=*/true)),
                         .must = 1.2,
                         .segments_in_frame = 12};
    segmentation.rig.tcp_segmentation = true;
    // A frame takes a dozen descriptors or two of a NIC's 512: 511 of them on the way would be most
    // of the server's buffers.
    segmentation.rig.ring_frames = 63;
    results.push_back(MeasureBulk(context, segmentation));
    BulkRow jumbo{.work = "HTTPS with 9,000-byte frames, 64 connections",
                  .rig = RigFor(wire, Readers(64, storm::Firmware::kLinux, /*tls=*/true)),
                  .must = 1.2,
                  .segment_text = 8948};
    jumbo.rig.mtu = jumbo.rig.machines.mtu = 9000;
    results.push_back(MeasureBulk(context, jumbo));
  }
  return results;
}

std::vector<RowResult> RunFirmware(const RowContext& context) {
  std::vector<RowResult> results;
  for (const Wire wire : {Wire::kVirtioUser, Wire::kRing}) {
    storm::FarmOptions machines = Readers(1000, storm::Firmware::kUefi, /*tls=*/true);
    machines.power_on = std::chrono::seconds(2);
    BulkRow row{.work = "HTTPS to 1,000 UEFI machines (TLS 1.2, window 65,535, no options)",
                .rig = RigFor(wire, std::move(machines)),
                .must = 1.5,
                .segment_text = 1460};
    results.push_back(MeasureBulk(context, row));
  }
  return results;
}

std::vector<RowResult> RunPlainHttp(const RowContext& context) {
  constexpr double kMust = 60.0;
  std::vector<RowResult> results;
  for (const Wire wire : {Wire::kVirtioUser, Wire::kRing}) {
    RowResult result;
    result.work =
        absl::StrFormat("plain HTTP, 1,500-byte frames, 64 connections, on %s", NameOf(wire));
    result.must = absl::StrFormat(">= %.0f Gbit/s per core of busy time", kMust);
    auto made =
        Rig::Create(context, RigFor(wire, Readers(64, storm::Firmware::kLinux, /*tls=*/false)));
    if (!made.ok()) {
      results.push_back(Failed(result.work, std::string(made.status().message())));
      continue;
    }
    Rig& rig = **made;
    rig.Run(2 * kWarmUp);
    std::vector<double> rates, per_packet, borrowed;
    double machines_busy = 0;
    for (unsigned i = 0; i < context.pairs; ++i) {
      const Sample sample = rig.Measure(context.seconds);
      if (sample.payload_bytes == 0) break;
      const double bytes = static_cast<double>(sample.payload_bytes);
      const double busy = static_cast<double>(sample.busy_cycles);
      rates.push_back(8e-9 * bytes * static_cast<double>(rte_get_tsc_hz()) / busy);
      per_packet.push_back(busy / static_cast<double>(sample.segments));
      borrowed.push_back(100 * static_cast<double>(sample.borrowed_bytes) / bytes);
      machines_busy = std::max(machines_busy, sample.machines_busy);
      result.profile = sample.Profile();
    }
    result.measured = absl::StrFormat(
        "%s Gbit/s; %s cycles a packet; %.2f %% of the bytes never copied; machines' core %.0f %% "
        "busy",
        WithSpread(rates, 1), WithSpread(per_packet, 0), Median(borrowed), 100 * machines_busy);
    result.holds = !rates.empty() && Median(rates) >= kMust && Median(borrowed) > 99;
    result.figures = {{"gigabits_per_busy_second", Median(rates)},
                      {"cycles_per_packet", Median(per_packet)},
                      {"borrowed_percent", Median(borrowed)}};
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace slipway::bench
