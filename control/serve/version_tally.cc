// SPDX-License-Identifier: Apache-2.0
#include "control/serve/version_tally.h"

#include <utility>

#include "control/serve/boot_version.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kMachinesMax = 65'536;

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

std::string VersionTally::SetOf(const Boot& boot) const {
  const std::string version = VersionOf(boot);
  const std::string prefix = version.substr(0, version.find('/') + 1);
  if (prefix.empty()) return {};
  const std::scoped_lock lock(mutex_);
  // Also where the version itself has just been replaced.
  const auto first = kept_.lower_bound(prefix);
  if (first == kept_.end() || !first->starts_with(prefix)) return {};
  return prefix.substr(0, prefix.size() - 1);
}

}  // namespace slipway::control
