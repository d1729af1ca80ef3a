// SPDX-License-Identifier: Apache-2.0
#include "control/events/webhook_sender.h"

#include <httplib.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "control/events/curfew.h"
#include "control/log.h"
#include "control/registry/secure_client.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// How soon it sees that it is to end.
constexpr auto kLookInterval = std::chrono::milliseconds(200);
constexpr std::size_t kEventsAtOnce = 256;
constexpr int kConnectSeconds = 5;
constexpr int kAnswerSeconds = 10;

std::int64_t UnixNanoseconds() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

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

WebhookSender::WebhookSender(WebhookRecord webhook, const EventFeed& feed, const WebhookPace& pace,
                             Since since)
    : webhook_(std::move(webhook)),
      url_(ParseSecureUrl(webhook_.url)),
      feed_(feed),
      pace_(pace),
      position_(feed.newest()),
      missed_a_run_(since == Since::kARunBefore) {
  thread_ = std::thread([this] { Run(); });
}

WebhookSender::~WebhookSender() {
  Stop();
  thread_.join();
  if (waiting_.empty()) return;
  LogWarning(
      Text("webhook ", webhook_.name, ": ", waiting_.size(),
           " messages were not delivered, and are not any more"),
      {{"webhook", webhook_.name}, {"messages", static_cast<std::int64_t>(waiting_.size())}});
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
  const std::scoped_lock lock(mutex_);
  return counts_;
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

void WebhookSender::Run() {
  while (true) {
    {
      const std::scoped_lock lock(mutex_);
      if (stopped_) return;
      counts_.waiting = waiting_.size();
    }
    auto until = Clock::now() + kLookInterval;
    if (!waiting_.empty()) until = std::min(until, next_try_);
    const auto batch = feed_.Read(position_, webhook_.filter, kEventsAtOnce, until);
    if (batch.closed) return;
    Take(batch);
    const auto now = Clock::now();
    GiveUpOld(now);
    if (!waiting_.empty() && now >= next_try_) SendFirst();
  }
}

void WebhookSender::Take(const EventFeed::Batch& batch) {
  position_ = batch.position;
  for (const auto& event : batch.events) Put(MessageOf(*event));
  if (!batch.too_slow) return;
  const EventFeed::Place place = feed_.Resume(position_);
  position_ = place.position;
  const std::uint64_t lost = place.lost.value_or(0);
  missed_ += lost;
  const std::scoped_lock lock(mutex_);
  counts_.overflowed += lost;
}

void WebhookSender::Put(WebhookMessage message) {
  waiting_.push_back({std::move(message), Clock::now() + pace_.give_up});
  if (waiting_.size() <= pace_.waiting_max) return;
  waiting_.pop_front();
  ++missed_;
  const std::scoped_lock lock(mutex_);
  ++counts_.overflowed;
}

void WebhookSender::GiveUpOld(Clock::time_point now) {
  while (!waiting_.empty() && waiting_.front().give_up_at <= now) {
    waiting_.pop_front();
    ++missed_;
    const std::scoped_lock lock(mutex_);
    ++counts_.given_up;
  }
}

void WebhookSender::SendFirst() {
  // Once more was missed, it is another message.
  if (missed_ != told_ || (missed_a_run_ && !gap_)) {
    const std::int64_t now = UnixNanoseconds();
    const std::string lost = missed_a_run_ ? "null" : std::to_string(missed_);
    gap_ = MakeMessage("gap", Text("gap_", now), now, Text(R"({"lost":)", lost, '}'));
    told_ = missed_;
  }
  WebhookAttempt attempt = Send(gap_ ? *gap_ : waiting_.front().message);
  const bool delivered = attempt.delivered();
  if (!delivered) {
    next_try_ = Clock::now() + Pause();
    ++tries_;
  } else {
    if (!gap_) waiting_.pop_front();
    if (gap_) {
      missed_ = told_ = 0;
      missed_a_run_ = false;
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
