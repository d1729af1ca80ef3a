// SPDX-License-Identifier: Apache-2.0
//
// WebhookSender: one webhook and its thread, from its construction to its end. Private to
// control/events.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "control/events/webhooks.h"
#include "control/registry/remote_name.h"

namespace httplib {
class SSLClient;
}

namespace slipway::control {

class WebhookSender {
 public:
  // Whether the receiver may have missed something before.
  enum class Since : std::uint8_t { kItWasMade, kARunBefore };
  // Tells what happens from now on. The feed outlives it.
  WebhookSender(WebhookRecord webhook, const EventFeed& feed, const WebhookPace& pace, Since since);
  ~WebhookSender();

  // Lets nothing begin; from any thread.
  void Refuse();
  // ... and ends what is under way, once a connection that is being made is made or has failed.
  void Stop();
  WebhookCounts counts() const;
  // From any thread, beside what the own one sends.
  WebhookAttempt Send(const WebhookMessage& message);

 private:
  using Clock = EventFeed::Clock;
  struct Waiting {
    WebhookMessage message;
    Clock::time_point give_up_at;
  };

  void Run();
  void Take(const EventFeed::Batch& batch);
  void Put(WebhookMessage message);
  // What was missed is told before anything else is.
  void SendFirst();
  void GiveUpOld(Clock::time_point now);
  Clock::duration Pause();
  std::shared_ptr<httplib::SSLClient> Connect();

  const WebhookRecord webhook_;
  const std::optional<SecureUrl> url_;
  const EventFeed& feed_;
  const WebhookPace pace_;

  // The thread's.
  std::uint64_t position_;
  std::deque<Waiting> waiting_;
  bool missed_a_run_;                  // before this one, or the end of it; not told of yet
  std::uint64_t missed_ = 0;           // messages, and not told of yet
  std::uint64_t told_ = 0;             // of them by gap_
  std::optional<WebhookMessage> gap_;  // not delivered yet
  unsigned tries_ = 0;                 // in vain, since the last delivery
  Clock::time_point next_try_{};
  std::minstd_rand chance_{std::random_device{}()};

  mutable std::mutex mutex_;  // what follows
  bool stopped_ = false;
  std::vector<std::weak_ptr<httplib::SSLClient>> clients_;
  WebhookCounts counts_;
  std::thread thread_;
};

}  // namespace slipway::control
