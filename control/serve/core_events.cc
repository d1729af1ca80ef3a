// SPDX-License-Identifier: Apache-2.0
//
// What the core tells the feed: steps and outcomes of boots, and what was changed. Changes are read
// from the audit log, which has them all, whoever made them and by which way.
#include <algorithm>
#include <chrono>

#include "control/log.h"
#include "control/serve/core.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// What every viewer may list; the rest of the log is the operators'.
constexpr std::string_view kOpenResources[] = {
    "image", "machine", "rule", "rollout", "network", "template", "certificates", "secure-boot"};

// A few minutes of a few hundred machines, all of it in 6 MB.
constexpr std::size_t kFeedEvents = 16384;

std::uint64_t UnixMicroseconds() {
  return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() /
                                    std::chrono::microseconds(1));
}

FeedEvent Announcement(const AuditRecord& record, FeedKind kind, const nlohmann::json& data) {
  constexpr std::string_view kMachine = "machine ";
  const std::string_view what = record.what;
  return {.kind = kind,
          .unix_nanoseconds = record.unix_seconds * 1'000'000'000,
          .mac = what.starts_with(kMachine) ? MacAddress::Parse(what.substr(kMachine.size()))
                                            : std::nullopt,
          .body = data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

FeedEvent HeldEvent(const HeldMachines::News& news, const Config& config) {
  nlohmann::json data = ToJson(news.machine, config);
  data["at"] = data["last_asked"];
  data["untold"] = news.untold;
  return {.kind = FeedKind::kHeld,
          .unix_nanoseconds = news.machine.last_unix_nanoseconds,
          .mac = news.machine.mac,
          .body = data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

// The dataplane says "held" of one whose plan has ended as well, by its rule's name. What cannot be
// read now is told.
bool WaitsForApproval(const HeldMachine& held, Core& core) {
  const auto rules = core.Rules();
  const auto machine =
      core.KnownMachine(held.mac, held.uuid.is_set() ? std::optional(held.uuid) : std::nullopt);
  if (!rules.ok() || !machine.ok()) return true;
  return IsHeldByRule(held, *rules, *machine ? &**machine : nullptr);
}

}  // namespace

absl::Status Core::OpenFeed() {
  const auto noted = store_->EventNumber();
  if (!noted.ok()) return noted.status();
  const std::uint64_t first =
      EventNumbers::FirstOf(UnixMicroseconds(), static_cast<std::uint64_t>(*noted));
  event_numbers_.emplace(first, [this](std::uint64_t last) {
    return store_->NoteEventNumber(static_cast<std::int64_t>(last));
  });
  // A disk without room is no reason not to boot machines; it is tried again.
  if (const absl::Status status = event_numbers_->Keep(first - 1); !status.ok()) {
    LogError(
        Text("events may get numbers that were given before: ", std::string(status.message())));
  }
  feed_ = std::make_unique<EventFeed>(kFeedEvents, first);
  timelines_->Observe({.step =
                           [this](const Boot& boot, const BootStep& step) {
                             feed_->Publish(StepEvent(boot, step));
                             const slipway::Time now(
                                 std::chrono::steady_clock::now().time_since_epoch());
                             const auto news = held_.Take(boot, step, now);
                             if (news && WaitsForApproval(news->machine, *this)) {
                               feed_->Publish(HeldEvent(*news, *served()));
                             }
                           },
                       .outcome = [this](const Boot& boot) { feed_->Publish(BootEvent(boot)); }});
  const auto newest = store_->Audit({.limit = 1});
  if (!newest.ok()) return newest.status();
  announced_ = newest->empty() ? 0 : newest->front().id;
  return absl::OkStatus();
}

void Core::AnnounceChanges() {
  static_cast<void>(event_numbers_->Keep(feed_->newest()));
  // What cannot be read now is told the next time.
  const auto newest = store_->Audit({.limit = 1});
  if (!newest.ok() || newest->empty() || newest->front().id <= announced_) return;
  const std::int64_t missing = newest->front().id - announced_;
  auto records = store_->Audit(
      {.before = newest->front().id + 1, .limit = static_cast<std::uint32_t>(missing)});
  if (!records.ok()) return;
  std::ranges::reverse(*records);
  for (const AuditRecord& record : *records) {
    const std::string resource = record.what.substr(0, record.what.find(' '));
    if (std::ranges::find(kOpenResources, resource) != std::end(kOpenResources)) {
      feed_->Publish(Announcement(
          record, FeedKind::kChange,
          {{"at", record.unix_seconds}, {"resource", resource}, {"what", record.what}}));
    }
    // Before and after may be long; GET /audit has them.
    feed_->Publish(Announcement(record, FeedKind::kAudit,
                                {{"id", record.id},
                                 {"at", record.unix_seconds},
                                 {"who", record.who},
                                 {"address", record.address},
                                 {"request", record.request},
                                 {"what", record.what}}));
    announced_ = record.id;
  }
}

}  // namespace slipway::control
