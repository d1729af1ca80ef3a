// SPDX-License-Identifier: Apache-2.0
#include "control/access/request_limit.h"

#include <algorithm>

namespace slipway::control {

bool RequestLimit::Take(const std::string& who, Time now) {
  if (per_second_ == 0) return true;
  const std::scoped_lock lock(mutex_);
  auto found = sources_.find(who);
  if (found == sources_.end()) {
    MakeRoom();
    const TokenBucket full(per_second_, per_second_ * kReserveSeconds);
    found = sources_.emplace(who, Source{full, now}).first;
  }
  found->second.last = now;
  if (found->second.bucket.Take(now)) return true;
  ++refused_;
  return false;
}

void RequestLimit::MakeRoom() {
  if (sources_.size() < kSourcesMax) return;
  const auto oldest =
      std::ranges::min_element(sources_, {}, [](const auto& entry) { return entry.second.last; });
  if (oldest != sources_.end()) sources_.erase(oldest);
}

std::uint64_t RequestLimit::refused() const {
  const std::scoped_lock lock(mutex_);
  return refused_;
}

std::size_t RequestLimit::size() const {
  const std::scoped_lock lock(mutex_);
  return sources_.size();
}

}  // namespace slipway::control
