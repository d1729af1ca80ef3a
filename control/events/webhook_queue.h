// SPDX-License-Identifier: Apache-2.0
//
// WebhookQueue: what waits to be sent to one webhook, in memory and, by the same call, in the
// outbox on disk, so that a process that was killed goes on where it was. One thread puts what
// happens into it, another takes the first, sends it, and says that it was delivered: a message
// goes away only then, so that each is sent at least once.
//
// Bounded: of more than `waiting_max` messages the oldest goes, and so does what waits for longer
// than `give_up`, on both sides of a restart. What has gone so is counted until its receiver was
// told of it. That a run before this one may have missed more is told once nothing of that run
// waits any more. Where the disk fails, messages wait in memory alone, and the log says so once.
// Private to control/events.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "control/events/webhooks.h"
#include "control/store/webhook_outbox.h"

namespace slipway::control {

class WebhookQueue {
 public:
  using Clock = std::chrono::steady_clock;
  // Whether the receiver may have missed something before.
  enum class Since : std::uint8_t { kItWasMade, kARunBefore };

  // The outbox outlives it; null: there is none. Takes up what waits in it.
  WebhookQueue(std::string webhook, WebhookOutbox* outbox, const WebhookPace& pace, Since since);
  ~WebhookQueue();
  WebhookQueue(const WebhookQueue&) = delete;
  WebhookQueue& operator=(const WebhookQueue&) = delete;

  struct Numbered {
    std::uint64_t number = 0;  // of the event; they rise
    WebhookMessage message;
  };
  void Put(std::vector<Numbered> messages);
  // So many were never seen.
  void Miss(std::uint64_t count);

  // The first; nullopt where there was none until then.
  std::optional<Numbered> Await(Clock::time_point until);
  void Delivered(std::uint64_t number);
  void GiveUpOld(Clock::time_point now);

  struct Missed {
    std::uint64_t count = 0;
    bool a_run = false;  // before this one, or the end of it
  };
  // What the receiver is to be told of before it gets the first.
  Missed missed() const;
  void Told(const Missed& missed);

  // The webhook is no more, nor is anything that waits for it, here and on disk.
  void Discard();

  struct Counts {
    std::uint64_t waiting = 0;
    std::uint64_t given_up = 0;
    std::uint64_t overflowed = 0;
  };
  Counts counts() const;

 private:
  struct Waiting {
    OutboxMessage message;
    Clock::time_point give_up_at;
  };
  // The caller of these holds mutex_, or is alone.
  void TakeUp();
  std::uint64_t DropFirst();
  void Keep(std::uint64_t gone, std::size_t added);
  void NoteDisk(const absl::Status& status);

  const std::string webhook_;
  const WebhookPace pace_;
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  WebhookOutbox* outbox_;
  std::deque<Waiting> waiting_;
  std::uint64_t last_taken_up_ = 0;  // the number of the last message of a run before; 0: none
  bool missed_a_run_;
  std::uint64_t missed_ = 0;
  bool disk_fails_ = false;
  bool discarded_ = false;
  Counts counts_;
};

}  // namespace slipway::control
