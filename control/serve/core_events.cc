// SPDX-License-Identifier: Apache-2.0
//
// What the core tells the feed: steps and outcomes of boots, and what was changed. Changes are read
// from the audit log, which has them all, whoever made them and by which way.
#include <algorithm>

#include "control/serve/core.h"
#include "control/text.h"

namespace slipway::control {
namespace {

// What every viewer may list; the rest of the log is the operators'.
constexpr std::string_view kOpenResources[] = {"image",   "machine",      "rule",       "rollout",
                                               "network", "certificates", "secure-boot"};

FeedEvent Announcement(const AuditRecord& record, FeedKind kind, const nlohmann::json& data) {
  constexpr std::string_view kMachine = "machine ";
  const std::string_view what = record.what;
  return {.kind = kind,
          .unix_nanoseconds = record.unix_seconds * 1'000'000'000,
          .mac = what.starts_with(kMachine) ? MacAddress::Parse(what.substr(kMachine.size()))
                                            : std::nullopt,
          .body = data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

}  // namespace

absl::Status Core::OpenFeed() {
  timelines_->Observe(
      {.step = [this](const Boot& boot,
                      const BootStep& step) { feed_.Publish(StepEvent(boot, step)); },
       .outcome = [this](const Boot& boot) { feed_.Publish(BootEvent(boot)); }});
  const auto newest = store_->Audit({.limit = 1});
  if (!newest.ok()) return newest.status();
  announced_ = newest->empty() ? 0 : newest->front().id;
  return absl::OkStatus();
}

void Core::AnnounceChanges() {
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
      feed_.Publish(Announcement(
          record, FeedKind::kChange,
          {{"at", record.unix_seconds}, {"resource", resource}, {"what", record.what}}));
    }
    // Before and after may be long; GET /audit has them.
    feed_.Publish(Announcement(record, FeedKind::kAudit,
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
