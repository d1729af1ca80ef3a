// SPDX-License-Identifier: Apache-2.0
#include "control/access/throttle.h"

#include <algorithm>

namespace slipway::control {

std::optional<std::chrono::seconds> Throttle::LockedFor(const std::string& address,
                                                        Time now) const {
  const std::scoped_lock lock(mutex_);
  const auto found = sources_.find(address);
  if (found == sources_.end() || found->second.locked_until <= now) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(found->second.locked_until - now);
}

bool Throttle::Fail(const std::string& address, Time now) {
  const std::scoped_lock lock(mutex_);
  ++failures_;
  if (!sources_.contains(address)) MakeRoom(now);
  Source& source = sources_[address];
  if (now - source.last >= limits_.longest) source = {};
  if (source.failures == 0 || now - source.window_began >= limits_.window) {
    source.failures = 0;
    source.window_began = now;
  }
  source.last = now;
  if (++source.failures < limits_.failures) return false;
  auto length = limits_.shortest;
  for (std::uint32_t i = 0; i < source.lockouts && length < limits_.longest; ++i) length *= 2;
  source.locked_until = now + std::min(length, limits_.longest);
  // From its end on, so that being locked out long is not forgiven for having been quiet.
  source.last = source.locked_until;
  source.failures = 0;
  ++source.lockouts;
  ++lockouts_;
  return true;
}

void Throttle::Succeed(const std::string& address) {
  const std::scoped_lock lock(mutex_);
  const auto found = sources_.find(address);
  if (found != sources_.end()) found->second.failures = 0;
}

void Throttle::MakeRoom(Time now) {
  if (sources_.size() < limits_.addresses) return;
  std::erase_if(sources_,
                [&](const auto& entry) { return now - entry.second.last >= limits_.longest; });
  if (sources_.size() < limits_.addresses) return;
  sources_.erase(
      std::ranges::min_element(sources_, {}, [](const auto& entry) { return entry.second.last; }));
}

std::uint64_t Throttle::failures() const {
  const std::scoped_lock lock(mutex_);
  return failures_;
}

std::uint64_t Throttle::lockouts() const {
  const std::scoped_lock lock(mutex_);
  return lockouts_;
}

std::size_t Throttle::size() const {
  const std::scoped_lock lock(mutex_);
  return sources_.size();
}

}  // namespace slipway::control
