// SPDX-License-Identifier: Apache-2.0
#include "control/serve/canary_watch.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "control/serve/boot_rules.h"
#include "control/serve/boot_version.h"
#include "control/serve/refused_boot.h"
#include "control/store/boot_archive.h"

namespace slipway::control {
namespace {

// "debian/0123456789ab" of each candidate; none where nothing is known.
std::set<std::string> Candidates(Core& core) {
  const auto rollouts = core.Rollouts();
  const auto sets = core.Images();
  if (!rollouts.ok() || !sets.ok()) return {};
  std::set<std::string> versions;
  for (const Rollout& rollout : *rollouts) {
    const auto set = std::ranges::find(*sets, rollout.candidate.ToString(), &ImageSet::reference);
    if (set != sets->end()) versions.insert(VersionName(*set));
  }
  return versions;
}

// Of a boot of this process, or of one that is in the archive alone.
std::string VersionOf(Core& core, const MacAddress& mac, std::int64_t id) {
  const std::vector<Boot> boots = core.timelines().Of(mac);
  const auto boot = std::ranges::find(boots, id, &Boot::id);
  if (boot != boots.end()) return control::VersionOf(*boot);
  const auto kept = core.archive().Find(id);
  return kept.ok() && *kept ? control::VersionOf(**kept) : std::string();
}

}  // namespace

absl::Status CanaryWatch::Resume(Core& core, std::int64_t now_unix_nanoseconds) {
  if (Candidates(core).empty()) return absl::OkStatus();
  BootFilter filter{.outcome = std::string(Name(BootOutcome::kComplete)), .limit = 1};
  const auto newest = core.archive().List(filter);
  if (!newest.ok()) return newest.status();
  if (newest->empty()) return absl::OkStatus();
  // However long nobody listened: the process before was there when the newest was last heard of.
  const std::int64_t from =
      std::min(now_unix_nanoseconds, newest->front().last()) - kLookBackNanoseconds;
  // The archive finds them by when they began: a boot may take long.
  filter.since_unix_nanoseconds = from - 9 * kLookBackNanoseconds;
  filter.limit = kBootsMax;
  const auto boots = core.archive().List(filter);
  if (!boots.ok()) return boots.status();
  for (const Boot& boot : *boots) {
    if (boot.last() < from) continue;
    if (!core.tally().Recall(boot.id)) continue;
    complete_[boot.id] = {.mac = boot.mac,
                          .due = now_unix_nanoseconds + RefusedBoot::kPatienceNanoseconds};
  }
  return absl::OkStatus();
}

void CanaryWatch::Take(const Boot& boot) {
  if (boot.outcome != BootOutcome::kComplete || VersionOf(boot).empty()) return;
  if (complete_.size() >= kBootsMax && !complete_.contains(boot.id)) return;
  complete_[boot.id] = {.mac = boot.mac, .due = boot.last() + RefusedBoot::kPatienceNanoseconds};
}

std::vector<Boot> CanaryWatch::Refused(Core& core, std::int64_t now_unix_nanoseconds) {
  std::vector<std::pair<std::int64_t, MacAddress>> due;
  std::erase_if(complete_, [&](const auto& entry) {
    if (now_unix_nanoseconds < entry.second.due) return false;
    due.emplace_back(entry.first, entry.second.mac);
    return true;
  });
  if (due.empty()) return {};
  const std::set<std::string> candidates = Candidates(core);
  if (candidates.empty()) return {};
  std::vector<Boot> refused;
  for (const auto& [id, mac] : due) {
    if (!candidates.contains(VersionOf(core, mac, id))) continue;
    if (auto refusal = FindRefusal(core, mac, id)) refused.push_back(std::move(refusal->boot));
  }
  return refused;
}

}  // namespace slipway::control
