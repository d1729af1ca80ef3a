// SPDX-License-Identifier: Apache-2.0
#include "control/boots/timelines.h"

#include <algorithm>
#include <utility>

#include "control/boots/words.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using dataplane::Event;
using dataplane::EventKind;

bool IsBootClient(std::string_view vendor_class) {
  return vendor_class.starts_with("HTTPClient") || vendor_class.starts_with("PXEClient") ||
         vendor_class.starts_with("iPXE");
}

// The last step of this kind on this connection, or null.
const BootStep* LastOf(const Boot& boot, EventKind kind, std::uint64_t connection) {
  const auto step = std::find_if(boot.steps.rbegin(), boot.steps.rend(), [&](const BootStep& each) {
    return each.kind == kind && each.connection == connection;
  });
  return step == boot.steps.rend() ? nullptr : &*step;
}

}  // namespace

BootTimelines::BootTimelines(const TimelineLimits& limits, MacOfAddress mac_of_address)
    : limits_(limits), mac_of_address_(std::move(mac_of_address)) {}

void BootTimelines::Take(const Event& event) {
  if (event.kind == EventKind::kLinkChanged) return;
  MacAddress mac = event.mac;
  if (!event.address.is_unspecified()) {
    if (const auto leased = mac_of_address_(event.address)) mac = *leased;
  }
  if (!mac.is_station()) return;
  const std::scoped_lock lock(mutex_);
  MachineStory& story = StoryOf(mac);
  if (BeginsBoot(story, event)) {
    if (!story.boots.empty() && story.boots.back().outcome == BootOutcome::kUnderWay) {
      Boot& before = story.boots.back();
      End(before, BootOutcome::kAbandoned, Text("began anew after it ", WhereItStands(before)));
    }
    if (story.boots.size() >= limits_.boots_per_machine) story.boots.erase(story.boots.begin());
    // Unique and rising, also across restarts: the time it began.
    last_id_ = std::max(last_id_ + 1, event.unix_nanoseconds / 1000);
    story.boots.push_back({.id = last_id_, .mac = mac});
    ++counts_.under_way;
  }
  Boot& boot = story.boots.back();
  if (!event.address.is_unspecified()) boot.address = event.address;
  boot.last_unix_nanoseconds = event.unix_nanoseconds;
  Append(boot, event);
  Judge(boot, event);
}

BootTimelines::MachineStory& BootTimelines::StoryOf(MacAddress mac) {
  const auto [entry, is_new] = machines_.try_emplace(mac.value());
  MachineStory& story = entry->second;
  if (!is_new) {
    recency_.splice(recency_.end(), recency_, story.recency);
    return story;
  }
  story.recency = recency_.insert(recency_.end(), mac.value());
  if (machines_.size() > limits_.machines) {
    const auto oldest = machines_.find(recency_.front());
    const auto& boots = oldest->second.boots;
    if (!boots.empty() && boots.back().outcome == BootOutcome::kUnderWay) --counts_.under_way;
    machines_.erase(oldest);
    recency_.pop_front();
  }
  return story;
}

bool BootTimelines::BeginsBoot(const MachineStory& story, const Event& event) {
  if (story.boots.empty()) return true;
  if (event.kind != EventKind::kDhcpDiscover || !IsBootClient(event.text())) return false;
  const Boot& boot = story.boots.back();
  if (boot.outcome != BootOutcome::kUnderWay) return true;
  // DISCOVER again without having come further is the same try.
  return std::ranges::any_of(boot.steps, [](const BootStep& step) {
    return step.kind == EventKind::kDhcpAck || step.kind == EventKind::kTcpOpened;
  });
}

void BootTimelines::Append(Boot& boot, const Event& event) const {
  BootStep step{.unix_nanoseconds = event.unix_nanoseconds,
                .kind = event.kind,
                .number = event.number,
                .extra = event.extra,
                .connection = event.connection,
                .text = std::string(event.text())};
  // Progress replaces progress.
  if (event.kind == EventKind::kHttpProgress && !boot.steps.empty() &&
      boot.steps.back().kind == EventKind::kHttpProgress &&
      boot.steps.back().connection == event.connection) {
    boot.steps.back() = std::move(step);
  } else if (boot.steps.size() < limits_.steps_per_boot) {
    boot.steps.push_back(std::move(step));
  } else {
    ++boot.steps_left_out;
  }
}

void BootTimelines::Judge(Boot& boot, const Event& event) {
  const bool ended = boot.outcome == BootOutcome::kComplete;
  if (event.kind == EventKind::kTlsDone) boot.tls = TlsWords(event.number, event.text());
  if (event.kind == EventKind::kHttpComplete && !event.text().starts_with("HEAD")) {
    boot.bytes += static_cast<std::uint64_t>(event.number);
    End(boot, BootOutcome::kComplete, Text("has the whole file ", PathOf(event.text())));
  } else if (ended) {
    return;  // What a running system does to its connections is not the boot's failure.
  } else if (event.kind == EventKind::kTlsFailed) {
    End(boot, BootOutcome::kFailed, TlsFailureWords(event.number, event.extra));
  } else if (event.kind == EventKind::kHttpRequest && event.number >= 400) {
    End(boot, BootOutcome::kFailed,
        Text("asked for ", PathOf(event.text()), " and was answered ", event.number));
  } else if (event.kind == EventKind::kTcpReset || event.kind == EventKind::kTcpTimedOut) {
    const BootStep* request = LastOf(boot, EventKind::kHttpRequest, event.connection);
    const BootStep* progress = LastOf(boot, EventKind::kHttpProgress, event.connection);
    const bool secured = LastOf(boot, EventKind::kTlsDone, event.connection) != nullptr;
    const BootStep* opened = LastOf(boot, EventKind::kTcpOpened, event.connection);
    const bool reset = event.kind == EventKind::kTcpReset;
    if (request != nullptr && event.number > 0) {
      const std::string at = progress == nullptr
                                 ? std::string("before any of it arrived")
                                 : Text("at ", progress->number, " of ", progress->extra, " bytes");
      End(boot, BootOutcome::kFailed,
          Text(reset ? "reset its connection while downloading "
                     : "stopped answering while downloading ",
               PathOf(request->text), ", ", at));
    } else if (reset && request == nullptr && !secured && opened != nullptr &&
               opened->number == 443) {
      End(boot, BootOutcome::kFailed,
          "closed the connection in the TLS handshake without an alert: firmware does so when it "
          "does not trust our certificate; enrol the CA (slipway ca efi) or check its clock");
    } else if (!reset) {
      End(boot, BootOutcome::kFailed, "stopped answering");
    }
  } else if (event.kind == EventKind::kDhcpNak) {
    End(boot, BootOutcome::kFailed, Text("was refused an address: ", event.text()));
  } else if (boot.outcome != BootOutcome::kUnderWay) {
    // It goes on after a failure: a probe that got 404, or the next try.
    if (event.kind == EventKind::kHttpProgress || event.kind == EventKind::kTlsDone ||
        event.kind == EventKind::kDhcpAck) {
      --CountOf(boot.outcome);
      boot.outcome = BootOutcome::kUnderWay;
      ++counts_.under_way;
    }
  }
  if (boot.outcome == BootOutcome::kUnderWay) boot.words = WhereItStands(boot);
}

void BootTimelines::End(Boot& boot, BootOutcome outcome, std::string words) {
  --CountOf(boot.outcome);
  boot.outcome = outcome;
  boot.words = std::move(words);
  ++CountOf(outcome);
  ended_.insert_or_assign(boot.id, boot.mac);
}

std::uint64_t& BootTimelines::CountOf(BootOutcome outcome) {
  switch (outcome) {
    case BootOutcome::kUnderWay:
      return counts_.under_way;
    case BootOutcome::kComplete:
      return counts_.complete;
    case BootOutcome::kFailed:
      return counts_.failed;
    case BootOutcome::kAbandoned:
      break;
  }
  return counts_.abandoned;
}

void BootTimelines::Sweep(std::int64_t now) {
  const std::scoped_lock lock(mutex_);
  for (auto& [mac, story] : machines_) {
    if (story.boots.empty()) continue;
    Boot& boot = story.boots.back();
    if (boot.outcome == BootOutcome::kUnderWay &&
        now - boot.last_unix_nanoseconds > limits_.silence_nanoseconds) {
      End(boot, BootOutcome::kAbandoned, Text("has been silent since it ", WhereItStands(boot)));
    }
  }
}

std::vector<Boot> BootTimelines::TakeEnded() {
  const std::scoped_lock lock(mutex_);
  std::vector<Boot> boots;
  for (const auto& [id, mac] : ended_) {
    const auto story = machines_.find(mac.value());
    if (story == machines_.end()) continue;
    const auto boot = std::ranges::find(story->second.boots, id, &Boot::id);
    if (boot != story->second.boots.end()) boots.push_back(*boot);
  }
  ended_.clear();
  return boots;
}

std::vector<Boot> BootTimelines::All() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Boot> boots;
  for (const auto& [mac, story] : machines_) {
    boots.insert(boots.end(), story.boots.begin(), story.boots.end());
  }
  std::ranges::sort(boots, {}, &Boot::id);
  return boots;
}

std::vector<Boot> BootTimelines::Of(MacAddress mac) const {
  const std::scoped_lock lock(mutex_);
  const auto story = machines_.find(mac.value());
  return story == machines_.end() ? std::vector<Boot>{} : story->second.boots;
}

OutcomeCounts BootTimelines::counts() const {
  const std::scoped_lock lock(mutex_);
  return counts_;
}

}  // namespace slipway::control
