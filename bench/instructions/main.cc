// SPDX-License-Identifier: Apache-2.0
//
// slipway-instructions: a fixed amount of each kind of work, done by one worker over a wire inside
// the process, under a clock of its own and seeded: the same instructions in each run, on any
// machine. Run by check.py under valgrind's callgrind, which collects only while the worker has
// its round; alone it only says what was done.
//
// For each phase one line of JSON on standard output (what the worker did), and, under callgrind,
// one dump. What clients do is not collected.
#include <valgrind/callgrind.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bench/lab/ring_wire.h"
#include "bench/lab/server.h"
#include "bench/storm/farm.h"
#include "dataplane/eal.h"
#include "protocols/base/check.h"

namespace slipway::bench {
namespace {

constexpr Duration kRound = std::chrono::microseconds(10);
constexpr std::uint64_t kRoundsMax = 2'000'000;

struct Phase {
  std::string_view name;
  storm::Mode mode = storm::Mode::kDownload;
  storm::Firmware firmware = storm::Firmware::kLinux;
  std::uint32_t machines = 16;
  bool tls = true;
  bool somebody_captured = false;  // none of these machines
  std::size_t image_bytes = std::size_t{8} << 20;
  std::uint64_t warm_up = 0;  // units of work before, and then measured
  std::uint64_t work = 0;
};

constexpr std::uint32_t kBulk = 4096;  // segments

// The units of `work`: segments sent, TLS handshakes, DHCP exchanges, SYNs, requests or polls.
constexpr Phase kPhases[] = {
    {.name = "idle", .machines = 1, .warm_up = 64, .work = 4096},  // of machines that are off
    {.name = "https", .warm_up = kBulk, .work = kBulk},
    {.name = "watched", .somebody_captured = true, .warm_up = kBulk, .work = kBulk},
    {.name = "firmware",
     .firmware = storm::Firmware::kUefi,
     .machines = 32,
     .warm_up = 2 * kBulk,  // until all have begun: who is first depends on whose handshake is
     .work = kBulk},
    {.name = "http", .tls = false, .warm_up = kBulk, .work = kBulk},
    {.name = "request",
     .mode = storm::Mode::kRequests,
     .tls = false,
     .image_bytes = 1024,
     .warm_up = 64,
     .work = 512},
    {.name = "handshake13",
     .mode = storm::Mode::kHandshake,
     .machines = 4,
     .warm_up = 4,
     .work = 32},
    {.name = "handshake12",
     .mode = storm::Mode::kHandshake,
     .firmware = storm::Firmware::kUefi,
     .machines = 4,
     .warm_up = 4,
     .work = 12},
    {.name = "dhcp", .mode = storm::Mode::kDhcp, .machines = 64, .warm_up = 64, .work = 512},
    {.name = "syn", .mode = storm::Mode::kSynFlood, .machines = 1, .warm_up = 4096, .work = 4096},
};

storm::FarmOptions MachinesOf(const Phase& phase) {
  storm::FarmOptions options;
  options.workloads = {{.mode = phase.mode, .machines = phase.machines}};
  // A burst a round, so that every SYN is answered: the machine takes no more answers than that.
  if (phase.mode == storm::Mode::kSynFlood) {
    options.workloads[0].frames_per_second =
        dataplane::Worker::kBurst / std::chrono::duration<double>(kRound).count();
  }
  options.personalities = {{phase.firmware, 1}};
  options.url = storm::Url::Parse(phase.tls ? "https://10.50.0.1/image" : "http://10.50.0.1/image");
  options.first_address = Ipv4Address(10, 50, 1, 0);
  options.server = kServerAddress;
  options.verify_every = 0;
  options.offer_wait = Duration{0};
  return options;
}

// One server and its machines, each phase its own: nothing is left of the one before.
class Bench {
 public:
  explicit Bench(const Phase& phase);
  ~Bench();

  // One round of each, and on to the next time.
  void Round() {
    if (!off_) static_cast<void>(farm_->RunOnce(now_));
    CALLGRIND_TOGGLE_COLLECT;
    if (server_->RunOnce(now_)) Waste();
    CALLGRIND_TOGGLE_COLLECT;
    server_->KeepUp();
    now_ += kRound;
  }
  std::uint64_t Done() const;
  const dataplane::WorkerStatistics& statistics() const { return server_->StatisticsNow(); }
  // Turns of a loop of no use in each round with work: a regression for the check to find.
  static inline std::uint64_t waste = 0;

 private:
  static void Waste() {
    for (std::uint64_t i = 0; i < waste; ++i) __asm__ volatile("");
  }

  const Phase& phase_;
  const bool off_;
  std::unique_ptr<dataplane::PacketPool> pool_;
  std::unique_ptr<RingWire> server_port_;
  std::unique_ptr<RingWire> machines_port_;
  std::unique_ptr<BenchServer> server_;
  std::unique_ptr<storm::Farm> farm_;
  Time now_{};
};

template <class T>
T Made(absl::StatusOr<T> made) {
  if (!made.ok()) std::fprintf(stderr, "%s\n", std::string(made.status().message()).c_str());
  SLIPWAY_CHECK(made.ok());
  return *std::move(made);
}

Bench::Bench(const Phase& phase) : phase_(phase), off_(phase.name == "idle") {
  const std::string name(phase.name);
  pool_ = Made(dataplane::PacketPool::Create(
      {.name = "machines-" + name, .packets = 4096, .large = 16, .handles = 16}));
  auto [server_port, machines_port] = Made(RingWire::Create(name, {.frames = 511}));
  server_port_ = std::move(server_port);
  machines_port_ = std::move(machines_port);
  SLIPWAY_CHECK(machines_port_->Initialize({.mtu = 1500, .pools = {pool_.get()}}).ok());
  server_ = Made(BenchServer::Start(*server_port_, {.name = "server-" + name,
                                                    .frames = 4096,
                                                    .image_bytes = phase.image_bytes,
                                                    .own_thread = false,
                                                    .seed = 1}));
  if (phase.somebody_captured) {
    constexpr MacAddress kSomebody{{0x52, 0x54, 0, 0, 0, 0xfe}};
    SLIPWAY_CHECK(server_->captures().Begin({.machine = kSomebody}) != nullptr);
  }
  farm_ = Made(storm::Farm::Create(
      MachinesOf(phase), {.port = machines_port_.get(), .queue = 0, .pool = pool_.get()}));
}

Bench::~Bench() {
  farm_->Stop(now_);
  farm_.reset();
  server_->Stop();
  server_port_->Shutdown();
  machines_port_->Shutdown();
}

std::uint64_t Bench::Done() const {
  if (off_) return statistics().polls;
  const storm::Tally& tally = farm_->tally();
  switch (phase_.mode) {
    case storm::Mode::kHandshake:
      return tally.handshakes;
    case storm::Mode::kDhcp:
      return tally.exchanges;
    case storm::Mode::kSynFlood:
      return statistics().steps[static_cast<std::size_t>(dataplane::Step::kReceive)].out;
    case storm::Mode::kRequests:
      return tally.requests;
    case storm::Mode::kBoot:
    case storm::Mode::kDownload:
    case storm::Mode::kSlowReader:
      return statistics().steps[static_cast<std::size_t>(dataplane::Step::kEmit)].out;
  }
  return 0;
}

struct Mark {
  std::uint64_t work, segments, frames, payload_bytes, idle_polls;
};

Mark MarkOf(const Bench& bench) {
  const dataplane::WorkerStatistics& statistics = bench.statistics();
  return {.work = bench.Done(),
          .segments = statistics.steps[static_cast<std::size_t>(dataplane::Step::kEmit)].out,
          .frames = statistics.steps[static_cast<std::size_t>(dataplane::Step::kReceive)].out,
          .payload_bytes = statistics.payload_bytes,
          .idle_polls = statistics.polls - statistics.busy_polls};
}

// False when the work did not get done.
bool Measure(const Phase& phase) {
  Bench bench(phase);
  std::uint64_t rounds = 0;
  const auto work_to = [&](std::uint64_t units) {
    const std::uint64_t from = bench.Done();
    while (bench.Done() - from < units) {
      if (++rounds > kRoundsMax) return false;
      bench.Round();
    }
    return true;
  };
  if (!work_to(phase.warm_up)) return false;
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  const Mark before = MarkOf(bench);
  const bool done = work_to(phase.work);
  const Mark after = MarkOf(bench);
  const std::string name(phase.name);
  CALLGRIND_DUMP_STATS_AT(name.c_str());
  CALLGRIND_STOP_INSTRUMENTATION;
  std::printf(
      "{\"phase\": \"%s\", \"work\": %lu, \"segments\": %lu, \"frames\": %lu, "
      "\"payload_bytes\": %lu, \"idle_polls\": %lu, \"done\": %s}\n",
      name.c_str(), after.work - before.work, after.segments - before.segments,
      after.frames - before.frames, after.payload_bytes - before.payload_bytes,
      after.idle_polls - before.idle_polls, done ? "true" : "false");
  std::fflush(stdout);
  return done;
}

bool IsPhase(std::string_view name) {
  return std::ranges::any_of(kPhases, [&](const Phase& phase) { return phase.name == name; });
}

int Run(int argc, char** argv) {
  std::vector<std::string_view> only;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--waste" && i + 1 < argc) {
      Bench::waste = std::strtoull(argv[++i], nullptr, 10);
    } else if (IsPhase(argument)) {
      only.push_back(argument);
    } else {
      std::fputs("usage: slipway-instructions [PHASE...] [--waste TURNS]\n", stderr);
      return 2;
    }
  }
  dataplane::EalOptions options{.cores = {0}, .hugepages = false, .memory_mib = 256};
  options.file_prefix = "slipway-instructions";
  const auto eal = Made(dataplane::EalGuard::Start(options));
  bool all_done = true;
  for (const Phase& phase : kPhases) {
    const bool wanted = only.empty() || std::ranges::find(only, phase.name) != only.end();
    if (wanted) all_done = Measure(phase) && all_done;
  }
  return all_done ? 0 : 1;
}

}  // namespace
}  // namespace slipway::bench

int main(int argc, char** argv) { return slipway::bench::Run(argc, argv); }
