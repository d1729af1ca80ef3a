// SPDX-License-Identifier: Apache-2.0
//
// Row 9. The same storm without and with admission, in turns; before each pair what a byte and a
// handshake of each kind of machine cost on this core in that minute (rows 1, 3 and 7), from which
// follows how long the server may be busy.
#include "bench/rows/boots.h"

#include <rte_cycles.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "absl/strings/str_cat.h"
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
  std::string drops;

  double busy_ratio() const { return busy / allowed; }
};

// What the row is judged by, a value for each pair of storms.
struct Ratios {
  std::vector<double> busy;
  std::vector<double> plain_busy;
  std::vector<double> jain;
  std::vector<double> mean;
  std::vector<double> last;
  std::uint64_t missing = 0;  // machines that did not boot, in all of the storms
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
  return rig.Measure(context.seconds).cycles_per_byte();
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
  const Sample sample = rig.Measure(context.seconds);
  if (sample.handshakes == 0) return absl::UnavailableError("no handshake came to an end");
  return static_cast<double>(sample.busy_cycles) / static_cast<double>(sample.handshakes);
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
                     // More than the machines: one that gave up comes with a second.
                     .connections = context.machines + 1024,
                     .image_bytes = std::size_t{8} << 20,
                     .ring_frames = kStormRingFrames,
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
  result.drops = Drops(before.drops, after.drops);
  CountWork(rig.machines(), prices, result);
  JudgeFairness(rig.machines(), result);
  return result;
}

std::string Tell(const RowContext& context, const Storm& storm, bool admission) {
  const storm::Report& report = storm.report;
  std::string text = absl::StrFormat(
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
      report.gigabits_per_second, storm.busy, storm.busy_ratio(), storm.allowed,
      100 * report.busy_share, storm.resent, Seconds(report.tally.longest_silence));
  if (admission) {
    absl::StrAppendFormat(&text,
                          "; %d waited, %d at once at most, %d of them let in before their turn; "
                          "%d excused; %d at once at the end",
                          storm.admission.waited, storm.waited_most, storm.admission.forced,
                          storm.admission.excused, storm.admission.limit);
  }
  return text + Failures(report.tally) + (report.tally.failed > 0 ? storm.drops : "");
}

void AddFigures(const Storm& storm, const std::string& prefix, RowResult& row) {
  const auto add = [&](const char* name, double value) {
    row.figures.emplace_back(prefix + name, value);
  };
  add("booted", static_cast<double>(storm.report.boots));
  add("boot_mean_seconds", storm.report.boot_mean);
  add("boot_p50_seconds", storm.report.boot.p50);
  add("boot_p99_seconds", storm.report.boot.p99);
  add("boot_max_seconds", storm.report.boot.max);
  add("jain_together", storm.jain);
  add("jain_all", storm.report.jain);
  add("busy_seconds", storm.busy);
  add("busy_ratio", storm.busy_ratio());
}

void Judge(const RowContext& context, const Ratios& ratios, RowResult& row) {
  row.measured = absl::StrFormat(
      "%d pairs of storms, %d machines did not boot; with admission the server is busy %s x bytes "
      "and handshakes (%s x without), Jain %s of machines admitted together, boots take %s x the "
      "time in the mean, the last machine %s x",
      ratios.mean.size(), ratios.missing, WithSpread(ratios.busy), WithSpread(ratios.plain_busy),
      WithSpread(ratios.jain, 3), WithSpread(ratios.mean), WithSpread(ratios.last));
  row.holds = ratios.mean.size() == context.pairs && ratios.missing == 0 &&
              Median(ratios.jain) >= kJainLeast && Median(ratios.busy) <= kBusyMost &&
              Median(ratios.mean) <= kMeanMost && Median(ratios.last) <= kLastMost;
  row.figures = {{"mean_ratio", Median(ratios.mean)},
                 {"last_ratio", Median(ratios.last)},
                 {"busy_ratio", Median(ratios.busy)},
                 {"jain", Median(ratios.jain)},
                 {"missing", static_cast<double>(ratios.missing)}};
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
  Ratios ratios;
  Prices prices;
  Storm plain;
  Storm turns;
  for (unsigned i = 0; i < context.pairs; ++i) {
    const auto measured = MeasurePrices(context);
    if (!measured.ok()) return {Failed(std::move(row), measured.status())};
    prices = *measured;
    plain = RunStorm(context, prices, /*admission=*/false);
    turns = RunStorm(context, prices, /*admission=*/true);
    for (const Storm* storm : {&plain, &turns}) {
      if (!storm->failure.empty()) {
        return {Failed(std::move(row), absl::UnavailableError(storm->failure))};
      }
      ratios.missing += context.machines - storm->report.boots;
      std::fprintf(stderr, "9: %d of %d: %s\n", i + 1, context.pairs,
                   Tell(context, *storm, storm == &turns).c_str());
    }
    ratios.busy.push_back(turns.busy_ratio());
    ratios.plain_busy.push_back(plain.busy_ratio());
    ratios.jain.push_back(turns.jain);
    ratios.mean.push_back(turns.report.boot_mean / plain.report.boot_mean);
    ratios.last.push_back(turns.report.boot.max / plain.report.boot.max);
  }
  Judge(context, ratios, row);
  absl::StrAppend(&row.measured, "\n              of the last pair, ",
                  Tell(context, plain, /*admission=*/false), "\n              ",
                  Tell(context, turns, /*admission=*/true));
  AddFigures(plain, "plain_", row);
  AddFigures(turns, "admission_", row);
  for (const storm::Firmware firmware : kFirmwares) {
    const auto at = static_cast<std::size_t>(firmware);
    absl::StrAppendFormat(
        &row.profile, "%s%s: %.3f cycles/B, %.0f a handshake", row.profile.empty() ? "" : "; ",
        std::string(storm::PersonalityOf(firmware).name), prices.byte[at], prices.handshake[at]);
  }
  return {row};
}

}  // namespace slipway::bench
