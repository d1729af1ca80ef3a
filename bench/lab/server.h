// SPDX-License-Identifier: Apache-2.0
//
// BenchServer: one worker of the appliance on a core of its own, with every seam real (snapshot,
// events, leases, statistics), over a port the benchmark gives it: a DPDK device or one end of a
// RingWire. It serves one image of random bytes at /image, as large as the row wants. Without a
// thread of its own it is driven by RunOnce under whatever clock the caller has.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/clock.h"
#include "dataplane/eal_image_memory.h"
#include "dataplane/packet_pool.h"
#include "dataplane/system_entropy.h"
#include "dataplane/undi.h"
#include "dataplane/worker.h"

namespace slipway::bench {

inline constexpr Ipv4Address kServerAddress(10, 50, 0, 1);

struct BenchServerOptions {
  std::string name = "server";  // of its packet pool
  unsigned core = 0;
  std::uint16_t mtu = 1500;
  bool tcp_segmentation = false;  // ask the port for it
  std::uint32_t connections = 256;
  std::uint32_t frames = 8192;
  std::size_t image_bytes = std::size_t{1} << 30;
  bool own_thread = true;
  std::uint64_t seed = 0;  // of the worker's random choices; 0: the system's
  // False: somebody else takes leases() and says when they are on disk.
  bool acknowledge_leases = true;
  // False where the kernel's own threads must run beside the worker, those that write a disk.
  bool real_time = true;
  bool admission = false;  // machines are served in turns
};

// What BenchServer and Team are made of: an appliance at kServerAddress with no limit in its way,
// one certificate of each kind of key, an image of random bytes, and a snapshot that serves it.
dataplane::Options BenchOptions(std::vector<unsigned> cores, std::uint16_t mtu);
const std::vector<tls::Certificate>& BenchCertificates();
MutableBytes NewBenchImage(dataplane::EalImageMemory& images, std::size_t bytes);
std::unique_ptr<dataplane::Snapshot> NewBenchSnapshot(
    Bytes image, const std::vector<tls::Certificate>& certificates);
// The calling thread stays on this core.
void PinTo(unsigned core);

class BenchServer {
 public:
  // `port` is not initialized yet and outlives the server. EAL has been started.
  static absl::StatusOr<std::unique_ptr<BenchServer>> Start(dataplane::Undi& port,
                                                            const BenchServerOptions& options);
  ~BenchServer();
  // One round, at `now`: for callers of a server that has no thread.
  bool RunOnce(Time now) {
    last_round_ = now;
    return worker_->RunOnce(now);
  }
  // Ends the worker; then the far end of the wire can be taken down, which holds our frames.
  void Stop();

  Bytes image() const { return image_; }
  dataplane::LeaseChannel& leases() { return leases_; }
  dataplane::PacketPool& pool() { return *pool_; }
  dataplane::SnapshotPublisher& snapshots() { return snapshots_; }
  dataplane::Captures& captures() { return captures_; }
  // What the control plane would do: says of leases that they are durable (unless another does),
  // and takes events away. To be called often, by whoever runs the machines: a thread for it would
  // need a third core.
  void KeepUp();
  // Runs `work` on the server's core, between two rounds; busy() until it is done.
  void RunOnCore(std::function<void()> work);
  // The next two are for such work: the server's rounds for so long, and something else, for which
  // its time stands still. So TCP measures no round trip across it and misses nobody meanwhile.
  void RunFor(Duration time);
  void Lend(const std::function<void()>& work);
  // One of each kind of key: ECDSA P-256, RSA-2048.
  const std::vector<tls::Certificate>& certificates() const { return BenchCertificates(); }
  bool busy() const { return has_errand_.load(std::memory_order_acquire); }
  // What the worker has counted; a copy it posted at most 100 ms ago.
  dataplane::WorkerStatistics Statistics() const { return board_.Read(0); }
  // The same as it stands now; also for callers where there is no thread.
  const dataplane::WorkerStatistics& StatisticsNow() const { return worker_->statistics(); }

 private:
  BenchServer(dataplane::Undi& port, const BenchServerOptions& options);
  absl::Status Prepare();
  void Run();

  Time Now() const { return clock_.Now() - lent_; }

  dataplane::Undi& port_;
  dataplane::Clock clock_;
  Duration lent_{};
  dataplane::Options options_;
  tcp::Settings tcp_;
  BenchServerOptions chosen_;
  std::unique_ptr<dataplane::EalImageMemory> images_;
  std::unique_ptr<dataplane::PacketPool> pool_;
  MutableBytes image_;
  std::unique_ptr<dataplane::Handover> handover_;
  dataplane::SnapshotPublisher snapshots_{1};
  dataplane::EventQueue events_{1, 4096};
  dataplane::LeaseChannel leases_{4096};
  dataplane::StatisticsBoard board_{1};
  dataplane::Captures captures_{1, 1};
  dataplane::VirtualTimekeeper time_{0};
  std::unique_ptr<Entropy> entropy_;
  std::unique_ptr<dataplane::Worker> worker_;
  std::atomic<bool> stop_{false};
  std::function<void()> errand_;
  std::atomic<bool> has_errand_{false};
  std::thread thread_;
  Time last_round_{};
};

}  // namespace slipway::bench
