// SPDX-License-Identifier: Apache-2.0
//
// WebhookSender: one webhook and its threads, from its construction to its end: one puts what
// happens into the queue at once, so that it is on disk while the other waits for the receiver.
// Private to control/events.
#pragma once

#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "control/events/webhook_queue.h"
#include "control/events/webhooks.h"
#include "control/registry/remote_name.h"

namespace httplib {
class SSLClient;
}

namespace slipway::control {

class WebhookSender {
 public:
  using Since = WebhookQueue::Since;
  // Beside what waits in the outbox (null: there is none) it tells what happens from now on. Both
  // outlive it.
  struct Sources {
    const EventFeed& feed;
    WebhookOutbox* outbox;
  };
  WebhookSender(WebhookRecord webhook, const Sources& sources, const WebhookPace& pace,
                Since since);
  ~WebhookSender();

  // Lets nothing begin; from any thread.
  void Refuse();
  // ... and ends what is under way, once a connection that is being made is made or has failed.
  void Stop();
  // ... for good: nothing that waits is kept.
  void Discard() { queue_.Discard(); }
  WebhookCounts counts() const;
  // From any thread, beside what the own one sends.
  WebhookAttempt Send(const WebhookMessage& message);

 private:
  using Clock = EventFeed::Clock;

  void TakeEvents();
  void Take(const EventFeed::Batch& batch);
  void SendMessages();
  // What was missed is told before it.
  void SendFirst(const WebhookQueue::Numbered& first);
  bool stopped() const;
  Clock::duration Pause();
  std::shared_ptr<httplib::SSLClient> Connect();

  const WebhookRecord webhook_;
  const std::optional<SecureUrl> url_;
  const EventFeed& feed_;
  const WebhookPace pace_;

  WebhookQueue queue_;

  std::uint64_t position_;  // the taker's

  // The sender's.
  WebhookQueue::Missed told_;          // by gap_
  std::optional<WebhookMessage> gap_;  // not delivered yet
  unsigned tries_ = 0;                 // in vain, since the last delivery
  Clock::time_point next_try_{};
  std::minstd_rand chance_{std::random_device{}()};

  mutable std::mutex mutex_;  // what follows
  bool stopped_ = false;
  std::vector<std::weak_ptr<httplib::SSLClient>> clients_;
  WebhookCounts counts_;
  std::thread taker_;
  std::thread sender_;
};

}  // namespace slipway::control
