// SPDX-License-Identifier: Apache-2.0
//
// LeaseJournal: leases on disk before their ACK leaves (RFC 2131 2.1).
//
// Append writes a batch in one transaction and returns when it is on disk (WAL, synchronous=FULL:
// one fsync). JournalWriter is the thread between it and the dataplane's LeaseChannel: it takes
// what has gathered while the last batch was written, so that a boot storm pays one fsync for many
// leases, and acknowledges a sequence number only after its commit. When the disk refuses, it
// tries again and acknowledges nothing: clients wait, no lease is lost.
//
// The file holds the last state of each address, not a history.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/store/sqlite.h"
#include "dataplane/event.h"
#include "protocols/dhcp/lease.h"

namespace slipway::control {

class LeaseJournal {
 public:
  static absl::StatusOr<std::unique_ptr<LeaseJournal>> Open(const std::filesystem::path& file);

  // Every lease on disk, by address.
  absl::StatusOr<std::vector<dhcp::Lease>> Load();
  // All of them on disk, or none.
  absl::Status Append(std::span<const dhcp::LeaseChange> changes);

 private:
  explicit LeaseJournal(std::unique_ptr<Database> database);

  std::unique_ptr<Database> database_;
  Statement upsert_;
};

class JournalWriter {
 public:
  // Told of each batch after it is on disk, on the writer's thread.
  using Observer = std::function<void(std::span<const dhcp::LeaseChange>)>;

  JournalWriter(LeaseJournal& journal, dataplane::LeaseChannel& channel, Observer observer);
  // Writes what is still in the channel, then ends.
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  std::uint64_t batches() const { return batches_.load(std::memory_order_relaxed); }
  std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

 private:
  void Loop();
  // False when the channel was empty.
  bool WriteBatch();

  LeaseJournal& journal_;
  dataplane::LeaseChannel& channel_;
  Observer observer_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> batches_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::thread thread_;
};

}  // namespace slipway::control
