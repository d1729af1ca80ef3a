// SPDX-License-Identifier: Apache-2.0
#include "control/serve/sets_in_use.h"

#include <algorithm>

#include "control/config/value.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr auto kRemembered = std::chrono::hours(24);

}  // namespace

void SetsInUse::Note(std::string_view path, Time now) {
  if (!path.starts_with('/')) return;
  path.remove_prefix(1);
  // A machine's documents, under any spelling of its key, are no image set's.
  if (path.starts_with("machine/")) return;
  const std::size_t name = path.find('/');
  if (name == path.npos) return;
  const std::string_view set = path.substr(0, path.find('/', name + 1));
  const std::scoped_lock lock(mutex_);
  const auto found = asked_.find(set);
  if (found != asked_.end()) {
    found->second = now;
    return;
  }
  if (now - swept_ > kRemembered) {
    swept_ = now;
    std::erase_if(asked_, [&](const auto& each) { return now - each.second > kRemembered; });
  }
  asked_.emplace(set, now);
}

SetsInUse::Time SetsInUse::LastAsked(const ImageSet& set) const {
  const auto name = ImageSetName::Parse(set.reference);
  if (!name) return Time::min();
  const std::scoped_lock lock(mutex_);
  Time last = Time::min();
  for (const std::string& each : {Text(name->name, '/', std::string_view(set.digest).substr(0, 12)),
                                  Text(name->name, '/', name->tag)}) {
    const auto found = asked_.find(each);
    if (found != asked_.end()) last = std::max(last, found->second);
  }
  return last;
}

bool SetsInUse::IsInUse(const ImageSet& set, Time now) const {
  const Time last = LastAsked(set);
  return last != Time::min() && now - last <= kBooting;
}

}  // namespace slipway::control
