// SPDX-License-Identifier: Apache-2.0
#include "control/boots/timelines.h"

#include <algorithm>
#include <utility>

#include "control/boots/causes.h"
#include "control/boots/diagnosis.h"
#include "control/boots/event_meaning.h"
#include "control/boots/words.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using dataplane::Event;
using dataplane::EventKind;

}  // namespace

bool IsATry(const Boot& boot) {
  return !boot.steps.empty() && boot.steps.front().kind == EventKind::kDhcpDiscover &&
         IsBootClient(boot.steps.front().text);
}

void PutInPlace(std::vector<Boot>& boots, std::vector<Boot> newer) {
  if (newer.empty()) return;
  std::unordered_map<std::int64_t, std::size_t> places;  // by id
  for (std::size_t i = 0; i < boots.size(); ++i) places.emplace(boots[i].id, i);
  for (Boot& boot : newer) {
    const auto [place, is_another] = places.try_emplace(boot.id, boots.size());
    if (is_another) {
      boots.push_back(std::move(boot));
    } else {
      boots[place->second] = std::move(boot);
    }
  }
}

BootTimelines::BootTimelines(const TimelineLimits& limits, MacOfAddress mac_of_address)
    : limits_(limits), mac_of_address_(std::move(mac_of_address)) {}

void BootTimelines::Take(const Event& event) {
  if (event.kind == EventKind::kLinkChanged) return;
  MacAddress mac = event.mac;
  bool is_leased = false;
  // Only what comes by IP may have been routed; DHCP and ARP name their machine themselves.
  if (event.kind > EventKind::kArpAsked && !event.address.is_unspecified()) {
    if (const auto leased = mac_of_address_(event.address)) {
      mac = *leased;
      is_leased = true;
    }
  }
  if (!mac.is_station()) return;
  const std::scoped_lock lock(mutex_);
  if (event.kind == EventKind::kArpAsked && !IsUnderWay(mac)) return;
  // Whoever looks for open ports begins no boot.
  const bool is_known = is_leased || machines_.contains(mac.value());
  if (event.kind == EventKind::kTcpRefused && !is_known) return;
  MachineStory& story = StoryOf(mac);
  if (story.boots.empty() || BeginsAnother(story.boots.back(), event)) {
    if (!story.boots.empty() && story.boots.back().outcome == BootOutcome::kUnderWay) {
      Boot& before = story.boots.back();
      End(before, BootOutcome::kAbandoned, Text("began anew after it ", WhereItStands(before)));
      Tell(before);
    }
    if (story.boots.size() >= limits_.boots_per_machine) {
      Forget(std::move(story.boots.front()));
      story.boots.erase(story.boots.begin());
    }
    last_id_ = IdAt(event.unix_nanoseconds);
    story.boots.push_back(
        {.id = last_id_, .mac = mac, .began_unix_nanoseconds = event.unix_nanoseconds});
    ++counts_.under_way;
  }
  Boot& boot = story.boots.back();
  if (!event.address.is_unspecified()) boot.address = event.address;
  if (Repeats(boot, event)) return;
  boot.last_unix_nanoseconds = event.unix_nanoseconds;
  changed_.insert_or_assign(boot.id, boot.mac);
  const bool is_new = boot.steps.empty();
  const BootOutcome outcome = boot.outcome;
  const std::string_view cause = boot.cause;
  BootStep step = StepOf(event);
  if (observer_.step) observer_.step(boot, step);
  Append(boot, std::move(step));
  Judge(boot, event);
  if (is_new || boot.outcome != outcome || boot.cause != cause) Tell(boot);
}

void BootTimelines::Tell(const Boot& boot) const {
  if (observer_.outcome) observer_.outcome(boot);
}

// Routers and neighbours ask where we are too, and begin no boot by that.
bool BootTimelines::IsUnderWay(MacAddress mac) const {
  const auto known = machines_.find(mac.value());
  return known != machines_.end() && !known->second.boots.empty() &&
         known->second.boots.back().outcome == BootOutcome::kUnderWay;
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
    recency_.pop_front();
    if (oldest == machines_.end()) return story;
    for (Boot& boot : oldest->second.boots) {
      if (boot.outcome == BootOutcome::kUnderWay) --counts_.under_way;
      Forget(std::move(boot));
    }
    machines_.erase(oldest);
  }
  return story;
}

void BootTimelines::Append(Boot& boot, BootStep step) const {
  // Progress replaces progress.
  if (step.kind == EventKind::kHttpProgress && !boot.steps.empty() &&
      boot.steps.back().kind == EventKind::kHttpProgress &&
      boot.steps.back().connection == step.connection) {
    boot.steps.back() = std::move(step);
  } else if (boot.steps.size() < limits_.steps_per_boot) {
    boot.steps.push_back(std::move(step));
  } else {
    ++boot.steps_left_out;
  }
}

void BootTimelines::Judge(Boot& boot, const Event& event) {
  if (event.kind == EventKind::kTlsDone) boot.tls = TlsWords(event.number, event.text());
  if (event.kind == EventKind::kHttpComplete && !event.text().starts_with("HEAD")) {
    boot.bytes += static_cast<std::uint64_t>(event.number);
    End(boot, BootOutcome::kComplete, Text("has the whole file ", PathOf(event.text())));
    boot.cause = Describe(CauseId::kComplete).id;
    if (boot.complete_unix_nanoseconds == 0) {
      boot.complete_unix_nanoseconds = event.unix_nanoseconds;
      durations_.Add(static_cast<double>(event.unix_nanoseconds - boot.began()) / 1e9);
    }
  } else if (boot.outcome == BootOutcome::kComplete) {
    return;  // What a running system does to its connections is not the boot's failure.
  } else if (IsFailure(boot, event)) {
    End(boot, BootOutcome::kFailed, "");
    const Diagnosis diagnosis = Diagnose({&boot, 1}, {});
    const bool nak = event.kind == EventKind::kDhcpNak;
    const Cause& otherwise = Describe(nak ? CauseId::kLeaseRefused : CauseId::kWentSilent);
    boot.words = diagnosis.failed() ? diagnosis.Sentence()
                 : nak              ? Text(otherwise.sentence, ": ", event.text())
                                    : std::string(otherwise.sentence);
    Blame(boot, diagnosis.failed() ? Describe(diagnosis.cause) : otherwise);
  } else if (boot.outcome != BootOutcome::kUnderWay) {
    // It goes on after a failure: a probe that got 404, or the next try.
    if (event.kind == EventKind::kHttpProgress || event.kind == EventKind::kTlsDone ||
        event.kind == EventKind::kDhcpAck) {
      --CountOf(boot.outcome);
      boot.outcome = BootOutcome::kUnderWay;
      boot.cause = {};
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
  changed_.insert_or_assign(boot.id, boot.mac);
  if (outcome == BootOutcome::kAbandoned) {
    Blame(boot, Describe(Diagnose({&boot, 1}, {}).cause));
  }
}

// Once for each cause of a boot, however many events show it; what is fine is no failure.
void BootTimelines::Blame(Boot& boot, const Cause& cause) {
  if (std::exchange(boot.cause, cause.id) == cause.id || cause.verdict != Verdict::kFailed) return;
  ++causes_[boot.cause];
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
      Tell(boot);
    }
  }
}

const Boot* BootTimelines::Find(std::int64_t id, MacAddress mac) const {
  const auto story = machines_.find(mac.value());
  if (story == machines_.end()) return nullptr;
  const auto boot = std::ranges::find(story->second.boots, id, &Boot::id);
  return boot == story->second.boots.end() ? nullptr : &*boot;
}

// What was not stored yet is kept until it is.
void BootTimelines::Forget(Boot boot) {
  if (changed_.erase(boot.id) == 0) return;
  // But not without end: whoever makes up machines fills no memory.
  if (forgotten_.size() < limits_.machines) forgotten_.push_back(std::move(boot));
}

std::vector<Boot> BootTimelines::TakeEnded() {
  const std::scoped_lock lock(mutex_);
  std::vector<Boot> boots;
  for (const auto& [id, mac] : ended_) {
    const Boot* boot = Find(id, mac);
    if (boot == nullptr) continue;
    boots.push_back(*boot);
    to_store_.insert(id);
  }
  ended_.clear();
  return boots;
}

std::vector<Boot> BootTimelines::TakeChanged(bool under_way) {
  const std::scoped_lock lock(mutex_);
  std::vector<Boot> boots = std::exchange(forgotten_, {});
  std::erase_if(changed_, [&](const auto& entry) {
    const Boot* boot = Find(entry.first, entry.second);
    if (boot == nullptr) return true;
    const bool waits = boot->outcome == BootOutcome::kUnderWay && !under_way;
    if (waits && !to_store_.contains(boot->id)) return false;
    boots.push_back(*boot);
    return true;
  });
  to_store_.clear();
  return boots;
}

void BootTimelines::NotStored(std::vector<Boot> boots) {
  const std::scoped_lock lock(mutex_);
  for (Boot& boot : boots) {
    changed_.insert_or_assign(boot.id, boot.mac);
    to_store_.insert(boot.id);
    if (Find(boot.id, boot.mac) == nullptr) Forget(std::move(boot));
  }
}

std::vector<Boot> BootTimelines::Changed() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Boot> boots;
  const auto add = [&](const Boot& boot) {
    Boot summary{.id = boot.id, .mac = boot.mac, .address = boot.address, .outcome = boot.outcome};
    summary.words = boot.words;
    summary.cause = boot.cause;
    summary.tls = boot.tls;
    summary.bytes = boot.bytes;
    summary.last_unix_nanoseconds = boot.last_unix_nanoseconds;
    summary.complete_unix_nanoseconds = boot.complete_unix_nanoseconds;
    summary.began_unix_nanoseconds = boot.began();
    boots.push_back(std::move(summary));
  };
  std::ranges::for_each(forgotten_, add);
  for (const auto& [id, mac] : changed_) {
    if (const Boot* boot = Find(id, mac)) add(*boot);
  }
  return boots;
}

void BootTimelines::Restore(std::vector<Boot> boots) {
  const std::scoped_lock lock(mutex_);
  for (Boot& boot : boots) {
    if (boot.steps.empty() || boot.outcome != BootOutcome::kUnderWay) continue;
    last_id_ = std::max(last_id_, boot.id);
    StoryOf(boot.mac).boots.push_back(std::move(boot));
    ++counts_.under_way;
  }
}

// Unique and rising: the time it begins, or what follows the last where the clock is behind it.
std::int64_t BootTimelines::IdAt(std::int64_t unix_nanoseconds) const {
  return std::max(last_id_ + 1, unix_nanoseconds / 1000);
}

std::int64_t BootTimelines::NextId(std::int64_t now) {
  const std::scoped_lock lock(mutex_);
  const std::int64_t next = IdAt(now);
  last_id_ = next - 1;
  return next;
}

void BootTimelines::RiseFrom(std::int64_t id) {
  const std::scoped_lock lock(mutex_);
  last_id_ = std::max(last_id_, id - 1);
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

std::optional<Loading> BootTimelines::LoadingOf(MacAddress mac, std::int64_t id) const {
  const std::scoped_lock lock(mutex_);
  const Boot* boot = Find(id, mac);
  const bool goes_on = boot != nullptr && (boot->outcome == BootOutcome::kUnderWay ||
                                           boot->outcome == BootOutcome::kComplete);
  if (!goes_on) return std::nullopt;
  const auto count = [](std::int64_t number) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, number));
  };
  for (auto step = boot->steps.rbegin(); step != boot->steps.rend(); ++step) {
    const bool progress = step->kind == EventKind::kHttpProgress;
    if (!progress && step->kind != EventKind::kHttpRequest) continue;
    const bool has_body = progress || HasFile(*step);
    const bool is_over = std::any_of(boot->steps.rbegin(), step, [&](const BootStep& later) {
      using enum EventKind;
      return later.connection == step->connection &&
             (later.kind == kHttpComplete || later.kind == kTcpClosed || later.kind == kTcpReset ||
              later.kind == kTcpTimedOut);
    });
    if (!has_body || is_over) return std::nullopt;
    return Loading{.path = std::string(PathOf(step->text)),
                   .bytes = progress ? count(step->number) : 0,
                   .of = count(step->extra)};
  }
  return std::nullopt;
}

OutcomeCounts BootTimelines::counts() const {
  const std::scoped_lock lock(mutex_);
  return counts_;
}

BootDurations BootTimelines::durations() const {
  const std::scoped_lock lock(mutex_);
  return durations_;
}

std::map<std::string_view, std::uint64_t> BootTimelines::causes() const {
  const std::scoped_lock lock(mutex_);
  return causes_;
}

}  // namespace slipway::control
