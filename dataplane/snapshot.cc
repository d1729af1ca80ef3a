// SPDX-License-Identifier: Apache-2.0
#include "dataplane/snapshot.h"

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include <algorithm>
#include <utility>

#include "protocols/base/check.h"

namespace slipway::dataplane {

struct SnapshotPublisher::Readers {
  explicit Readers(unsigned workers) {
    const std::size_t size = rte_rcu_qsbr_get_memsize(workers);
    variable =
        static_cast<rte_rcu_qsbr*>(rte_zmalloc("snapshot readers", size, RTE_CACHE_LINE_SIZE));
    SLIPWAY_CHECK(variable != nullptr);
    SLIPWAY_CHECK(rte_rcu_qsbr_init(variable, workers) == 0);
  }
  ~Readers() { rte_free(variable); }
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  rte_rcu_qsbr* variable = nullptr;
};

SnapshotPublisher::SnapshotPublisher(unsigned workers)
    : readers_(std::make_unique<Readers>(workers)) {}

SnapshotPublisher::~SnapshotPublisher() = default;

void SnapshotPublisher::Publish(std::unique_ptr<Snapshot> next) {
  next->generation = ++generation_;
  current_.store(next.get(), std::memory_order_release);
  std::unique_ptr<const Snapshot> replaced = std::exchange(owned_, std::move(next));
  if (replaced == nullptr) return;
  retired_.push_back({std::move(replaced), rte_rcu_qsbr_start(readers_->variable)});
}

std::size_t SnapshotPublisher::Collect() {
  std::erase_if(retired_, [this](const Retired& old) {
    // A pin is only ever added through Current(), so none can appear after the grace period.
    return rte_rcu_qsbr_check(readers_->variable, old.token, /*wait=*/false) == 1 &&
           old.snapshot->pins.load(std::memory_order_acquire) == 0;
  });
  return retired_.size();
}

void SnapshotPublisher::Online(unsigned worker) {
  SLIPWAY_CHECK(rte_rcu_qsbr_thread_register(readers_->variable, worker) == 0);
  rte_rcu_qsbr_thread_online(readers_->variable, worker);
}

void SnapshotPublisher::Quiescent(unsigned worker) {
  rte_rcu_qsbr_quiescent(readers_->variable, worker);
}

void SnapshotPublisher::Offline(unsigned worker) {
  rte_rcu_qsbr_thread_offline(readers_->variable, worker);
  rte_rcu_qsbr_thread_unregister(readers_->variable, worker);
}

}  // namespace slipway::dataplane
