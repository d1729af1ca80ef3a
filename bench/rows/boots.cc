// SPDX-License-Identifier: Apache-2.0
//
// Row 9. The same storm without and with admission, one after the other; before them what a byte
// and a handshake of each kind of machine cost on this core (rows 1, 3 and 7), from which follows
// how long the server may be busy.
#include "bench/rows/boots.h"

#include <rte_cycles.h>

#include <algorithm>
#include <numeric>

#include "absl/strings/str_format.h"
#include "bench/rows/rig.h"
#include "bench/storm/report.h"
#include "bench/storm/statistics.h"

namespace slipway::bench {
namespace {

constexpr std::array kFirmwares{storm::Firmware::kUefi, storm::Firmware::kIpxe,
                                storm::Firmware::kLinux};
constexpr double kBusyMost = 1.3;
constexpr double kJainLeast = 0.98;
constexpr double kMeanMost = 0.65;
constexpr double kLastMost = 1.05;
// Machines whose first GETs followed each other were admitted together.
constexpr std::size_t kTogether = 64;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Cycles of the server, for each kind of machine.
struct Prices {
  std::array<double, storm::kFirmwares> byte{};
  std::array<double, storm::kFirmwares> handshake{};
};

struct Storm {
  std::string failure;
  storm::Report report;
  double busy = 0;     // seconds of the server's core
  double allowed = 0;  // what bytes and handshakes alone cost
  double jain = 0;     // over the rates of machines admitted together: the mean
  double jain_least = 0;
  std::array<double, storm::kFirmwares> mean_by_firmware{};
  std::array<double, storm::kFirmwares> share_by_firmware{};  // of the mean rate beside it
  std::uint64_t resent = 0;
  dataplane::AdmissionStatistics admission;
  std::uint64_t waited_most = 0;  // machines at once
};

absl::StatusOr<double> PriceOfByte(const RowContext& context, storm::Firmware firmware,
                                   std::uint32_t count) {
  RigOptions options{.machines = Readers(count, firmware, /*tls=*/true),
                     .connections = count + 16,
                     .image_bytes = std::size_t{256} << 20};
  auto made = Rig::Create(context, options);
  if (!made.ok()) return made.status();
  Rig& rig = **made;
  rig.RunUntil([&] { return rig.machines().tally().handshakes >= count; }, 60);
  rig.Run(1);
  std::vector<double> samples;
  for (unsigned i = 0; i < context.pairs; ++i) {
    samples.push_back(rig.Measure(context.seconds).cycles_per_byte());
  }
  return Median(samples);
}

absl::StatusOr<double> PriceOfHandshake(const RowContext& context, storm::Firmware firmware) {
  RigOptions options{.machines = Readers(64, firmware, /*tls=*/true),
                     .connections = 4096,
                     .image_bytes = std::size_t{64} << 20};
  options.machines.workloads = {{.mode = storm::Mode::kHandshake, .machines = 64}};
  auto made = Rig::Create(context, options);
  if (!made.ok()) return made.status();
  Rig& rig = **made;
  rig.Run(0.5);
  std::vector<double> samples;
  for (unsigned i = 0; i < context.pairs; ++i) {
    const Sample sample = rig.Measure(context.seconds);
    if (sample.handshakes == 0) continue;
    samples.push_back(static_cast<double>(sample.busy_cycles) /
                      static_cast<double>(sample.handshakes));
  }
  return Median(samples);
}

absl::StatusOr<Prices> MeasurePrices(const RowContext& context) {
  Prices prices;
  for (const storm::Firmware firmware : kFirmwares) {
    const auto at = static_cast<std::size_t>(firmware);
    const auto byte =
        PriceOfByte(context, firmware, firmware == storm::Firmware::kLinux ? 64 : 1000);
    if (!byte.ok()) return byte.status();
    const auto handshake = PriceOfHandshake(context, firmware);
    if (!handshake.ok()) return handshake.status();
    prices.byte[at] = *byte;
    prices.handshake[at] = *handshake;
  }
  return prices;
}

// Jain's index within each group of machines admitted together: the mean, and the least.
void JudgeFairness(const storm::Farm& farm, Storm& result) {
  std::vector<const storm::Machine*> booted;
  for (const storm::Machine& machine : farm.machines()) {
    if (machine.has_booted()) booted.push_back(&machine);
  }
  std::ranges::sort(booted, {}, [](const storm::Machine* machine) { return machine->served_from; });
  std::vector<double> rates;
  std::array<double, storm::kFirmwares> count{};
  double sum = 0;
  std::size_t groups = 0;
  result.jain_least = 1;
  for (std::size_t i = 0; i < booted.size(); ++i) {
    const double served = std::max(Seconds(booted[i]->ended_at - booted[i]->served_from), 1e-9);
    rates.push_back(static_cast<double>(booted[i]->body_bytes) / served);
    if (rates.size() < kTogether) continue;
    const double jain = storm::JainIndex(rates);
    sum += jain;
    result.jain_least = std::min(result.jain_least, jain);
    ++groups;
    const double mean = std::reduce(rates.begin(), rates.end()) / kTogether;
    for (std::size_t n = 0; n < kTogether; ++n) {
      const auto at =
          static_cast<std::size_t>(booted[i + 1 - kTogether + n]->personality->firmware);
      result.share_by_firmware[at] += rates[n] / mean;
      ++count[at];
    }
    rates.clear();
  }
  result.jain = groups == 0 ? storm::JainIndex(rates) : sum / static_cast<double>(groups);
  for (std::size_t i = 0; i < count.size(); ++i) {
    result.share_by_firmware[i] /= std::max(1.0, count[i]);
  }
}

void CountWork(const storm::Farm& farm, const Prices& prices, Storm& result) {
  std::array<double, storm::kFirmwares> count{};
  double cycles = 0;
  for (const storm::Machine& machine : farm.machines()) {
    if (!machine.has_booted()) continue;
    const auto at = static_cast<std::size_t>(machine.personality->firmware);
    cycles += prices.byte[at] * static_cast<double>(machine.body_bytes) + prices.handshake[at];
    ++count[at];
    result.mean_by_firmware[at] += Seconds(machine.ended_at - machine.powered_at);
  }
  for (std::size_t i = 0; i < count.size(); ++i) {
    result.mean_by_firmware[i] /= std::max(1.0, count[i]);
  }
  result.allowed = cycles / static_cast<double>(rte_get_tsc_hz());
}

Storm RunStorm(const RowContext& context, const Prices& prices, bool admission) {
  Storm result;
  storm::FarmOptions machines;
  machines.workloads = {{.mode = storm::Mode::kBoot, .machines = context.machines}};
  machines.personalities = {
      {storm::Firmware::kUefi, 2}, {storm::Firmware::kIpxe, 1}, {storm::Firmware::kLinux, 1}};
  machines.power_on = std::chrono::seconds(1);
  machines.url = storm::Url::Parse("https://10.50.0.1/image");
  machines.verify_every = 16;
  machines.patience = std::chrono::seconds(120);
  RigOptions options{.machines = std::move(machines),
                     .connections = context.machines + 64,
                     .image_bytes = std::size_t{8} << 20,
                     .admission = admission};
  auto made = Rig::Create(context, options);
  if (!made.ok()) {
    result.failure = std::string(made.status().message());
    return result;
  }
  Rig& rig = **made;
  const dataplane::WorkerStatistics before = rig.server().Statistics();
  rig.RunUntil(
      [&] {
        const dataplane::AdmissionStatistics now = rig.server().Statistics().admission;
        result.waited_most =
            std::max(result.waited_most, now.waiting_at_syn + now.waiting_at_server_hello);
        return rig.machines().finished();
      },
      600);
  rig.Run(0.2);
  const dataplane::WorkerStatistics after = rig.server().Statistics();
  result.report = storm::Summarise(rig.machines(), rig.clock().Now(), {});
  result.busy = static_cast<double>(after.busy_cycles - before.busy_cycles) /
                static_cast<double>(rte_get_tsc_hz());
  result.resent = after.retransmissions - before.retransmissions;
  result.admission = after.admission;
  CountWork(rig.machines(), prices, result);
  JudgeFairness(rig.machines(), result);
  return result;
}

bool Judge(const RowContext& context, const Storm& storm, bool admission, RowResult& row) {
  if (!storm.failure.empty()) {
    row.measured += storm.failure;
    return false;
  }
  const storm::Report& report = storm.report;
  absl::StrAppendFormat(
      &row.measured,
      "%s: %d of %d booted, %d failed; boot mean %.1f s, p50 %.1f, p99 %.1f, last %.1f (UEFI %.1f, "
      "iPXE %.1f, Linux %.1f); Jain %.3f of machines admitted together (least %.3f; UEFI gets "
      "%.2f, "
      "iPXE %.2f, Linux %.2f of the mean rate), %.3f of all; "
      "%.2f Gbit/s; server busy %.1f s = %.2f x %.1f s of bytes and handshakes; machines' core "
      "%.0f %% busy; %d resent; longest silence after a request %.2f s",
      admission ? "with admission" : "without", report.boots, context.machines, report.tally.failed,
      report.boot_mean, report.boot.p50, report.boot.p99, report.boot.max,
      storm.mean_by_firmware[static_cast<std::size_t>(storm::Firmware::kUefi)],
      storm.mean_by_firmware[static_cast<std::size_t>(storm::Firmware::kIpxe)],
      storm.mean_by_firmware[static_cast<std::size_t>(storm::Firmware::kLinux)], storm.jain,
      storm.jain_least, storm.share_by_firmware[static_cast<std::size_t>(storm::Firmware::kUefi)],
      storm.share_by_firmware[static_cast<std::size_t>(storm::Firmware::kIpxe)],
      storm.share_by_firmware[static_cast<std::size_t>(storm::Firmware::kLinux)], report.jain,
      report.gigabits_per_second, storm.busy, storm.busy / storm.allowed, storm.allowed,
      100 * report.busy_share, storm.resent, Seconds(report.tally.longest_silence));
  if (admission) {
    absl::StrAppendFormat(&row.measured,
                          "; %d waited, %d at once at most, %d of them let in before their turn; "
                          "%d excused; %d at once at the end",
                          storm.admission.waited, storm.waited_most, storm.admission.forced,
                          storm.admission.excused, storm.admission.limit);
  }
  row.measured += Failures(report.tally);
  const std::string prefix = admission ? "admission_" : "plain_";
  row.figures.insert(row.figures.end(), {{prefix + "booted", static_cast<double>(report.boots)},
                                         {prefix + "boot_mean_seconds", report.boot_mean},
                                         {prefix + "boot_p50_seconds", report.boot.p50},
                                         {prefix + "boot_p99_seconds", report.boot.p99},
                                         {prefix + "boot_max_seconds", report.boot.max},
                                         {prefix + "jain_together", storm.jain},
                                         {prefix + "jain_all", report.jain},
                                         {prefix + "busy_seconds", storm.busy},
                                         {prefix + "busy_ratio", storm.busy / storm.allowed}});
  return report.boots == context.machines && report.tally.failed == 0 &&
         (!admission || (storm.jain >= kJainLeast && storm.busy <= kBusyMost * storm.allowed));
}

}  // namespace

std::vector<RowResult> RunBoots(const RowContext& context) {
  RowResult row;
  row.work = absl::StrFormat(
      "%d machines (UEFI, iPXE, Linux), 8 MiB each, powered on within a second, on ring",
      context.machines);
  row.must =
      "all boot, all digests right; server busy <= 1.3 x bytes and handshakes alone; Jain >= 0.98 "
      "of machines admitted together; with admission mean <= 0.65 x, last <= 1.05 x without";
  const auto prices = MeasurePrices(context);
  if (!prices.ok()) return {Failed(std::move(row), prices.status())};
  const Storm plain = RunStorm(context, *prices, /*admission=*/false);
  const Storm turns = RunStorm(context, *prices, /*admission=*/true);
  row.holds = Judge(context, plain, /*admission=*/false, row);
  row.measured += "\n              ";
  row.holds = Judge(context, turns, /*admission=*/true, row) && row.holds;
  if (plain.failure.empty() && turns.failure.empty()) {
    const double mean = turns.report.boot_mean / plain.report.boot_mean;
    const double last = turns.report.boot.max / plain.report.boot.max;
    absl::StrAppendFormat(&row.measured, "\n              mean %.2f x, last %.2f x", mean, last);
    row.figures.insert(row.figures.end(), {{"mean_ratio", mean}, {"last_ratio", last}});
    row.holds = row.holds && mean <= kMeanMost && last <= kLastMost;
  }
  for (const storm::Firmware firmware : kFirmwares) {
    const auto at = static_cast<std::size_t>(firmware);
    absl::StrAppendFormat(
        &row.profile, "%s%s: %.3f cycles/B, %.0f a handshake", row.profile.empty() ? "" : "; ",
        std::string(storm::PersonalityOf(firmware).name), prices->byte[at], prices->handshake[at]);
  }
  return {row};
}

}  // namespace slipway::bench
