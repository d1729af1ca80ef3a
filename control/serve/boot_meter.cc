// SPDX-License-Identifier: Apache-2.0
#include "control/serve/boot_meter.h"

namespace slipway::control {
namespace {

constexpr std::size_t kMachinesMax = 65'536;

void Count(const Boot& boot, const std::string& name, BootMeter::Accounts& accounts) {
  if (name.empty()) return;
  const bool is_told_apart = accounts.contains(name) || accounts.size() < BootMeter::kNamesMax;
  BootMeter::Account& account = accounts[is_told_apart ? name : std::string(BootMeter::kOthers)];
  switch (boot.outcome) {
    case BootOutcome::kUnderWay:
      return;
    case BootOutcome::kComplete:
      ++account.complete;
      account.durations.Add(static_cast<double>(boot.complete_unix_nanoseconds - boot.began()) /
                            1e9);
      return;
    case BootOutcome::kFailed:
      ++account.failed;
      return;
    case BootOutcome::kAbandoned:
      ++account.abandoned;
      return;
  }
}

}  // namespace

void BootMeter::Take(const Boot& boot, const Place& place) {
  if (boot.outcome == BootOutcome::kUnderWay) return;
  const std::scoped_lock lock(mutex_);
  if (counted_.size() >= kMachinesMax) counted_.clear();
  Counted& counted = counted_[boot.mac.value()];
  if (counted.boot != boot.id) counted = {.boot = boot.id, .outcomes = 0};
  const unsigned outcome = 1U << static_cast<unsigned>(boot.outcome);
  if ((counted.outcomes & outcome) != 0) return;
  counted.outcomes |= outcome;
  Count(boot, place.image_set, image_sets_);
  Count(boot, place.network, networks_);
}

BootMeter::Accounts BootMeter::ImageSets() const {
  const std::scoped_lock lock(mutex_);
  return image_sets_;
}

BootMeter::Accounts BootMeter::Networks() const {
  const std::scoped_lock lock(mutex_);
  return networks_;
}

}  // namespace slipway::control
