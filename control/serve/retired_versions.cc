// SPDX-License-Identifier: Apache-2.0
#include "control/serve/retired_versions.h"

#include <algorithm>
#include <utility>

namespace slipway::control {

void RetiredVersions::Note(const std::vector<ImageSet>& sets, const ImageShelf& shelf, Time now) {
  std::map<std::string, ImageSet> served;
  for (const ImageSet& set : sets) served.emplace(set.reference, set);
  for (auto& [reference, before] : served_) {
    const auto after = served.find(reference);
    // A tag that was removed was removed on purpose.
    if (after == served.end() || after->second.digest == before.digest) continue;
    RetiredVersion version{.set = before, .blocks = {}, .since = now};
    for (const ImageFile& file : before.files) {
      if (auto block = shelf.Find(file.digest)) version.blocks.emplace(file.digest, block);
    }
    if (version.blocks.empty()) continue;
    versions_.push_back(std::move(version));
  }
  served_ = std::move(served);
  // One that is a tag's version again is served as that.
  std::erase_if(versions_, [&](const RetiredVersion& version) {
    return std::ranges::any_of(sets, [&](const ImageSet& set) {
      return set.digest == version.set.digest && set.reference == version.set.reference;
    });
  });
  while (versions_.size() > 1 && bytes() > budget_) versions_.erase(versions_.begin());
}

std::uint64_t RetiredVersions::bytes() const {
  std::uint64_t bytes = 0;
  for (const RetiredVersion& version : versions_) bytes += version.set.bytes();
  return bytes;
}

bool RetiredVersions::DropOldest() {
  if (versions_.empty()) return false;
  versions_.erase(versions_.begin());
  return true;
}

bool RetiredVersions::Expire(Time now) {
  return std::erase_if(versions_, [&](const RetiredVersion& version) {
           return now - version.since >= kGrace;
         }) != 0;
}

}  // namespace slipway::control
