// SPDX-License-Identifier: Apache-2.0
#include "control/serve/version_tally.h"

#include <utility>

#include "control/boots/words.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kDigestDigits = 12;
constexpr std::size_t kMachinesMax = 65'536;

// "/debian/0123456789ab/EFI/BOOT/BOOTX64.EFI" is "debian/0123456789ab"; a tag's path is none.
std::string VersionOf(std::string_view path) {
  if (!path.starts_with('/')) return "";
  const std::size_t slash = path.find('/', 1);
  if (slash == path.npos) return "";
  const std::string_view digest = path.substr(slash + 1, path.find('/', slash + 1) - slash - 1);
  if (digest.size() != kDigestDigits ||
      digest.find_first_not_of("0123456789abcdef") != digest.npos) {
    return "";
  }
  return std::string(path.substr(1, slash + kDigestDigits));
}

std::string VersionOf(const Boot& boot) {
  for (const BootStep& step : boot.steps) {
    if (step.kind != dataplane::EventKind::kHttpRequest) continue;
    if (std::string version = VersionOf(PathOf(step.text)); !version.empty()) return version;
  }
  return "";
}

}  // namespace

std::string VersionTally::Take(const Boot& boot) {
  std::string version = VersionOf(boot);
  if (version.empty() || boot.outcome == BootOutcome::kUnderWay) return "";
  const std::scoped_lock lock(mutex_);
  if (!kept_.contains(version)) return "";
  if (last_.size() >= kMachinesMax) last_.clear();
  VersionCount& count = versions_[version];
  Last& last = last_[boot.mac.value()];
  const bool again = last.boot == boot.id;
  if (again && last.outcome == boot.outcome) return version;
  // A boot that failed may come to its end all the same.
  if (again && last.outcome == BootOutcome::kComplete) --count.complete;
  if (again && last.outcome != BootOutcome::kComplete) --count.failed;
  last = {boot.id, boot.outcome};
  if (boot.outcome == BootOutcome::kComplete) {
    ++count.complete;
  } else {
    ++count.failed;
    count.last_failure = Text(boot.mac.ToString(), ": ", boot.words);
  }
  return version;
}

void VersionTally::Keep(std::set<std::string> versions) {
  const std::scoped_lock lock(mutex_);
  kept_ = std::move(versions);
  std::erase_if(versions_, [this](const auto& each) { return !kept_.contains(each.first); });
}

VersionCount VersionTally::Of(const std::string& version) const {
  const std::scoped_lock lock(mutex_);
  const auto found = versions_.find(version);
  return found == versions_.end() ? VersionCount{} : found->second;
}

}  // namespace slipway::control
