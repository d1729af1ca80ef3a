// SPDX-License-Identifier: Apache-2.0
#include "bench/rows/connections.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_format.h"
#include "bench/lab/raw_handshake.h"
#include "bench/rows/rig.h"
#include "tls/key_agreement.h"

namespace slipway::bench {
namespace {

// Of the server, in row 7; OpenSSL alone has half of it.
constexpr double kTurn = 0.2;
// Of the server, in row 11; the floor has half of it.
constexpr double kGrowthTurn = 0.04;

storm::FarmOptions Farm(storm::Mode mode, std::uint32_t machines, storm::Firmware firmware) {
  storm::FarmOptions options = Readers(machines, firmware, /*tls=*/true);
  options.workloads = {{.mode = mode, .machines = machines}};
  return options;
}

// Bytes malloc holds for threads other than the main one: the server's, in these rows. Its slabs
// are no part of it.
std::size_t HeapOfServer() {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* const out = open_memstream(&text, &size);
  malloc_info(0, out);
  std::fclose(out);
  const std::string info(text, size);
  std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): open_memstream's
  std::size_t bytes = 0;
  std::size_t heap = info.find("<heap nr=\"1\">");
  while (heap != info.npos) {
    const std::size_t next = info.find("<heap nr=", heap + 1);
    const std::string part = info.substr(heap, next - heap);
    std::size_t held = 0;
    std::size_t idle = 0;
    const std::size_t current = part.find("<system type=\"current\" size=\"");
    if (current != part.npos) held = std::strtoull(part.c_str() + current + 29, nullptr, 10);
    for (const char* kind : {"<total type=\"fast\"", "<total type=\"rest\""}) {
      const std::size_t total = part.find(kind);
      if (total == part.npos) continue;
      const std::size_t at = part.find("size=\"", total);
      idle += std::strtoull(part.c_str() + at + 6, nullptr, 10);
    }
    bytes += held - std::min(held, idle);
    heap = next;
  }
  return bytes;
}

RowResult MeasureHandshakes(const RowContext& context, storm::Firmware firmware) {
  const bool is_firmware = firmware == storm::Firmware::kUefi;
  RowResult row;
  row.work = is_firmware ? "new connections, TLS 1.2 DHE RSA-2048"
                         : "new connections, TLS 1.3 ECDSA P-256";
  row.must = ">= 85 % of OpenSSL's own rate on that core";
  RigOptions options{.machines = Farm(storm::Mode::kHandshake, 64, firmware),
                     .connections = 4096,
                     .image_bytes = std::size_t{64} << 20};
  auto made = Rig::Create(context, options);
  if (!made.ok()) return Failed(std::move(row), made.status());
  Rig& rig = **made;
  SSL_CTX* const client = NewRawClient(is_firmware);
  // Judged against OpenSSL with the server's own check of a DH key; as it comes it is beside it.
  const tls::Certificate& certificate = rig.server().certificates()[is_firmware ? 1 : 0];
  SSL_CTX* const server = NewRawServer(certificate, tls::KeyAgreementProperties());
  SSL_CTX* const as_it_comes = NewRawServer(certificate, nullptr);
  rig.Run(1);
  const double hz = static_cast<double>(rte_get_tsc_hz());
  std::vector<double> shares, rates, raws, raws_as_it_comes;
  const unsigned turns = TurnsIn(2 * context.pairs * context.seconds, kTurn);
  const std::vector<Sample> samples = rig.TakeTurns(turns, kTurn, [&] {
    if (is_firmware) {
      raws_as_it_comes.push_back(
          hz / MeasureRawHandshakes(as_it_comes, client, kTurn / 2).cycles_each());
    }
    raws.push_back(hz / MeasureRawHandshakes(server, client, kTurn / 2).cycles_each());
  });
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].handshakes == 0) continue;  // the machines' core was taken away
    rates.push_back(hz * static_cast<double>(samples[i].handshakes) /
                    static_cast<double>(samples[i].busy_cycles));
    shares.push_back(100 * rates.back() / raws[i]);
  }
  const Sample typical = SumOfMiddleHalf(samples);
  row.profile = absl::StrFormat("%d handshakes; ", typical.handshakes) + typical.Profile();
  SSL_CTX_free(client);
  SSL_CTX_free(server);
  SSL_CTX_free(as_it_comes);
  row.measured =
      absl::StrFormat("%s %%, the middle half of %d turns: %.0f a busy second against %.0f",
                      WithQuartiles(shares, 0), turns, Median(rates), Median(raws));
  if (is_firmware) {
    absl::StrAppendFormat(&row.measured, " (%.0f with the full check of the peer's key)",
                          Median(raws_as_it_comes));
  }
  row.profile += Failures(rig.machines().tally());
  row.holds = 4 * shares.size() >= 3 * turns && Median(shares) >= 85;
  row.figures = {{"share_percent", Median(shares)},
                 {"per_busy_second", Median(rates)},
                 {"raw_per_second", Median(raws)}};
  if (is_firmware) row.figures.emplace_back("raw_full_check_per_second", Median(raws_as_it_comes));
  return row;
}

// One of the sizes of row 11.
struct Grown {
  std::size_t open = ~std::size_t{0};  // the fewest of its turns
  std::size_t turns = 0;
  std::vector<double> to_floor;  // cycles a byte of those that count, over the floor's beside them
  double bytes = 0;              // a connection, of the last measurement
};

absl::Status Grow(const RowContext& context, std::uint32_t count, Grown& grown,
                  std::vector<double>& floors) {
  RigOptions options{.machines = Readers(count, storm::Firmware::kLinux, /*tls=*/true),
                     .connections = count + 64};
  options.machines.power_on = std::chrono::seconds(1 + count / 1000);
  auto made = Rig::Create(context, options);
  if (!made.ok()) return made.status();
  Rig& rig = **made;
  const auto held = [&rig] { return HeapOfServer() + rig.server().Statistics().connection_bytes; };
  const std::size_t before = held();
  rig.RunUntil([&] { return rig.machines().tally().handshakes >= count; }, 90);
  rig.Run(2);
  std::vector<double> beside;
  const std::vector<Sample> samples = rig.TakeTurns(
      TurnsIn(2 * context.seconds, kGrowthTurn), kGrowthTurn,
      [&] { beside.push_back(rig.MeasureFloor({.seconds = kGrowthTurn / 2}).cycles_per_byte()); });
  for (std::size_t i = 0; i < samples.size(); ++i) {
    ++grown.turns;
    // The machines' core was taken away, in the server's turn or in the floor's.
    if (samples[i].payload_bytes == 0 || !std::isfinite(beside[i])) continue;
    grown.to_floor.push_back(samples[i].cycles_per_byte() / beside[i]);
    floors.push_back(beside[i]);
  }
  const std::size_t open = rig.server().Statistics().connections;
  const double heap =
      static_cast<double>(held() - before) / static_cast<double>(std::max<std::size_t>(1, open));
  grown.open = std::min(grown.open, open);
  grown.bytes = heap + static_cast<double>(dataplane::Worker::BytesPerConnection());
  return absl::OkStatus();
}

}  // namespace

std::vector<RowResult> RunHandshakes(const RowContext& context) {
  return {MeasureHandshakes(context, storm::Firmware::kLinux),
          MeasureHandshakes(context, storm::Firmware::kUefi)};
}

// The four sizes take turns, and each turn has the floor of its own moment beside it: minutes, and
// tenths of a second, of the machine differ by more than sizes do.
std::vector<RowResult> RunGrowth(const RowContext& context) {
  constexpr std::array kCounts{10U, 100U, 1'000U, 10'000U};
  RowResult row;
  row.work = "HTTPS to 10, 100, 1,000 and 10,000 connections, on ring, in turns";
  row.must = "cycles per byte flat within 30 %; <= 24 KiB a connection";
  std::array<Grown, kCounts.size()> sizes;
  std::vector<double> floors;
  double most = 0;
  for (unsigned i = 0; i < context.pairs; ++i) {
    for (std::size_t k = 0; k < kCounts.size(); ++k) {
      const absl::Status status = Grow(context, kCounts[k], sizes[k], floors);
      if (!status.ok()) return {Failed(std::move(row), status)};
      if (kCounts[k] >= 100) most = std::max(most, sizes[k].bytes);
    }
  }
  const double floor = Median(floors);
  bool all_open = true;
  bool most_count = true;  // three turns of four, as in row 7
  std::array<double, kCounts.size()> medians{};
  for (std::size_t k = 0; k < kCounts.size(); ++k) {
    const Grown& size = sizes[k];
    medians[k] = Median(size.to_floor) * floor;
    all_open = all_open && size.open >= kCounts[k];
    most_count = most_count && 4 * size.to_floor.size() >= 3 * size.turns;
    absl::StrAppendFormat(&row.measured, "%s%d: %s x floor, %.1f KiB", k == 0 ? "" : "; ",
                          size.open, WithQuartiles(size.to_floor), size.bytes / 1024);
    row.figures.emplace_back(absl::StrFormat("cycles_per_byte_at_%d", kCounts[k]), medians[k]);
    row.figures.emplace_back(absl::StrFormat("kib_per_connection_at_%d", kCounts[k]),
                             size.bytes / 1024);
  }
  const double spread = std::ranges::max(medians) / std::ranges::min(medians);
  absl::StrAppendFormat(&row.measured, "; the dearest %.2f x the cheapest; the floor %.3f cycles/B",
                        spread, floor);
  if (!most_count) row.measured += "; a quarter of the turns had nothing to count";
  row.figures.emplace_back("dearest_over_cheapest", spread);
  row.holds = all_open && most_count && spread <= 1.3 && most <= 24 * 1024;
  return {row};
}

}  // namespace slipway::bench
