// SPDX-License-Identifier: Apache-2.0
//
// Engine: the dataplane as the composition root holds it: EAL, ports, packet and image memory, the
// seams, and one thread per core that runs a Worker.
//
// Create() brings up everything that can fail, so that a bad device or missing hugepages is an
// error before anything is served; Start() begins to serve; Stop() ends it: connections are reset,
// every frame is back in its pool, ports are down. Destruction gives EAL back.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/capture.h"
#include "dataplane/clock.h"
#include "dataplane/eal.h"
#include "dataplane/eal_image_memory.h"
#include "dataplane/event.h"
#include "dataplane/handover.h"
#include "dataplane/options.h"
#include "dataplane/packet_pool.h"
#include "dataplane/snapshot.h"
#include "dataplane/system_entropy.h"
#include "dataplane/undi.h"
#include "dataplane/worker.h"

namespace slipway::dataplane {

class Engine {
 public:
  static absl::StatusOr<std::unique_ptr<Engine>> Create(const Options& options);
  ~Engine();

  // The seams, for the control plane.
  SnapshotPublisher& snapshots() { return *snapshots_; }
  EventQueue& events() { return *events_; }
  LeaseChannel& leases() { return *leases_; }
  StatisticsBoard& statistics() { return *statistics_; }
  ImageMemory& images() { return *images_; }
  Captures& captures() { return *captures_; }

  // A snapshot must have been published. `leases`: what the journal remembers.
  void Start(std::span<const dhcp::Lease> leases);
  void Stop();

 private:
  explicit Engine(const Options& options) : options_(options) {}
  absl::Status CreatePools();
  absl::Status CreatePorts();
  std::vector<Link::End> EndsOf(unsigned index) const;
  std::unique_ptr<Worker> MakeWorker(unsigned index, std::span<const dhcp::Lease> leases);
  void Run(Worker& worker, const SystemTimekeeper& clock) const;

  Options options_;
  std::unique_ptr<EalGuard> eal_;  // first: everything below lives in its memory
  std::unique_ptr<EalImageMemory> images_;
  std::vector<std::unique_ptr<PacketPool>> pools_;  // one per worker
  std::vector<std::unique_ptr<Undi>> ports_;
  // The way out for a worker without a queue of its own on a port.
  struct Detour {
    std::uint16_t port = 0;
    unsigned worker = 0;
    std::unique_ptr<FrameRing> ring;
  };
  std::vector<Detour> detours_;
  std::unique_ptr<Handover> handover_;
  std::unique_ptr<SnapshotPublisher> snapshots_;
  std::unique_ptr<EventQueue> events_;
  std::unique_ptr<LeaseChannel> leases_;
  std::unique_ptr<StatisticsBoard> statistics_;
  std::unique_ptr<Captures> captures_;
  SystemEntropy entropy_;
  tcp::Settings tcp_;
  std::vector<std::unique_ptr<SystemTimekeeper>> clocks_;  // of the workers
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
};

}  // namespace slipway::dataplane
