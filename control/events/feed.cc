// SPDX-License-Identifier: Apache-2.0
#include "control/events/feed.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "control/boots/boot_json.h"

namespace slipway::control {
namespace {

// Looked at under the lock in one call, whatever fits.
constexpr std::uint64_t kLookedAtMax = 1024;

double Seconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

std::string TextOf(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string DataOf(const FeedEvent& event) {
  if (const auto* text = std::get_if<std::string>(&event.body)) return *text;
  const auto& [boot, address, step] = std::get<FeedStep>(event.body);
  return TextOf({{"boot", boot},
                 {"mac", event.mac ? event.mac->ToString() : ""},
                 {"address", address.ToString()},
                 {"at", Seconds(step.unix_nanoseconds)},
                 {"kind", dataplane::Describe(step.kind).name},
                 {"words", Sentence(step)},
                 {"number", step.number},
                 {"extra", step.extra},
                 {"connection", step.connection},
                 {"text", step.text}});
}

FeedEvent StepEvent(const Boot& boot, const BootStep& step) {
  return {.kind = FeedKind::kStep,
          .unix_nanoseconds = step.unix_nanoseconds,
          .mac = boot.mac,
          .body = FeedStep{boot.id, boot.address, step}};
}

FeedEvent BootEvent(const Boot& boot) {
  return {.kind = FeedKind::kBoot,
          .unix_nanoseconds = boot.last(),
          .mac = boot.mac,
          .body = TextOf(ToJson(boot, BootDetail::kSummary))};
}

FeedEvent LinkEvent(std::string_view device, bool up, std::int64_t unix_nanoseconds) {
  return {.kind = FeedKind::kLink,
          .unix_nanoseconds = unix_nanoseconds,
          .mac = std::nullopt,
          .body = TextOf({{"at", Seconds(unix_nanoseconds)}, {"port", device}, {"up", up}})};
}

bool Fits(const FeedFilter& filter, const FeedEvent& event) {
  if (filter.role < RoleFor(event.kind)) return false;
  if (filter.mac && filter.mac != event.mac) return false;
  return filter.kinds.empty() || std::ranges::find(filter.kinds, event.kind) != filter.kinds.end();
}

std::optional<std::vector<FeedKind>> ParseKinds(std::string_view text) {
  std::vector<FeedKind> kinds;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const auto* const name = std::ranges::find(kFeedKindNames, text.substr(0, end));
    if (name == kFeedKindNames.end()) return std::nullopt;
    kinds.push_back(static_cast<FeedKind>(name - kFeedKindNames.begin()));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return kinds;
}

EventFeed::EventFeed(std::size_t capacity, std::uint64_t first_id)
    : first_id_(first_id), ring_(capacity), newest_(first_id - 1) {}

std::uint64_t EventFeed::oldest() const {
  const std::uint64_t kept = std::min<std::uint64_t>(ring_.size(), newest_ + 1 - first_id_);
  return newest_ + 1 - kept;
}

void EventFeed::Publish(FeedEvent event) {
  auto shared = std::make_shared<FeedEvent>(std::move(event));
  std::shared_ptr<const FeedEvent> forgotten;  // freed without the lock
  {
    const std::scoped_lock lock(mutex_);
    shared->id = ++newest_;
    forgotten = std::exchange(ring_[newest_ % ring_.size()], std::move(shared));
  }
  changed_.notify_all();
}

std::uint64_t EventFeed::newest() const {
  const std::scoped_lock lock(mutex_);
  return newest_;
}

EventFeed::Place EventFeed::Resume(std::uint64_t seen) const {
  const std::scoped_lock lock(mutex_);
  const std::uint64_t first_kept = oldest();
  if (seen + 1 < first_id_ || seen > newest_) {
    return {.position = first_kept - 1, .whole = false};
  }
  if (seen + 1 >= first_kept) return {.position = seen};
  return {.position = first_kept - 1, .whole = false, .lost = first_kept - 1 - seen};
}

EventFeed::Batch EventFeed::Read(std::uint64_t position, const FeedFilter& filter, std::size_t most,
                                 Clock::time_point deadline) const {
  Batch batch{.events = {}, .position = position};
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return newest_ > position || closed_; });
  if (newest_ <= position) {
    batch.closed = closed_;
    return batch;
  }
  if (position + 1 < oldest()) {
    batch.too_slow = true;
    return batch;
  }
  const std::uint64_t end = std::min(newest_, position + kLookedAtMax);
  while (batch.position < end && batch.events.size() < most) {
    const auto& event = At(++batch.position);
    if (Fits(filter, *event)) batch.events.push_back(event);
  }
  return batch;
}

void EventFeed::Close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

absl::Status EventNumbers::Keep(std::uint64_t newest) {
  if (newest + 1 < next_note_) return absl::OkStatus();
  if (absl::Status status = note_(newest + kBlock); !status.ok()) return status;
  next_note_ = newest + kBlock / 2;
  return absl::OkStatus();
}

StreamLedger::Entry StreamLedger::Enter(const std::string& reader) {
  const std::scoped_lock lock(mutex_);
  const auto of_one = readers_.find(reader);
  const bool reader_full = of_one != readers_.end() && of_one->second >= most_of_one_;
  if (reader_full || counts_.now >= most_) {
    ++counts_.refused;
    return reader_full ? Entry::kReaderFull : Entry::kFull;
  }
  ++counts_.now;
  ++readers_[reader];
  return Entry::kTaken;
}

void StreamLedger::Leave(const std::string& reader, StreamEnd end) {
  {
    const std::scoped_lock lock(mutex_);
    --counts_.now;
    const auto of_one = readers_.find(reader);
    if (--of_one->second == 0) readers_.erase(of_one);
    ++counts_.ended[static_cast<std::size_t>(end)];
  }
  none_.notify_all();
}

void StreamLedger::AwaitNone(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  none_.wait_for(lock, patience, [&] { return counts_.now == 0; });
}

StreamLedger::Counts StreamLedger::counts() const {
  const std::scoped_lock lock(mutex_);
  return counts_;
}

}  // namespace slipway::control
