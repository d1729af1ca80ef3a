// SPDX-License-Identifier: Apache-2.0
#include "dataplane/engine.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <latch>
#include <string>

#include "dataplane/event_bounds.h"
#include "dataplane/huge_pages.h"
#include "dataplane/make_port.h"
#include "dataplane/port_name.h"
#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

constexpr unsigned kLeasesInFlight = 4096;
constexpr std::size_t kMebibyte = std::size_t{1} << 20;

PacketPoolOptions PoolOptions(const Options& options, unsigned worker) {
  constexpr std::uint16_t kLinkBytes = 18;  // Ethernet and a VLAN tag
  std::uint16_t bytes = 2048;
  for (const PortOptions& port : options.ports) {
    const auto name = ParsePortName(port.device, {.mtu = port.mtu});
    bytes = std::max({bytes, static_cast<std::uint16_t>(port.mtu + kLinkBytes),
                      name.ok() ? name->packet_bytes : std::uint16_t{0}});
  }
  return {.name = "packets" + std::to_string(worker),
          .packets = options.limits.frames,
          .packet_bytes = bytes,
          .handles = options.limits.frames,
          .shard = worker};
}

void Pin(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  // A core that is not ours to have costs speed, not correctness.
  static_cast<void>(pthread_setaffinity_np(pthread_self(), sizeof(set), &set));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(const Options& options) {
  auto engine = std::unique_ptr<Engine>(new Engine(options));
  const unsigned workers = static_cast<unsigned>(options.cores.size());

  EalOptions eal{.cores = options.cores, .hugepages = options.hugepages};
  eal.memory_mib = options.memory_mib + options.image_bytes / kMebibyte;
  for (unsigned i = 0; i < workers; ++i) {
    eal.memory_mib += PacketPool::MemoryNeeded(PoolOptions(options, i)) / kMebibyte + 1;
  }
  for (const PortOptions& port : options.ports) {
    const auto name = ParsePortName(port.device, {.queues = workers, .mtu = port.mtu});
    if (!name.ok()) return name.status();
    if (name->is_pci()) eal.pci.push_back(name->device);
  }
  auto started = EalGuard::Start(eal);
  if (!started.ok()) return started.status();
  engine->eal_ = *std::move(started);

  auto images =
      EalImageMemory::Create(options.image_bytes, static_cast<unsigned>(options.cores.size()));
  if (!images.ok()) return images.status();
  engine->images_ = *std::move(images);
  if (auto status = engine->CreatePools(); !status.ok()) return status;
  if (auto status = engine->CreatePorts(); !status.ok()) return status;
  auto handover = Handover::Create(workers);
  if (!handover.ok()) return handover.status();
  engine->handover_ = *std::move(handover);
  engine->snapshots_ = std::make_unique<SnapshotPublisher>(workers);
  engine->events_ = std::make_unique<EventQueue>(workers, kEventsPerWorker);
  engine->leases_ = std::make_unique<LeaseChannel>(kLeasesInFlight);
  engine->statistics_ = std::make_unique<StatisticsBoard>(workers);
  engine->captures_ =
      std::make_unique<Captures>(workers, static_cast<unsigned>(options.ports.size()));
  return engine;
}

Engine::~Engine() { Stop(); }

absl::Status Engine::CreatePools() {
  for (unsigned i = 0; i < options_.cores.size(); ++i) {
    PacketPoolOptions pool = PoolOptions(options_, i);
    pool.images = images_.get();
    auto created = PacketPool::Create(pool);
    if (!created.ok()) return created.status();
    pools_.push_back(*std::move(created));
  }
  return absl::OkStatus();
}

absl::Status Engine::CreatePorts() {
  for (const PortOptions& options : options_.ports) {
    std::unique_ptr<Undi> port = MakePort(options.device);
    InitializeRequest request{.mtu = options.mtu,
                              .queues = static_cast<std::uint16_t>(pools_.size())};
    for (const auto& pool : pools_) request.pools.push_back(pool.get());
    if (auto status = port->Initialize(request); !status.ok()) return status;
    const std::uint16_t queues = port->Capabilities().queues;
    const auto index = static_cast<std::uint16_t>(ports_.size());
    ports_.push_back(std::move(port));
    for (unsigned worker = queues; worker < pools_.size(); ++worker) {
      constexpr unsigned kFrames = 1024;
      auto ring = FrameRing::Create("detour" + std::to_string(index) + '.' + std::to_string(worker),
                                    kFrames);
      if (!ring.ok()) return ring.status();
      detours_.push_back({index, worker, *std::move(ring)});
    }
  }
  return absl::OkStatus();
}

void Engine::Start(std::span<const dhcp::Lease> leases) {
  const ClockReading zero = ReadClocks();
  // The largest of all ports; a worker limits what comes by a smaller one.
  std::uint16_t mtu = options_.ports.front().mtu;
  for (const PortOptions& port : options_.ports) mtu = std::max(mtu, port.mtu);
  constexpr std::uint16_t kTcpIpHeaders = 40;
  tcp_.mss = static_cast<std::uint16_t>(mtu - kTcpIpHeaders);
  tcp_.connections_max = options_.limits.connections;
  const std::size_t count = options_.cores.size();
  workers_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    clocks_.push_back(std::make_unique<SystemTimekeeper>(zero));
  }
  // Each worker is made by its own thread: its memory is near its core, and no line of it lies
  // beside another worker's. All of them are there before the first runs.
  const auto made = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(count));
  for (unsigned i = 0; i < count; ++i) {
    threads_.emplace_back([this, i, leases, made] {
      SLIPWAY_CHECK(rte_thread_register() == 0);
      Pin(options_.cores[i]);
      workers_[i] = MakeWorker(i, leases);
      made->arrive_and_wait();
      Run(*workers_[i], *clocks_[i]);
      rte_thread_unregister();
    });
  }
  made->wait();
}

std::unique_ptr<Worker> Engine::MakeWorker(unsigned index, std::span<const dhcp::Lease> leases) {
  const WorkerSetup setup{.index = index,
                          .options = options_,
                          .tcp = tcp_,
                          .pool = *pools_[index],
                          .ends = EndsOf(index),
                          .leases = leases,
                          .pages = &HugePages::Get()};
  return std::make_unique<Worker>(
      setup, WorkerSeams{*snapshots_, *events_, *leases_, *statistics_, entropy_, *handover_,
                         *captures_, *clocks_[index]});
}

// Worker `index`'s ends of all ports.
std::vector<Link::End> Engine::EndsOf(unsigned index) const {
  std::vector<Link::End> ends;
  for (std::size_t p = 0; p < ports_.size(); ++p) {
    Link::End end{.port = ports_[p].get(),
                  .queue = static_cast<std::uint16_t>(index),
                  .index = static_cast<std::uint16_t>(p),
                  .through = nullptr,
                  .for_others = {},
                  .spread = ports_[p]->Capabilities().hardware.rss &&
                            ports_[p]->Capabilities().queues >= options_.cores.size()};
    for (const Detour& detour : detours_) {
      if (detour.port != p) continue;
      if (detour.worker == index) end.through = detour.ring.get();
      if (index == 0) end.for_others.push_back(detour.ring.get());
    }
    ends.push_back(std::move(end));
  }
  return ends;
}

void Engine::Run(Worker& worker, const SystemTimekeeper& clock) const {
  while (!stop_.load(std::memory_order_relaxed)) {
    const bool worked = worker.RunOnce(clock.Now());
    if (!worked && options_.idle_sleep > Duration{})
      std::this_thread::sleep_for(options_.idle_sleep);
  }
  worker.Stop(clock.Now());
}

void Engine::Stop() {
  stop_.store(true);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  workers_.clear();
  clocks_.clear();
  for (auto& port : ports_) port->Shutdown();
}

}  // namespace slipway::dataplane
