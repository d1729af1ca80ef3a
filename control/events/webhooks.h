// SPDX-License-Identifier: Apache-2.0
//
// Webhooks: what happens, told to others' HTTPS servers. Each webhook has a thread of its own, so
// that a receiver that hangs holds up nobody else.
//
// Messages are sent in order, one at a time, until each is answered with 2xx: again after a second,
// then twice as long each time, but a minute at most. An hour after it happened a message is given
// up. At most kWaitingMax wait; then the oldest goes. A receiver is told of what it has missed by a
// message "gap". What waits is on disk as well (store/webhook_outbox.h): after a restart, or a
// kill, it is sent with the ids that it had, so that a receiver knows what it got already. What
// happened while no process was there to see it is not told: after what waited comes a "gap" that
// says so, without a number.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/events/webhook.h"
#include "control/serve/core.h"

namespace slipway::control {

class WebhookOutbox;
class WebhookSender;

struct WebhookPace {
  static constexpr std::size_t kWaitingMax = 1000;
  std::chrono::milliseconds first{1000};
  std::chrono::milliseconds most{60'000};
  std::chrono::milliseconds give_up{3'600'000};
  // Of one try, all in all: a receiver that drips bytes is as good as none.
  std::chrono::milliseconds try_for{20'000};
  std::size_t waiting_max = kWaitingMax;
};

// One try to deliver.
struct WebhookAttempt {
  std::int64_t at_unix_seconds = 0;
  int status = 0;     // of the answer; 0: there was none
  std::string error;  // then: why

  bool delivered() const { return status >= 200 && status < 300; }
};

struct WebhookCounts {
  std::uint64_t delivered = 0;   // messages
  std::uint64_t given_up = 0;    // messages, after an hour of tries
  std::uint64_t overflowed = 0;  // messages that were not waited for, or were not even seen
  std::uint64_t failures = 0;    // tries
  std::uint64_t waiting = 0;     // messages, now
  std::optional<WebhookAttempt> last{};
};

class Webhooks {
 public:
  // The core outlives it. Sends to those of the store at once.
  explicit Webhooks(Core& core, const WebhookPace& pace = {});
  ~Webhooks();
  // Ends what is under way and lets nothing begin.
  void Stop();

  // Gives it a secret and the time.
  absl::StatusOr<WebhookRecord> Add(WebhookRecord webhook, const Actor& actor);
  absl::Status Remove(const std::string& name, const Actor& actor);
  // One message of the type "test", now and once.
  absl::StatusOr<WebhookAttempt> Test(const std::string& name, const Actor& actor);

  struct State {
    WebhookRecord webhook;
    WebhookCounts counts;
  };
  absl::StatusOr<std::vector<State>> States() const;  // by name

 private:
  void OpenOutbox(const std::vector<WebhookRecord>& webhooks);
  // `is_new`: it was made just now, so that its receiver missed nothing.
  std::shared_ptr<WebhookSender> Sender(const WebhookRecord& webhook, bool is_new);

  Core& core_;
  const WebhookPace pace_;
  std::unique_ptr<WebhookOutbox> outbox_;  // null: it cannot be opened
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<WebhookSender>> senders_;
};

}  // namespace slipway::control
