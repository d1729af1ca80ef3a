// SPDX-License-Identifier: Apache-2.0
#include "bench/rows/fast_wire.h"

#include <rte_cycles.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "absl/strings/str_format.h"
#include "bench/rows/rig.h"
#include "control/state/lease_book.h"
#include "control/store/journal_writer.h"
#include "control/store/lease_journal.h"

namespace slipway::bench {
namespace {

// What was counted over some time, by whichever clock.
struct Rates {
  std::vector<double> per_second;
  std::vector<double> per_busy_second;
  double server_busy = 0;  // shares, the last
  double machines_busy = 0;
  std::string profile;
};

// `count` grows with each piece of work done. Work is counted by the machines and busy time by the
// server, which posts it every 100 ms: so the share of busy time is what is taken from it.
Rates MeasureRates(const RowContext& context, Rig& rig,
                   const std::function<std::uint64_t()>& count) {
  Rates rates;
  for (unsigned i = 0; i < context.pairs; ++i) {
    const std::uint64_t before = count();
    const Time start = rig.clock().Now();
    const Sample sample = rig.Measure(context.seconds);
    const double seconds = std::chrono::duration<double>(rig.clock().Now() - start).count();
    rates.per_second.push_back(static_cast<double>(count() - before) / seconds);
    rates.per_busy_second.push_back(rates.per_second.back() / sample.busy_share());
    rates.server_busy = sample.busy_share();
    rates.machines_busy = sample.machines_busy;
    rates.profile = sample.Profile();
  }
  return rates;
}

double ThreadCpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The product's journal on a new file, with the book the control plane keeps.
class Journal {
 public:
  static absl::StatusOr<std::unique_ptr<Journal>> Start(dataplane::LeaseChannel& channel) {
    const char* const folder = std::getenv("SLIPWAY_BENCH_STATE");
    std::filesystem::path file = folder != nullptr ? folder : ".";
    file /= absl::StrFormat("slipway-bench-%d.db", getpid());
    auto opened = control::LeaseJournal::Open(file);
    if (!opened.ok()) return opened.status();
    auto journal = std::make_unique<Journal>();
    journal->file_ = file;
    journal->journal_ = *std::move(opened);
    Journal& self = *journal;
    self.writer_ = std::make_unique<control::JournalWriter>(
        *self.journal_, channel,
        [&self](std::span<const dhcp::LeaseChange> changes) {
          self.book_.Take(changes);
          self.leases_.fetch_add(changes.size(), std::memory_order_relaxed);
          self.cpu_.store(ThreadCpuSeconds(), std::memory_order_relaxed);
        },
        self.health_);
    return journal;
  }
  Journal() = default;
  ~Journal() {
    writer_.reset();
    journal_.reset();
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::error_code ignored;
      std::filesystem::remove(file_.string() + suffix, ignored);
    }
  }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Of the writer's thread, up to its last batch.
  double cpu_seconds() const { return cpu_.load(std::memory_order_relaxed); }
  std::uint64_t leases() const { return leases_.load(std::memory_order_relaxed); }
  std::uint64_t batches() const { return writer_->batches(); }

 private:
  std::filesystem::path file_;
  control::LeaseBook book_;
  control::JournalHealth health_;
  std::unique_ptr<control::LeaseJournal> journal_;
  std::unique_ptr<control::JournalWriter> writer_;
  std::atomic<std::uint64_t> leases_{0};
  std::atomic<double> cpu_{0};
};

RigOptions LeaseRig(bool durable) {
  constexpr std::uint32_t kMachines = 4'000;  // each with one exchange under way
  RigOptions options{.wire = Wire::kVirtioUser,
                     .machines = Readers(kMachines, storm::Firmware::kUefi, /*tls=*/true),
                     .image_bytes = std::size_t{64} << 20,
                     .acknowledge_leases = !durable,
                     .real_time = false};
  options.machines.workloads = {{.mode = storm::Mode::kDhcp, .machines = kMachines}};
  return options;
}

RowResult MeasureLeases(const RowContext& context, bool durable) {
  constexpr double kMust = 100'000;
  RowResult row;
  row.work = absl::StrFormat("DHCP, 4,000 machines over and over, %s, on virtio_user",
                             durable ? "every lease on disk before its ACK" : "leases in memory");
  row.must = durable ? ">= 100,000 a second, and a CPU-second of worker and writer together"
                     : "no target: what the disk costs is the difference";
  auto made = Rig::Create(context, LeaseRig(durable));
  if (!made.ok()) return Failed(std::move(row), made.status());
  Rig& rig = **made;
  std::unique_ptr<Journal> journal;
  if (durable) {
    auto started = Journal::Start(rig.server().leases());
    if (!started.ok()) return Failed(std::move(row), started.status());
    journal = *std::move(started);
  }
  rig.Run(2);
  const double cpu_before = journal ? journal->cpu_seconds() : 0;
  const std::uint64_t leases_before = journal ? journal->leases() : 0;
  const std::uint64_t batches_before = journal ? journal->batches() : 0;
  const Time start = rig.clock().Now();
  const Rates rates = MeasureRates(context, rig, [&] { return rig.machines().tally().exchanges; });
  const double seconds = std::chrono::duration<double>(rig.clock().Now() - start).count();
  const double writer = journal ? (journal->cpu_seconds() - cpu_before) / seconds : 0;
  const double rate = Median(rates.per_second);
  const double per_cpu = rate / (rate / Median(rates.per_busy_second) + writer);
  row.measured = absl::StrFormat(
      "%s exchanges a second; %.0f a CPU-second (worker %.0f %% busy, writer %.0f %% of a core); "
      "machines' core %.0f %% busy; %d failed",
      WithSpread(rates.per_second, 0), per_cpu, 100 * rates.server_busy, 100 * writer,
      100 * rates.machines_busy, rig.machines().tally().failed);
  if (journal) {
    const double batches = static_cast<double>(journal->batches() - batches_before);
    absl::StrAppendFormat(&row.measured, "; %.0f leases a commit, %.0f commits a second",
                          static_cast<double>(journal->leases() - leases_before) / batches,
                          batches / seconds);
  }
  row.profile = rates.profile;
  row.holds = !durable || (rate >= kMust && per_cpu >= kMust);
  row.figures = {{"exchanges_per_second", rate},
                 {"exchanges_per_cpu_second", per_cpu},
                 {"worker_busy_share", rates.server_busy},
                 {"writer_share", writer},
                 {"machines_busy_share", rates.machines_busy}};
  rig.server().Stop();  // before the writer, which takes what is left in the channel
  return row;
}

RowResult MeasureRequests(const RowContext& context, bool tls) {
  constexpr std::uint32_t kMachines = 256;
  RowResult row;
  row.work = absl::StrFormat("GETs of 1 KiB over %d kept connections, %s, on virtio_user",
                             kMachines, tls ? "HTTPS" : "HTTP");
  row.must = "one side of row 6";
  row.holds = true;
  RigOptions options{.wire = Wire::kVirtioUser,
                     .machines = Readers(kMachines, storm::Firmware::kLinux, tls),
                     .connections = kMachines + 16,
                     .image_bytes = 1024};
  options.machines.workloads = {{.mode = storm::Mode::kRequests, .machines = kMachines}};
  auto made = Rig::Create(context, options);
  if (!made.ok()) return Failed(std::move(row), made.status());
  Rig& rig = **made;
  const storm::Tally& tally = rig.machines().tally();
  rig.RunUntil([&] { return tally.requests >= 100'000; }, 10);
  const Rates rates = MeasureRates(context, rig, [&] { return tally.requests; });
  row.measured = absl::StrFormat(
      "%s requests a busy second; %.0f a second; server %.0f %% busy, machines' core %.0f %% busy",
      WithSpread(rates.per_busy_second, 0), Median(rates.per_second), 100 * rates.server_busy,
      100 * rates.machines_busy);
  row.profile = rates.profile;
  row.figures = {{"requests_per_busy_second", Median(rates.per_busy_second)},
                 {"requests_per_second", Median(rates.per_second)},
                 {"machines_busy_share", rates.machines_busy}};
  return row;
}

}  // namespace

std::vector<RowResult> RunBulkSide(const RowContext& context) {
  RowResult row;
  row.work = "HTTPS, TLS 1.3 AES-128-GCM, 1,500-byte frames, 64 connections, on virtio_user";
  row.must = "one side of row 5";
  row.holds = true;
  RigOptions options{.wire = Wire::kVirtioUser,
                     .machines = Readers(64, storm::Firmware::kLinux, /*tls=*/true),
                     .connections = 80};
  auto made = Rig::Create(context, options);
  if (!made.ok()) return {Failed(std::move(row), made.status())};
  Rig& rig = **made;
  rig.RunUntil([&] { return rig.machines().tally().handshakes >= 64; }, 60);
  rig.Run(1);
  std::vector<double> rates;
  Sample sample;
  for (unsigned i = 0; i < context.pairs; ++i) {
    sample = rig.Measure(context.seconds);
    if (sample.payload_bytes == 0) return {Failed(std::move(row), absl::InternalError("no bytes"))};
    rates.push_back(static_cast<double>(rte_get_tsc_hz()) / sample.cycles_per_byte() * 1e-9);
  }
  row.measured =
      absl::StrFormat("%s GB a busy second; server %.0f %% busy, machines' core %.0f %%",
                      WithSpread(rates), 100 * sample.busy_share(), 100 * sample.machines_busy);
  row.profile = sample.Profile();
  row.figures = {{"bytes_per_busy_second", 1e9 * Median(rates)},
                 {"server_busy_share", sample.busy_share()},
                 {"machines_busy_share", sample.machines_busy}};
  return {row};
}

std::vector<RowResult> RunRequestSide(const RowContext& context) {
  return {MeasureRequests(context, /*tls=*/false), MeasureRequests(context, /*tls=*/true)};
}

std::vector<RowResult> RunLeaseSide(const RowContext& context) {
  return {MeasureLeases(context, /*durable=*/true), MeasureLeases(context, /*durable=*/false)};
}

}  // namespace slipway::bench
