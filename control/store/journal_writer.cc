// SPDX-License-Identifier: Apache-2.0
#include "control/store/journal_writer.h"

#include <chrono>
#include <utility>

#include "control/log.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// All that the channel holds: the more leases share an fsync, the less each waits.
constexpr std::size_t kBatchMax = 4096;
// How long an empty channel is left alone; below what a client could notice.
constexpr auto kIdle = std::chrono::microseconds(500);
constexpr auto kRetry = std::chrono::milliseconds(100);

}  // namespace

JournalWriter::JournalWriter(LeaseJournal& journal, dataplane::LeaseChannel& channel,
                             Observer observer, JournalHealth& health)
    : journal_(journal),
      channel_(channel),
      observer_(std::move(observer)),
      health_(health),
      entries_(kBatchMax),
      thread_([this] { Loop(); }) {}

JournalWriter::~JournalWriter() {
  stopping_.store(true);
  thread_.join();
}

void JournalWriter::Loop() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (!WriteBatch()) std::this_thread::sleep_for(kIdle);
  }
  while (WriteBatch()) {
  }
}

bool JournalWriter::WriteBatch() {
  const std::size_t count = channel_.Take(entries_);
  if (count == 0) return false;
  std::vector<dhcp::LeaseChange>& changes = changes_;
  changes.clear();
  for (std::size_t i = 0; i < count; ++i) changes.push_back(entries_[i].change);
  for (absl::Status status = journal_.Append(changes); !status.ok();
       status = journal_.Append(changes)) {
    if (health_.Fail()) {
      LogError(Text("leases cannot be written: ", status.ToString(),
                    "; no address is given until they can: make room on the state directory's "
                    "disk"));
    }
    // Ended by force: the unacknowledged are unanswered, so nobody holds what is lost.
    if (stopping_.load()) return false;
    std::this_thread::sleep_for(kRetry);
  }
  if (health_.Succeed()) LogInfo("leases are written again");
  batches_.fetch_add(1, std::memory_order_relaxed);
  channel_.Acknowledge(entries_[count - 1].sequence);
  observer_(changes);
  return true;
}

}  // namespace slipway::control
