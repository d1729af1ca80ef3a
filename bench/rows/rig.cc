// SPDX-License-Identifier: Apache-2.0
#include "bench/rows/rig.h"

#include <pthread.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_format.h"
#include "protocols/base/check.h"

namespace slipway::bench {
namespace {

constexpr std::uint32_t kMachineFrames = 16'384;

void Pin(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  static_cast<void>(pthread_setaffinity_np(pthread_self(), sizeof set, &set));
}

Duration Seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

// Names of rings, sockets and devices must differ between the rigs of a process.
unsigned NextNumber() {
  static unsigned number = 0;
  return number++;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Rig>> Rig::Create(const RowContext& context,
                                                 const RigOptions& options) {
  std::unique_ptr<Rig> rig(new Rig(context));
  Pin(context.machines_core);
  if (absl::Status status = rig->MakeWire(options); !status.ok()) return status;
  auto farm = storm::Farm::Create(
      options.machines, {.port = rig->machines_port_.get(), .queue = 0, .pool = rig->pool_.get()});
  if (!farm.ok()) return farm.status();
  rig->farm_ = *std::move(farm);
  if (options.real_time) rig->priority_.emplace();
  return rig;
}

absl::Status Rig::MakeWire(const RigOptions& options) {
  const std::string number = std::to_string(NextNumber());
  const auto packet_bytes =
      std::max<std::uint16_t>(2048, static_cast<std::uint16_t>(options.mtu + 128));
  auto pool = dataplane::PacketPool::Create({.name = "machines" + number,
                                             .packets = kMachineFrames,
                                             .packet_bytes = packet_bytes,
                                             .large = options.tcp_segmentation ? 1024U : 16U,
                                             .handles = 16});
  if (!pool.ok()) return pool.status();
  pool_ = *std::move(pool);
  if (options.wire == Wire::kRing) {
    auto pair = RingWire::Create("wire" + number, {.frames = options.ring_frames,
                                                   .tcp_segmentation = options.tcp_segmentation});
    if (!pair.ok()) return pair.status();
    server_port_ = std::move(pair->first);
    machines_port_ = std::move(pair->second);
  } else {
    const std::string socket = "/tmp/slipway-bench-" + std::to_string(getpid()) + "-" + number;
    machines_port_ = std::make_unique<dataplane::DpdkPort>(
        "net_vhost" + number + ",iface=" + socket + ",queues=1" +
        (options.tcp_segmentation ? ",tso=1" : ""));
    server_port_ = std::make_unique<dataplane::DpdkPort>(
        "net_virtio_user" + number + ",path=" + socket + ",queues=1,queue_size=1024,mrg_rxbuf=1");
  }
  const dataplane::InitializeRequest request{.mtu = options.mtu,
                                             .pools = {pool_.get()},
                                             .receive_descriptors = 1024,
                                             .transmit_descriptors = 1024};
  if (absl::Status status = machines_port_->Initialize(request); !status.ok()) return status;
  static_cast<void>(machines_port_->ReceiveFilters({.promiscuous = true}));
  auto server = BenchServer::Start(*server_port_, {.name = "server" + number,
                                                   .core = context_.server_core,
                                                   .mtu = options.mtu,
                                                   .tcp_segmentation = options.tcp_segmentation,
                                                   .connections = options.connections,
                                                   .frames = options.frames,
                                                   .image_bytes = options.image_bytes,
                                                   .acknowledge_leases = options.acknowledge_leases,
                                                   .admission = options.admission});
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  return absl::OkStatus();
}

Rig::~Rig() {
  priority_.reset();
  if (farm_ != nullptr) farm_->Stop(clock_.Now());
  farm_.reset();
  if (server_ != nullptr) server_->Stop();
  // Each end may hold frames of the other's pool.
  if (server_port_ != nullptr) server_port_->Shutdown();
  if (machines_port_ != nullptr) machines_port_->Shutdown();
  server_.reset();
  server_port_.reset();
  machines_port_.reset();
}

void Rig::Run(double seconds) {
  RunUntil([] { return false; }, seconds);
}

void Rig::RunUntil(const std::function<bool()>& done, double seconds_max) {
  const Time end = clock_.Now() + Seconds(seconds_max);
  for (Time now = clock_.Now(); now < end && !done(); now = clock_.Now()) {
    for (int i = 0; i < 16; ++i) static_cast<void>(farm_->RunOnce(clock_.Now()));
    server_->KeepUp();
  }
}

Sample Rig::Measure(double seconds) {
  const std::uint64_t busy_before = farm_->tally().busy_cycles;
  const std::uint64_t all_before = farm_->tally().all_cycles;
  const dataplane::WorkerStatistics before = server_->Statistics();
  Run(seconds);
  Sample sample = Between(before, server_->Statistics());
  sample.machines_busy = static_cast<double>(farm_->tally().busy_cycles - busy_before) /
                         static_cast<double>(farm_->tally().all_cycles - all_before);
  return sample;
}

std::vector<Sample> Rig::TakeTurns(unsigned count, double length,
                                   const std::function<void()>& aside) {
  std::vector<Sample> samples;
  server_->RunOnCore([&] {
    for (unsigned i = 0; i < count; ++i) {
      server_->Lend(aside);
      server_->RunFor(Seconds(length / 2));
      const dataplane::WorkerStatistics before = server_->StatisticsNow();
      server_->RunFor(Seconds(length));
      samples.push_back(Between(before, server_->StatisticsNow()));
    }
  });
  // Far longer than they take: only turns that never end are a fault.
  RunUntil([&] { return !server_->busy(); }, 10 * count * length + 60);
  SLIPWAY_CHECK(!server_->busy());
  return samples;
}

Sample Between(const dataplane::WorkerStatistics& before,
               const dataplane::WorkerStatistics& after) {
  constexpr auto kEmit = static_cast<std::size_t>(dataplane::Step::kEmit);
  constexpr auto kReceive = static_cast<std::size_t>(dataplane::Step::kReceive);
  Sample sample{.payload_bytes = after.payload_bytes - before.payload_bytes,
                .segments = after.steps[kEmit].out - before.steps[kEmit].out,
                .busy_cycles = after.busy_cycles - before.busy_cycles,
                .idle_cycles = after.idle_cycles - before.idle_cycles,
                .handshakes = after.handshakes - before.handshakes,
                .borrowed_bytes = after.borrowed_bytes - before.borrowed_bytes,
                .retransmissions = after.retransmissions - before.retransmissions,
                .busy_polls = after.busy_polls - before.busy_polls,
                .frames_received = after.steps[kReceive].out - before.steps[kReceive].out,
                .seal_sample_cycles = after.seal_sample_cycles - before.seal_sample_cycles,
                .seal_sample_bytes = after.seal_sample_bytes - before.seal_sample_bytes};
  for (std::size_t i = 0; i < sample.step_cycles.size(); ++i) {
    sample.step_cycles[i] = after.steps[i].cycles - before.steps[i].cycles;
  }
  return sample;
}

void Sample::Add(const Sample& other) {
  payload_bytes += other.payload_bytes;
  segments += other.segments;
  busy_cycles += other.busy_cycles;
  idle_cycles += other.idle_cycles;
  handshakes += other.handshakes;
  borrowed_bytes += other.borrowed_bytes;
  retransmissions += other.retransmissions;
  busy_polls += other.busy_polls;
  frames_received += other.frames_received;
  for (std::size_t i = 0; i < step_cycles.size(); ++i) step_cycles[i] += other.step_cycles[i];
  seal_sample_cycles += other.seal_sample_cycles;
  seal_sample_bytes += other.seal_sample_bytes;
}

Sample SumOfMiddleHalf(std::vector<Sample> samples) {
  std::erase_if(samples, [](const Sample& sample) { return sample.payload_bytes == 0; });
  std::ranges::sort(samples, {}, &Sample::cycles_per_byte);
  Sample sum;
  const std::size_t quarter = samples.size() / 4;
  for (std::size_t i = quarter; i < samples.size() - quarter; ++i) sum.Add(samples[i]);
  return sum;
}

double Sample::seal_cycles_per_byte() const {
  return static_cast<double>(seal_sample_cycles) /
         static_cast<double>(std::max<std::uint64_t>(1, seal_sample_bytes));
}

std::string Sample::Profile() const {
  std::string text;
  const double count = static_cast<double>(std::max<std::uint64_t>(1, segments));
  for (std::size_t i = 0; i < step_cycles.size(); ++i) {
    if (i == static_cast<std::size_t>(dataplane::Step::kSeal)) continue;
    absl::StrAppendFormat(&text, "%s %.0f, ", std::string(dataplane::kStepNames[i]),
                          static_cast<double>(step_cycles[i]) / count);
  }
  absl::StrAppendFormat(&text,
                        "of which sealing %.0f; %.1f segments and %.1f frames in a busy round",
                        seal_cycles_per_byte() * static_cast<double>(payload_bytes) / count,
                        count / static_cast<double>(busy_polls),
                        static_cast<double>(frames_received) / static_cast<double>(busy_polls));
  return text;
}

std::vector<std::pair<std::string, double>> Sample::StepFigures() const {
  constexpr auto kEmit = static_cast<std::size_t>(dataplane::Step::kEmit);
  constexpr auto kSeal = static_cast<std::size_t>(dataplane::Step::kSeal);
  const double count = static_cast<double>(std::max<std::uint64_t>(1, segments));
  std::array<double, dataplane::kStepNames.size()> cycles{};
  for (std::size_t i = 0; i < cycles.size(); ++i) {
    cycles[i] = static_cast<double>(step_cycles[i]) / count;
  }
  cycles[kSeal] =
      std::min(cycles[kEmit], seal_cycles_per_byte() * static_cast<double>(payload_bytes) / count);
  cycles[kEmit] -= cycles[kSeal];
  std::vector<std::pair<std::string, double>> figures;
  for (std::size_t i = 0; i < cycles.size(); ++i) {
    figures.emplace_back("segment_cycles." + std::string(dataplane::kStepNames[i]), cycles[i]);
  }
  return figures;
}

storm::FarmOptions Readers(std::uint32_t count, storm::Firmware firmware, bool tls) {
  storm::FarmOptions options;
  options.workloads = {{.mode = storm::Mode::kDownload, .machines = count}};
  options.personalities = {{firmware, 1}};
  options.url = storm::Url::Parse(tls ? "https://10.50.0.1/image" : "http://10.50.0.1/image");
  options.first_address = Ipv4Address(10, 50, 1, 0);
  options.server = kServerAddress;
  options.limit = std::chrono::hours(1);
  options.power_on = std::chrono::milliseconds(100);
  options.verify_every = 0;
  return options;
}

RowResult Failed(RowResult row, const absl::Status& status) {
  row.measured = std::string(status.message());
  return row;
}

std::string Failures(const storm::Tally& tally) {
  std::string text;
  for (std::size_t i = 0; i < storm::kFailures; ++i) {
    if (tally.failures[i] == 0) continue;
    absl::StrAppendFormat(&text, "; %d: %s", tally.failures[i],
                          std::string(Describe(static_cast<storm::Failure>(i)).sentence));
  }
  return text;
}

std::string Drops(const DropCounters& before, const DropCounters& after, std::uint64_t least) {
  std::string text;
  for (std::size_t i = 1; i < kDropCount; ++i) {
    const auto drop = static_cast<Drop>(i);
    const std::uint64_t count = after[drop] - before[drop];
    if (count < least) continue;
    absl::StrAppendFormat(&text, "; server dropped %d: %s", count,
                          std::string(Describe(drop).sentence));
  }
  return text;
}

}  // namespace slipway::bench
