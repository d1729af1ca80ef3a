// SPDX-License-Identifier: Apache-2.0
#include "control/serve/version_tally.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "control/serve/boot_version.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::size_t kBootsMax = 65'536;

}  // namespace

void VersionTally::Restore(VersionCounts counts) {
  const std::scoped_lock lock(mutex_);
  versions_ = std::move(counts.versions);
  for (const std::int64_t boot : counts.failed_all_the_same) {
    Remember(boot, BootOutcome::kFailed);
  }
}

bool VersionTally::Recall(std::int64_t boot) {
  const std::scoped_lock lock(mutex_);
  const auto known = counted_.find(boot);
  if (known != counted_.end()) return known->second == BootOutcome::kComplete;
  Remember(boot, BootOutcome::kComplete);
  return true;
}

void VersionTally::Remember(std::int64_t boot, BootOutcome outcome) {
  counted_[boot] = outcome;
  if (counted_.size() > kBootsMax) counted_.erase(counted_.begin());
}

std::string VersionTally::Take(const Boot& boot) {
  std::string version = VersionOf(boot);
  if (version.empty() || boot.outcome == BootOutcome::kUnderWay) return "";
  const std::scoped_lock lock(mutex_);
  if (!kept_.contains(version)) return "";
  const auto known = counted_.find(boot.id);
  const bool again = known != counted_.end();
  if (again && known->second == boot.outcome) return version;
  VersionCount& count = versions_[version];
  if (again) {
    // A boot that failed may come to its end all the same, and one that came to it be refused. Zero
    // where the version was forgotten since.
    const bool was_complete = known->second == BootOutcome::kComplete;
    std::uint64_t& before = was_complete ? count.complete : count.failed;
    if (before != 0) --before;
    if (was_complete && refused_.size() < kBootsMax) refused_.push_back(boot.id);
  }
  Remember(boot.id, boot.outcome);
  if (boot.outcome == BootOutcome::kComplete) {
    ++count.complete;
  } else {
    ++count.failed;
    count.last_failure = Text(boot.mac.ToString(), ": ", boot.words);
  }
  changed_.insert(version);
  return version;
}

void VersionTally::Keep(std::set<std::string> versions) {
  const std::scoped_lock lock(mutex_);
  kept_ = std::move(versions);
  std::erase_if(versions_, [this](const auto& each) {
    if (kept_.contains(each.first)) return false;
    changed_.insert(each.first);
    return true;
  });
}

VersionCounts VersionTally::TakeChanged(std::span<const Boot> boots) {
  const std::scoped_lock lock(mutex_);
  const auto counts_as_failed = [this](std::int64_t boot) {
    const auto known = counted_.find(boot);
    return known != counted_.end() && known->second != BootOutcome::kComplete;
  };
  VersionCounts counts;
  // Those that could not be kept before may have completed since.
  std::ranges::copy_if(std::exchange(refused_, {}), std::back_inserter(counts.failed_all_the_same),
                       counts_as_failed);
  for (const Boot& boot : boots) {
    const bool says_otherwise =
        boot.outcome == BootOutcome::kComplete || boot.outcome == BootOutcome::kUnderWay;
    if (says_otherwise && counts_as_failed(boot.id)) counts.failed_all_the_same.push_back(boot.id);
  }
  for (const std::string& version : changed_) {
    const auto found = versions_.find(version);
    counts.versions[version] = found == versions_.end() ? VersionCount{} : found->second;
  }
  changed_.clear();
  return counts;
}

void VersionTally::NotStored(const VersionCounts& counts) {
  const std::scoped_lock lock(mutex_);
  for (const auto& each : counts.versions) changed_.insert(each.first);
  if (refused_.size() < kBootsMax) {
    refused_.insert(refused_.end(), counts.failed_all_the_same.begin(),
                    counts.failed_all_the_same.end());
  }
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
