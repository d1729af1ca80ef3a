// SPDX-License-Identifier: Apache-2.0
//
// Team: one appliance of one or two workers whose machines need no core of their own. Each worker
// has a thread on a core, and on that thread, in turns with it, run the machines it serves: a round
// of the worker, a round of the machines. Cycles are the worker's own rounds; what the machines
// take is not counted, so two workers need two cores and nothing else.
//
// Everything a worker shares in production is shared here as well: snapshots, the ring between
// workers, events, statistics, image memory, TLS context, a port with a queue for each (RSS is the
// wire's: a machine's frames arrive at its own worker's queue).
//
// Left out: DHCP (machines have fixed addresses), and ARP's way through worker 0 (the wire answers
// for the server, as a switch with ARP suppression does).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bench/lab/ring_wire.h"
#include "bench/lab/server.h"
#include "bench/storm/farm.h"
#include "dataplane/worker.h"

namespace slipway::bench {

struct TeamOptions {
  std::string name = "team";    // of its pools and rings, at most 8 characters
  std::vector<unsigned> cores;  // a worker for each
  std::size_t image_bytes = std::size_t{256} << 20;
  storm::FarmOptions machines;  // of each worker
  // For tests that look closely: one member at a time, and each worker's round through `round`.
  std::mutex* turns = nullptr;
  std::function<void(unsigned index, dataplane::Worker& worker, Time now)> round;
};

class Team {
 public:
  static absl::StatusOr<std::unique_ptr<Team>> Start(const TeamOptions& options);
  ~Team();

  // Between Run and Rest the team's threads spin at real-time priority; else they sleep.
  void Run() { running_.store(true, std::memory_order_release); }
  void Rest();
  // Takes events away, as the control plane does. To be called now and then.
  void KeepUp();
  // What worker i has counted until it last rested.
  const dataplane::WorkerStatistics& Statistics(unsigned worker) const {
    return members_[worker]->counted;
  }
  std::size_t workers() const { return members_.size(); }
  const storm::Tally& tally(unsigned worker) const { return members_[worker]->farm->tally(); }

 private:
  // A port with a queue for each worker, each the end of a wire of its own.
  class Port;
  // The machines' end of a wire; answers ARP requests for the server itself.
  class FarEnd;
  struct Member {
    unsigned index = 0;
    unsigned core = 0;
    std::unique_ptr<dataplane::PacketPool> pool;
    std::unique_ptr<dataplane::PacketPool> machines_pool;
    std::unique_ptr<RingWire> near;
    std::unique_ptr<FarEnd> far;
    std::unique_ptr<dataplane::Worker> worker;
    std::unique_ptr<storm::Farm> farm;
    dataplane::WorkerStatistics counted;
    std::atomic<bool> resting{true};
    std::thread thread;
  };

  explicit Team(const TeamOptions& options);
  absl::Status Prepare();
  absl::Status MakeMember(unsigned index);
  void MakeWorker(Member& member);
  void Spin(Member& member);
  void TakeTurn(Member& member, Time now);

  TeamOptions chosen_;
  dataplane::Options options_;
  tcp::Settings tcp_;
  std::unique_ptr<dataplane::EalImageMemory> images_;
  MutableBytes image_;
  std::unique_ptr<dataplane::Handover> handover_;
  dataplane::SnapshotPublisher snapshots_;
  dataplane::EventQueue events_;
  dataplane::LeaseChannel leases_{64};
  dataplane::StatisticsBoard board_;
  dataplane::Captures captures_;
  dataplane::VirtualTimekeeper time_{0};
  dataplane::SystemEntropy entropy_;
  std::unique_ptr<Port> port_;
  std::vector<std::unique_ptr<Member>> members_;
  std::atomic<bool> running_{false};
  std::atomic<bool> stop_{false};
};

}  // namespace slipway::bench
