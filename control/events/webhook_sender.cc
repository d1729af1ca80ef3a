// SPDX-License-Identifier: Apache-2.0
#include "control/events/webhook_sender.h"

#include <httplib.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "control/events/curfew.h"
#include "control/moment.h"
#include "control/registry/secure_client.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// How soon it sees that it is to end.
constexpr auto kLookInterval = std::chrono::milliseconds(200);
constexpr std::size_t kEventsAtOnce = 256;
constexpr int kConnectSeconds = 5;
constexpr int kAnswerSeconds = 10;

httplib::Request RequestOf(const WebhookRecord& webhook, const SecureUrl& url,
                           const WebhookMessage& message) {
  const std::int64_t now = std::time(nullptr);
  httplib::Request request;
  request.method = "POST";
  request.path = url.target;
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "slipway"},
                     {"webhook-id", message.id},
                     {"webhook-timestamp", std::to_string(now)},
                     {"webhook-signature", WebhookSignature(webhook.secret, message, now)}};
  request.body = message.body;
  return request;
}

}  // namespace

WebhookSender::WebhookSender(WebhookRecord webhook, const Sources& sources, const WebhookPace& pace,
                             Since since)
    : webhook_(std::move(webhook)),
      url_(ParseSecureUrl(webhook_.url)),
      feed_(sources.feed),
      pace_(pace),
      queue_(webhook_.name, sources.outbox, pace, since),
      position_(feed_.newest()) {
  taker_ = std::thread([this] { TakeEvents(); });
  sender_ = std::thread([this] { SendMessages(); });
}

WebhookSender::~WebhookSender() {
  Stop();
  taker_.join();
  sender_.join();
}

void WebhookSender::Refuse() {
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
}

// A client that makes its connection is stopped when it is made: not under a lock of ours.
void WebhookSender::Stop() {
  std::vector<std::weak_ptr<httplib::SSLClient>> clients;
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    clients = clients_;
  }
  for (const auto& each : clients) {
    if (const auto client = each.lock()) client->stop();
  }
}

WebhookCounts WebhookSender::counts() const {
  const WebhookQueue::Counts queued = queue_.counts();
  const std::scoped_lock lock(mutex_);
  WebhookCounts counts = counts_;
  counts.waiting = queued.waiting;
  counts.given_up = queued.given_up;
  counts.overflowed = queued.overflowed;
  return counts;
}

bool WebhookSender::stopped() const {
  const std::scoped_lock lock(mutex_);
  return stopped_;
}

std::shared_ptr<httplib::SSLClient> WebhookSender::Connect() {
  auto client = MakeSecureClient(url_->host, url_->port, webhook_.ca);
  client->set_connection_timeout(kConnectSeconds);
  client->set_read_timeout(kAnswerSeconds);
  client->set_write_timeout(kAnswerSeconds);
  const std::scoped_lock lock(mutex_);
  if (stopped_) return nullptr;
  std::erase_if(clients_, [](const auto& each) { return each.expired(); });
  clients_.push_back(client);
  return client;
}

WebhookAttempt WebhookSender::Send(const WebhookMessage& message) {
  WebhookAttempt attempt{.at_unix_seconds = std::time(nullptr)};
  if (!url_) {
    attempt.error = "its URL is none of https";
    return attempt;
  }
  const auto client = Connect();
  if (client == nullptr) {
    attempt.error = "slipwayd ends";
    return attempt;
  }
  httplib::Request request = RequestOf(webhook_, *url_, message);
  request.response_handler = [&](const httplib::Response& response) {
    attempt.status = response.status;
    return true;
  };
  const Curfew curfew(*client, pace_.try_for);
  // The status is what counts: whatever follows is not waited for, however slowly it drips.
  request.content_receiver = [](const char*, std::size_t, std::uint64_t, std::uint64_t) {
    return false;
  };
  const auto result = client->send(request);
  if (result) attempt.status = result->status;
  if (attempt.status == 0) {
    const bool distrusted = result.error() == httplib::Error::SSLServerVerification;
    attempt.error = distrusted ? "its certificate is not trusted"
                    : curfew.is_over()
                        ? Text("no answer within ", pace_.try_for.count() / 1000, " s")
                        : Text("no answer: ", httplib::to_string(result.error()));
  } else if (!attempt.delivered()) {
    attempt.error = Text("it answered ", attempt.status);
  }
  return attempt;
}

// What was published before it is to end is taken still: it waits on disk for the next start.
void WebhookSender::TakeEvents() {
  std::optional<std::uint64_t> last;
  while (!last || position_ < *last) {
    if (!last && stopped()) last = feed_.newest();
    const auto until = Clock::now() + (last ? Clock::duration(0) : kLookInterval);
    const auto batch = feed_.Read(position_, webhook_.filter, kEventsAtOnce, until);
    if (batch.closed) return;
    Take(batch);
  }
}

void WebhookSender::Take(const EventFeed::Batch& batch) {
  position_ = batch.position;
  std::vector<WebhookQueue::Numbered> messages;
  messages.reserve(batch.events.size());
  for (const auto& event : batch.events) messages.push_back({event->id, MessageOf(*event)});
  queue_.Put(std::move(messages));
  if (!batch.too_slow) return;
  const EventFeed::Place place = feed_.Resume(position_);
  position_ = place.position;
  queue_.Miss(place.lost.value_or(0));
}

void WebhookSender::SendMessages() {
  while (!stopped()) {
    const auto now = Clock::now();
    queue_.GiveUpOld(now);
    if (now < next_try_) {
      std::this_thread::sleep_for(std::min<Clock::duration>(kLookInterval, next_try_ - now));
      continue;
    }
    if (const auto first = queue_.Await(now + kLookInterval)) SendFirst(*first);
  }
}

void WebhookSender::SendFirst(const WebhookQueue::Numbered& first) {
  const WebhookQueue::Missed missed = queue_.missed();
  if (missed.count == 0 && !missed.a_run) {
    gap_.reset();
  } else if (!gap_ || missed.count != told_.count || missed.a_run != told_.a_run) {
    // Once more was missed, it is another message.
    const std::int64_t now = UnixNanoseconds();
    const std::string lost = missed.a_run ? "null" : std::to_string(missed.count);
    gap_ = MakeMessage("gap", Text("gap_", now), now, Text(R"({"lost":)", lost, '}'));
    told_ = missed;
  }
  WebhookAttempt attempt = Send(gap_ ? *gap_ : first.message);
  const bool delivered = attempt.delivered();
  if (!delivered) {
    next_try_ = Clock::now() + Pause();
    ++tries_;
  } else {
    if (gap_) {
      queue_.Told(told_);
    } else {
      queue_.Delivered(first.number);
    }
    gap_.reset();
    tries_ = 0;
    next_try_ = {};
  }
  const std::scoped_lock lock(mutex_);
  ++(delivered ? counts_.delivered : counts_.failures);
  counts_.last = std::move(attempt);
}

// A quarter less or more, so that many do not come at once.
WebhookSender::Clock::duration WebhookSender::Pause() {
  constexpr unsigned kDoublingsMax = 16;
  const auto plain = std::min(pace_.most, pace_.first * (1U << std::min(tries_, kDoublingsMax)));
  std::uniform_int_distribution<std::int64_t> percent(75, 125);
  return plain * percent(chance_) / 100;
}

}  // namespace slipway::control
