// SPDX-License-Identifier: Apache-2.0
#include "control/events/webhook_queue.h"

#include <algorithm>
#include <utility>

#include "control/log.h"
#include "control/moment.h"
#include "control/text.h"

namespace slipway::control {
WebhookQueue::WebhookQueue(std::string webhook, WebhookOutbox* outbox, const WebhookPace& pace,
                           Since since)
    : webhook_(std::move(webhook)),
      pace_(pace),
      outbox_(outbox),
      missed_a_run_(since == Since::kARunBefore) {
  if (outbox_ == nullptr) return;
  if (missed_a_run_) {
    TakeUp();
  } else {
    // One of the same name that was removed is another one, with another receiver.
    NoteDisk(outbox_->Clear(webhook_));
  }
}

WebhookQueue::~WebhookQueue() {
  if (waiting_.empty() || (outbox_ != nullptr && !disk_fails_)) return;
  LogWarning(Text("webhook ", webhook_, ": ", waiting_.size(),
                  " messages were not delivered, and may not be any more"),
             {{"webhook", webhook_}, {"messages", static_cast<std::int64_t>(waiting_.size())}});
}

void WebhookQueue::TakeUp() {
  auto kept = outbox_->Waiting(webhook_);
  if (!kept.ok()) {
    // Unread, they would be taken for delivered by the next one that is.
    LogError(
        Text("webhook ", webhook_, ": what waited before the start is not sent until the next: ",
             std::string(kept.status().message())),
        {{"webhook", webhook_}});
    outbox_ = nullptr;
    return;
  }
  const std::int64_t wall = UnixNanoseconds();
  const Clock::time_point now = Clock::now();
  for (OutboxMessage& each : *kept) {
    // No longer than if it had just come, however the wall's clock was set meanwhile.
    const auto left = std::min<std::chrono::nanoseconds>(
        std::chrono::nanoseconds(each.give_up_unix_nanoseconds - wall), pace_.give_up);
    last_taken_up_ = each.number;
    waiting_.push_back({std::move(each), now + left});
  }
  if (waiting_.empty()) return;
  LogInfo(Text("webhook ", webhook_, ": ", waiting_.size(),
               " messages of before the start wait for its receiver"),
          {{"webhook", webhook_}, {"messages", static_cast<std::int64_t>(waiting_.size())}});
  std::uint64_t gone = 0;
  while (waiting_.size() > pace_.waiting_max) {
    gone = DropFirst();
    ++counts_.overflowed;
  }
  if (gone != 0) Keep(gone, 0);
}

void WebhookQueue::Put(std::vector<Numbered> messages) {
  if (messages.empty()) return;
  const std::int64_t give_up_unix =
      UnixNanoseconds() + std::chrono::nanoseconds(pace_.give_up).count();
  const Clock::time_point give_up_at = Clock::now() + pace_.give_up;
  const std::scoped_lock lock(mutex_);
  if (discarded_) return;
  for (Numbered& each : messages) {
    waiting_.push_back({.message = {.number = each.number,
                                    .give_up_unix_nanoseconds = give_up_unix,
                                    .message = std::move(each.message)},
                        .give_up_at = give_up_at});
  }
  std::uint64_t gone = 0;
  while (waiting_.size() > pace_.waiting_max) {
    gone = DropFirst();
    ++counts_.overflowed;
  }
  Keep(gone, std::min(messages.size(), waiting_.size()));
  filled_.notify_one();
}

void WebhookQueue::Miss(std::uint64_t count) {
  const std::scoped_lock lock(mutex_);
  missed_ += count;
  counts_.overflowed += count;
}

std::optional<WebhookQueue::Numbered> WebhookQueue::Await(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  filled_.wait_until(lock, until, [&] { return !waiting_.empty(); });
  if (waiting_.empty()) return std::nullopt;
  const OutboxMessage& first = waiting_.front().message;
  return Numbered{.number = first.number, .message = first.message};
}

void WebhookQueue::Delivered(std::uint64_t number) {
  const std::scoped_lock lock(mutex_);
  if (waiting_.empty() || waiting_.front().message.number != number) {
    // It had to make room while it was sent, and is not missed after all.
    if (missed_ != 0) --missed_;
    return;
  }
  waiting_.pop_front();
  Keep(number, 0);
}

void WebhookQueue::GiveUpOld(Clock::time_point now) {
  const std::scoped_lock lock(mutex_);
  std::uint64_t gone = 0;
  while (!waiting_.empty() && waiting_.front().give_up_at <= now) {
    gone = DropFirst();
    ++counts_.given_up;
  }
  if (gone != 0) Keep(gone, 0);
}

WebhookQueue::Missed WebhookQueue::missed() const {
  const std::scoped_lock lock(mutex_);
  const bool is_past = waiting_.empty() || waiting_.front().message.number > last_taken_up_;
  return {.count = missed_, .a_run = missed_a_run_ && is_past};
}

void WebhookQueue::Told(const Missed& missed) {
  const std::scoped_lock lock(mutex_);
  missed_ -= std::min(missed.count, missed_);
  if (missed.a_run) missed_a_run_ = false;
}

void WebhookQueue::Discard() {
  const std::scoped_lock lock(mutex_);
  discarded_ = true;
  waiting_.clear();
  if (outbox_ != nullptr) NoteDisk(outbox_->Clear(webhook_));
}

WebhookQueue::Counts WebhookQueue::counts() const {
  const std::scoped_lock lock(mutex_);
  Counts counts = counts_;
  counts.waiting = waiting_.size();
  return counts;
}

std::uint64_t WebhookQueue::DropFirst() {
  const std::uint64_t number = waiting_.front().message.number;
  waiting_.pop_front();
  ++missed_;
  return number;
}

// The last `added` are new.
void WebhookQueue::Keep(std::uint64_t gone, std::size_t added) {
  if (outbox_ == nullptr) return;
  if (disk_fails_) added = waiting_.size();  // what was refused then is offered again
  std::vector<const OutboxMessage*> messages;
  for (auto each = waiting_.end() - static_cast<std::ptrdiff_t>(added); each != waiting_.end();
       ++each) {
    messages.push_back(&each->message);
  }
  NoteDisk(outbox_->Advance(webhook_, gone, messages));
}

void WebhookQueue::NoteDisk(const absl::Status& status) {
  if (status.ok() == !disk_fails_) return;
  disk_fails_ = !status.ok();
  if (status.ok()) {
    LogInfo(Text("webhook ", webhook_, ": what waits is kept on disk again"),
            {{"webhook", webhook_}});
  } else {
    LogError(
        Text("webhook ", webhook_, ": what waits for its receiver would not outlive a restart: ",
             std::string(status.message())),
        {{"webhook", webhook_}});
  }
}

}  // namespace slipway::control
