// SPDX-License-Identifier: Apache-2.0
//
// JournalWriter: the thread between the dataplane's LeaseChannel and the LeaseJournal. It takes
// what has gathered while the last batch was written, so that a boot storm pays one fsync for many
// leases, and acknowledges a sequence number only after its commit. When the disk refuses, it
// tries again and acknowledges nothing: clients wait, no lease is lost. That, and its end, is told
// in the log, and to whoever asks the journal's health.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "control/store/journal_health.h"
#include "control/store/lease_journal.h"
#include "dataplane/event.h"

namespace slipway::control {

class JournalWriter {
 public:
  // Told of each batch after it is on disk, on the writer's thread.
  using Observer = std::function<void(std::span<const dhcp::LeaseChange>)>;

  JournalWriter(LeaseJournal& journal, dataplane::LeaseChannel& channel, Observer observer,
                JournalHealth& health);
  // Writes what is still in the channel, then ends.
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  std::uint64_t batches() const { return batches_.load(std::memory_order_relaxed); }

 private:
  void Loop();
  // False when the channel was empty.
  bool WriteBatch();

  LeaseJournal& journal_;
  dataplane::LeaseChannel& channel_;
  Observer observer_;
  JournalHealth& health_;
  std::vector<dataplane::LeaseChannel::Entry> entries_;  // of a batch
  std::vector<dhcp::LeaseChange> changes_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> batches_{0};
  std::thread thread_;
};

}  // namespace slipway::control
