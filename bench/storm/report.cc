// SPDX-License-Identifier: Apache-2.0
#include "bench/storm/report.h"

#include <algorithm>
#include <cinttypes>
#include <numeric>

#include "absl/strings/str_format.h"

namespace slipway::storm {
namespace {

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Times TimesOf(std::vector<double> values) {
  std::ranges::sort(values);
  return {.p50 = Percentile(values, 50),
          .p99 = Percentile(values, 99),
          .max = values.empty() ? 0 : values.back(),
          .count = values.size()};
}

Times TimesOf(const Histogram& histogram) {
  return {.p50 = Seconds(histogram.Percentile(50)),
          .p99 = Seconds(histogram.Percentile(99)),
          .max = Seconds(histogram.max()),
          .count = histogram.count()};
}

// Bytes per second of each machine that moved bodies: of a boot while it was served, of a
// download since the warm-up.
std::vector<double> RatesOf(const Farm& farm, Time now) {
  std::vector<double> rates;
  for (const Machine& machine : farm.machines()) {
    const bool boots = machine.mode == Mode::kBoot;
    if (boots && machine.has_booted()) {
      const double served = Seconds(machine.ended_at - machine.served_from);
      if (served > 0) rates.push_back(static_cast<double>(machine.body_bytes) / served);
    } else if (machine.mode == Mode::kDownload) {
      rates.push_back(static_cast<double>(machine.body_bytes - machine.body_bytes_at_mark) /
                      std::max(Seconds(now - farm.marked_at()), 1e-9));
    }
  }
  return rates;
}

void CountMachines(const Farm& farm, Report& report) {
  std::vector<double> boots;
  std::vector<double> transfers;
  for (const Machine& machine : farm.machines()) {
    if (machine.mode != Mode::kSynFlood) ++report.machines;
    if (machine.mode == Mode::kBoot) ++report.boots_wanted;
    if (machine.mode == Mode::kBoot && machine.has_booted()) {
      boots.push_back(Seconds(machine.ended_at - machine.powered_at));
      transfers.push_back(Seconds(machine.ended_at - machine.served_from));
    }
    if (machine.receiver == nullptr) continue;
    report.receiver_frames += machine.receiver->taken() + machine.receiver->dropped();
    report.receiver_dropped += machine.receiver->dropped();
    report.receiver_most = std::max(report.receiver_most, machine.receiver->most());
  }
  report.boots = boots.size();
  if (!boots.empty()) {
    report.boot_mean =
        std::accumulate(boots.begin(), boots.end(), 0.0) / static_cast<double>(boots.size());
  }
  report.boot = TimesOf(std::move(boots));
  report.transfer = TimesOf(std::move(transfers));
}

void PrintTimes(const char* name, const Times& times, std::FILE* out) {
  if (times.count == 0) return;
  absl::FPrintF(out, "  %-22s p50 %.6g s, p99 %.6g s, max %.6g s (%d)\n", name, times.p50,
                times.p99, times.max, times.count);
}

std::string TimesJson(const Times& times) {
  return absl::StrFormat(R"({"count":%d,"p50":%.9g,"p99":%.9g,"max":%.9g})", times.count, times.p50,
                         times.p99, times.max);
}

std::string FailuresJson(const Tally& tally) {
  std::string text;
  for (std::size_t i = 1; i < kFailures; ++i) {
    if (tally.failures[i] == 0) continue;
    if (!text.empty()) text += ',';
    text += absl::StrFormat(R"("%s":%d)", std::string(Describe(static_cast<Failure>(i)).name),
                            tally.failures[i]);
  }
  return "{" + text + "}";
}

}  // namespace

Report Summarise(const Farm& farm, Time now, const dataplane::PortStatistics& port) {
  Report report;
  const Tally& tally = farm.tally();
  const bool marked = farm.marked_at() != kNever;
  const Tally& from = farm.marked();
  report.tally = tally;
  report.port = port;
  report.seconds = Seconds(now - (marked ? farm.marked_at() : farm.started_at()));
  const double span = std::max(report.seconds, 1e-9);
  const auto rate = [&](std::uint64_t Tally::*count) {
    return static_cast<double>(tally.*count - (marked ? from.*count : 0)) / span;
  };
  CountMachines(farm, report);
  report.boots_per_second = rate(&Tally::booted);
  report.gigabits_per_second = rate(&Tally::body_bytes) * 8e-9;
  report.handshakes_per_second = rate(&Tally::handshakes);
  report.requests_per_second = rate(&Tally::requests);
  report.exchanges_per_second = rate(&Tally::exchanges);
  report.floods_per_second = rate(&Tally::flood_sent);
  report.handshake = TimesOf(tally.handshake_times);
  report.request = TimesOf(tally.request_times);
  report.exchange = TimesOf(tally.exchange_times);
  const std::vector<double> rates = RatesOf(farm, now);
  report.jain = JainIndex(rates);
  if (!rates.empty()) {
    const auto [least, most] = std::ranges::minmax(rates);
    report.rate_min_mbps = least * 8e-6;
    report.rate_max_mbps = most * 8e-6;
  }
  report.busy_share = rate(&Tally::busy_cycles) / std::max(rate(&Tally::all_cycles), 1.0);
  report.checked_bytes = farm.library().checked_bytes();
  report.unchecked_bytes = farm.library().unchecked_bytes();
  report.body_bytes = tally.body_bytes;
  report.bytes_per_machine = farm.bytes_per_machine();
  report.retransmissions = farm.retransmissions();
  return report;
}

void PrintTable(const Report& report, std::FILE* out) {
  const Tally& tally = report.tally;
  absl::FPrintF(out, "slipway-storm: %d machines, %.3f s measured\n", report.machines,
                report.seconds);
  if (report.boots_wanted > 0) {
    absl::FPrintF(out, "  %-22s %d of %d, %.1f per second, mean %.4g s\n", "boots", report.boots,
                  report.boots_wanted, report.boots_per_second, report.boot_mean);
    PrintTimes("from power on", report.boot, out);
    PrintTimes("from the first GET", report.transfer, out);
  }
  if (tally.body_bytes > 0) {
    absl::FPrintF(out, "  %-22s %.3f Gbit/s, %d bytes; %d compared, %d unknown to compare with\n",
                  "bodies", report.gigabits_per_second, report.body_bytes, report.checked_bytes,
                  report.unchecked_bytes);
    if (report.rate_max_mbps > 0) {
      absl::FPrintF(out, "  %-22s Jain %.4f; a machine %.4g to %.4g Mbit/s\n", "fairness",
                    report.jain, report.rate_min_mbps, report.rate_max_mbps);
    }
  }
  if (tally.exchanges > 0) {
    absl::FPrintF(out, "  %-22s %.0f per second\n", "DHCP exchanges", report.exchanges_per_second);
  }
  PrintTimes("a DHCP exchange", report.exchange, out);
  if (tally.handshakes > 0) {
    absl::FPrintF(out, "  %-22s %.0f per second\n", "TLS handshakes", report.handshakes_per_second);
  }
  PrintTimes("SYN to TLS", report.handshake, out);
  if (tally.requests > 0) {
    absl::FPrintF(out, "  %-22s %.0f per second\n", "responses", report.requests_per_second);
  }
  PrintTimes("a response", report.request, out);
  if (tally.flood_sent > 0) {
    absl::FPrintF(out, "  %-22s %d, %.3f Mpps; %d answers\n", "SYNs of a flood", tally.flood_sent,
                  report.floods_per_second * 1e-6, tally.flood_answers);
  }
  if (report.receiver_frames > 0) {
    absl::FPrintF(out, "  %-22s %d of %d frames lost (%.4f %%), at most %d waited\n",
                  "firmware's rings", report.receiver_dropped, report.receiver_frames,
                  100.0 * static_cast<double>(report.receiver_dropped) /
                      static_cast<double>(report.receiver_frames),
                  report.receiver_most);
  }
  absl::FPrintF(out, "  %-22s %d\n", "failures", tally.failed);
  for (std::size_t i = 1; i < kFailures; ++i) {
    if (tally.failures[i] == 0) continue;
    const FailureText text = Describe(static_cast<Failure>(i));
    absl::FPrintF(out, "    %-20s %d: %s\n", std::string(text.name), tally.failures[i],
                  std::string(text.sentence));
  }
  absl::FPrintF(out,
                "  %-22s %d in, %d out; lost on purpose %d and %d; missed %d, no buffer %d, "
                "no room %d\n",
                "frames", tally.frames_received, tally.frames_sent, tally.lost_arriving,
                tally.lost_leaving, report.port.receive_missed,
                tally.no_buffer + report.port.receive_no_buffer, tally.outbox_full);
  absl::FPrintF(out, "  %-22s busy %.1f %% of its core%s\n", "generator", 100 * report.busy_share,
                report.busy_share > 0.9 ? ": it may have been the bottleneck" : "");
}

void PrintProgress(const Farm& farm, Time now, std::uint64_t bytes_before, std::FILE* out) {
  const Tally& tally = farm.tally();
  std::uint64_t boots = 0;
  for (const Workload& workload : farm.options().workloads) {
    if (workload.mode == Mode::kBoot) boots += workload.machines;
  }
  absl::FPrintF(out, "%6.1f s  %6.2f Gbit/s", Seconds(now - farm.started_at()),
                static_cast<double>(tally.body_bytes - bytes_before) * 8e-9);
  if (boots > 0) absl::FPrintF(out, "  booted %d of %d", tally.booted, boots);
  absl::FPrintF(out, "  handshakes %d  responses %d", tally.handshakes, tally.requests);
  if (tally.exchanges > 0) absl::FPrintF(out, "  DHCP %d", tally.exchanges);
  if (tally.flood_sent > 0) absl::FPrintF(out, "  SYNs %d", tally.flood_sent);
  absl::FPrintF(out, "  failed %d\n", tally.failed);
  std::fflush(out);
}

std::string ToJson(const Report& report) {
  const Tally& tally = report.tally;
  std::string text = absl::StrFormat(
      R"({"seconds":%.9g,"machines":%d,"boots_wanted":%d,"boots":%d,"boots_per_second":%.9g,)"
      R"("boot_mean":%.9g,"gigabits_per_second":%.9g,"handshakes_per_second":%.9g,)"
      R"("requests_per_second":%.9g,"exchanges_per_second":%.9g,"flood_per_second":%.9g,)",
      report.seconds, report.machines, report.boots_wanted, report.boots, report.boots_per_second,
      report.boot_mean, report.gigabits_per_second, report.handshakes_per_second,
      report.requests_per_second, report.exchanges_per_second, report.floods_per_second);
  text += R"("boot":)" + TimesJson(report.boot) + R"(,"transfer":)" + TimesJson(report.transfer);
  text += R"(,"handshake":)" + TimesJson(report.handshake);
  text += R"(,"request":)" + TimesJson(report.request);
  text += R"(,"exchange":)" + TimesJson(report.exchange);
  text += absl::StrFormat(
      R"(,"jain":%.9g,"rate_min_mbps":%.9g,"rate_max_mbps":%.9g,"failed":%d,"failures":%s,)"
      R"("body_bytes":%d,"checked_bytes":%d,"unchecked_bytes":%d,"records":%d,)",
      report.jain, report.rate_min_mbps, report.rate_max_mbps, tally.failed, FailuresJson(tally),
      report.body_bytes, report.checked_bytes, report.unchecked_bytes, tally.records);
  text += absl::StrFormat(
      R"("receiver":{"frames":%d,"dropped":%d,"most":%d},"flood":{"sent":%d,"answers":%d},)",
      report.receiver_frames, report.receiver_dropped, report.receiver_most, tally.flood_sent,
      tally.flood_answers);
  text += absl::StrFormat(
      R"("frames":{"received":%d,"sent":%d,"lost_arriving":%d,"lost_leaving":%d,"missed":%d,)"
      R"("no_buffer":%d,"no_room":%d,"malformed":%d,"not_for_us":%d},)",
      tally.frames_received, tally.frames_sent, tally.lost_arriving, tally.lost_leaving,
      report.port.receive_missed, tally.no_buffer + report.port.receive_no_buffer,
      tally.outbox_full, tally.malformed, tally.not_for_us);
  text += absl::StrFormat(
      R"("generator":{"busy_share":%.9g,"bytes_per_machine":%d,"retransmissions":%d}})",
      report.busy_share, report.bytes_per_machine, report.retransmissions);
  return text + "\n";
}

}  // namespace slipway::storm
