// SPDX-License-Identifier: Apache-2.0
//
// The seam from the control plane to the dataplane: what is served, as one immutable value.
//
// The control plane builds a Snapshot, publishes it, and goes on owning it; workers read it. It is
// freed by the control plane, in Collect(), once every worker has passed a quiescent point since it
// was replaced (rte_rcu_qsbr) and no connection that began with it is left: a machine never gets
// half of one version and half of another. This header names no DPDK type, so that the control
// plane can include it.
//
// Left out: ports, cores and the addresses of the appliance. They are fixed while it runs (Options
// in dataplane/options.h); everything here may change at any time without a packet lost.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/image_memory.h"
#include "protocols/dhcp/policy.h"
#include "protocols/dns/zone.h"
#include "protocols/http/catalog.h"
#include "tls/context.h"

namespace slipway::dataplane {

struct Snapshot {
  std::uint64_t generation = 0;              // rises with every publication
  std::unique_ptr<const dhcp::Policy> dhcp;  // null: no DHCP is served
  dns::Zone dns;
  http::TableCatalog images;
  std::shared_ptr<const tls::Context> tls;  // null: port 443 is closed
  bool plain_http = true;                   // port 80 is open

  // What `images` points into; released with the snapshot.
  std::vector<std::shared_ptr<const void>> keeps;

  // Connections that began with this snapshot and are still open. Workers count; Collect() reads.
  mutable std::atomic<std::uint32_t> pins{0};
};

class SnapshotPublisher {
 public:
  // `workers`: how many will read, 1 to 128.
  explicit SnapshotPublisher(unsigned workers);
  ~SnapshotPublisher();
  SnapshotPublisher(const SnapshotPublisher&) = delete;
  SnapshotPublisher& operator=(const SnapshotPublisher&) = delete;

  // Control plane, one thread at a time. Publish numbers the snapshot and makes it current.
  void Publish(std::unique_ptr<Snapshot> next);
  // Frees what nobody reads any more; returns how many replaced snapshots still live.
  std::size_t Collect();

  // Workers. Current() is never null after the first Publish; the pointer is good until the
  // worker's next Quiescent(), and as long as the caller holds a pin.
  const Snapshot* Current() const { return current_.load(std::memory_order_acquire); }
  void Online(unsigned worker);
  void Quiescent(unsigned worker);
  void Offline(unsigned worker);

 private:
  struct Readers;  // the rte_rcu_qsbr variable

  std::atomic<const Snapshot*> current_{nullptr};
  std::unique_ptr<Readers> readers_;
  struct Retired {
    std::unique_ptr<const Snapshot> snapshot;
    std::uint64_t token;
  };
  std::unique_ptr<const Snapshot> owned_;
  std::vector<Retired> retired_;
  std::uint64_t generation_ = 0;
};

}  // namespace slipway::dataplane
