// SPDX-License-Identifier: Apache-2.0
#include "control/serve/refused_boot.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "control/boots/firmware.h"
#include "control/serve/boots_of.h"
#include "control/serve/surroundings.h"

namespace slipway::control {
namespace {

constexpr std::string_view kCameBack =
    "loaded the whole file, and its firmware asked anew at once: it refused that, or what it ran "
    "came back";

// The boot, and of the one that came after it, if any, the beginning: firmware that goes on to its
// next boot option, whatever became of that. What no try began is what this process heard of a boot
// that had ended before it: that one's steps too.
std::vector<Boot> WithTheNextTry(const std::vector<Boot>& boots, std::ptrdiff_t which) {
  std::vector<Boot> story = {boots[static_cast<std::size_t>(which)]};
  auto next = boots.begin() + which + 1;
  for (; next != boots.end() && !IsATry(*next); ++next) {
    Boot& boot = story.front();
    boot.steps.insert(boot.steps.end(), next->steps.begin(), next->steps.end());
    boot.last_unix_nanoseconds = std::max(boot.last(), next->last());
  }
  if (next == boots.end()) return story;
  story.push_back(*next);
  story.back().steps.resize(1);
  story.back().outcome = BootOutcome::kUnderWay;
  return story;
}

}  // namespace

std::optional<RefusedBoot> FindRefusal(Core& core, const MacAddress& mac, std::int64_t id) {
  const auto boots = BootsOf(core, mac);
  if (!boots.ok()) return {};
  const auto boot = std::ranges::find(*boots, id, &Boot::id);
  if (boot == boots->end() || boot->outcome != BootOutcome::kComplete) return {};
  const std::vector<Boot> story = WithTheNextTry(*boots, boot - boots->begin());
  Surroundings around = SurroundingsOf(core, mac, story);
  if (story.size() > 1) around.now_unix_nanoseconds = story.back().began();
  const Diagnosis diagnosis = Diagnose(story, around);
  if (diagnosis.cause != CauseId::kSecureBootRefused || diagnosis.boot != id) return {};
  const bool is_db_known = !core.config().secure_boot.db.empty();
  const bool is_unjudged = around.secure_boot_refusal.empty();
  if (is_unjudged) {
    // Some reset themselves soon; that alone is no refusal of a program that would be accepted.
    if (is_db_known || story.size() < 2 || !IsBackAtOnce(story.front(), story.back())) return {};
  } else if (diagnosis.certainty == Certainty::kPossible && !is_db_known) {
    return {};
  }
  RefusedBoot refused{.boot = *boot, .next_boot = story.size() > 1 ? story.back().id : 0};
  refused.boot.outcome = BootOutcome::kFailed;
  refused.boot.words = is_unjudged ? std::string(kCameBack) : diagnosis.Sentence();
  return refused;
}

}  // namespace slipway::control
