// SPDX-License-Identifier: Apache-2.0
//
// Rounds: a real worker that polls without end on a thread of its own, and how long its rounds
// take: what a publication does to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/lab/ring_wire.h"
#include "bench/lab/server.h"

namespace slipway::bench {

class Rounds {
 public:
  // EAL has been started.
  static absl::StatusOr<std::unique_ptr<Rounds>> Start(unsigned core);
  ~Rounds();

  dataplane::SnapshotPublisher& snapshots() { return server_->snapshots(); }
  // The longest round since the last call, microseconds.
  double TakeLongest();

 private:
  Rounds() = default;
  void Run(unsigned core);

  RingWire::Pair wire_;
  std::unique_ptr<BenchServer> server_;
  std::atomic<std::uint64_t> longest_{0};  // cycles
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace slipway::bench
