// SPDX-License-Identifier: Apache-2.0
#include "bench/catalog/rounds.h"

#include <rte_cycles.h>
#include <rte_lcore.h>

#include <algorithm>
#include <utility>

#include "dataplane/clock.h"
#include "protocols/base/check.h"

namespace slipway::bench {

absl::StatusOr<std::unique_ptr<Rounds>> Rounds::Start(unsigned core) {
  std::unique_ptr<Rounds> rounds(new Rounds);
  auto wire = RingWire::Create("rounds", {.frames = 63});
  if (!wire.ok()) return wire.status();
  rounds->wire_ = *std::move(wire);
  auto server = BenchServer::Start(
      *rounds->wire_.first,
      {.name = "rounds", .frames = 1024, .image_bytes = std::size_t{1} << 20, .own_thread = false});
  if (!server.ok()) return server.status();
  rounds->server_ = *std::move(server);
  rounds->thread_ = std::thread([self = rounds.get(), core] { self->Run(core); });
  return rounds;
}

Rounds::~Rounds() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
  if (server_ != nullptr) server_->Stop();
  // The far end holds frames of the server's pool.
  if (wire_.first != nullptr) wire_.first->Shutdown();
  if (wire_.second != nullptr) wire_.second->Shutdown();
}

void Rounds::Run(unsigned core) {
  PinTo(core);
  SLIPWAY_CHECK(rte_thread_register() == 0);
  const dataplane::Clock clock;
  std::uint64_t before = rte_rdtsc();
  while (!stop_.load(std::memory_order_relaxed)) {
    static_cast<void>(server_->RunOnce(clock.Now()));
    const std::uint64_t now = rte_rdtsc();
    // One writer, but for the reader's exchange: a round lost to that is not the longest for long.
    if (now - before > longest_.load(std::memory_order_relaxed)) {
      longest_.store(now - before, std::memory_order_relaxed);
    }
    before = now;
  }
  rte_thread_unregister();
}

double Rounds::TakeLongest() {
  return 1e6 * static_cast<double>(longest_.exchange(0)) / static_cast<double>(rte_get_tsc_hz());
}

}  // namespace slipway::bench
