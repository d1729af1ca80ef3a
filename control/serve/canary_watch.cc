// SPDX-License-Identifier: Apache-2.0
#include "control/serve/canary_watch.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "control/serve/boot_rules.h"
#include "control/serve/boot_version.h"
#include "control/serve/surroundings.h"

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

// The boot, and of the one that came after it, if any, the beginning: firmware that goes on to its
// next boot option, whatever became of that.
std::vector<Boot> WithTheNextTry(const std::vector<Boot>& boots, std::ptrdiff_t which) {
  std::vector<Boot> story = {boots[static_cast<std::size_t>(which)]};
  const auto next = boots.begin() + which + 1;
  if (next == boots.end() || next->steps.empty() ||
      next->steps.front().kind != dataplane::EventKind::kDhcpDiscover) {
    return story;
  }
  story.push_back(*next);
  story.back().steps.resize(1);
  story.back().outcome = BootOutcome::kUnderWay;
  return story;
}

}  // namespace

void CanaryWatch::Take(const Boot& boot) {
  if (boot.outcome != BootOutcome::kComplete || VersionOf(boot).empty()) return;
  if (complete_.size() >= kBootsMax && !complete_.contains(boot.id)) return;
  complete_[boot.id] = {.mac = boot.mac, .due = boot.last() + kPatienceNanoseconds};
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
  const bool silence_counts = !core.config().secure_boot.db.empty();
  std::vector<Boot> refused;
  for (const auto& [id, mac] : due) {
    const std::vector<Boot> boots = core.timelines().Of(mac);
    const auto boot = std::ranges::find(boots, id, &Boot::id);
    if (boot == boots.end() || !candidates.contains(VersionOf(*boot))) continue;
    const std::vector<Boot> story = WithTheNextTry(boots, boot - boots.begin());
    Surroundings around = SurroundingsOf(core, mac, story);
    if (story.size() > 1) around.now_unix_nanoseconds = story.back().began();
    const Diagnosis diagnosis = Diagnose(story, around);
    if (diagnosis.cause != CauseId::kSecureBootRefused || diagnosis.boot != id) continue;
    // Some reset themselves soon; that alone is no refusal of a program that would be accepted.
    if (around.secure_boot_refusal.empty()) continue;
    if (diagnosis.certainty == Certainty::kPossible && !silence_counts) continue;
    refused.push_back(*boot);
    refused.back().outcome = BootOutcome::kFailed;
    refused.back().words = diagnosis.Sentence();
  }
  return refused;
}

}  // namespace slipway::control
