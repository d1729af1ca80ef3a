// SPDX-License-Identifier: Apache-2.0
//
// What manifests say, by digest, so that a list of a thousand image sets reads a thousand files
// once. A manifest never changes, so neither does what is kept here; any thread may ask.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/image_store/image_set.h"
#include "control/image_store/index.h"
#include "control/image_store/oci.h"

namespace slipway::control {

struct KnownManifest {
  std::shared_ptr<const OciDocument> document;
  std::optional<ImageSet> set;  // where it is one; without reference, digest and time
};

class ManifestCache {
 public:
  // Null when it is not here.
  std::shared_ptr<const KnownManifest> Find(const std::string& digest) const {
    const std::scoped_lock lock(mutex_);
    const auto found = known_.find(digest);
    return found == known_.end() ? nullptr : found->second;
  }
  std::shared_ptr<const KnownManifest> Put(const std::string& digest, KnownManifest known) {
    auto shared = std::make_shared<const KnownManifest>(std::move(known));
    const std::scoped_lock lock(mutex_);
    known_[digest] = shared;
    return shared;
  }
  // Of the last list: what is wrong with each image set that it left out.
  void TellLeftOut(std::vector<std::string> left_out) {
    const std::scoped_lock lock(mutex_);
    left_out_ = std::move(left_out);
  }
  std::vector<std::string> left_out() const {
    const std::scoped_lock lock(mutex_);
    return left_out_;
  }
  // Forgets what the index does not name, where that is much.
  void Keep(const std::vector<IndexEntry>& entries) {
    const std::scoped_lock lock(mutex_);
    if (known_.size() <= 2 * entries.size() + 64) return;
    std::set<std::string> named;
    for (const IndexEntry& entry : entries) named.insert(entry.digest);
    std::erase_if(known_, [&](const auto& each) { return !named.contains(each.first); });
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const KnownManifest>> known_;
  std::vector<std::string> left_out_;
};

}  // namespace slipway::control
