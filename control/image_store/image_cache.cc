// SPDX-License-Identifier: Apache-2.0
//
// ImageCache: see the header.
#include "control/image_store/image_cache.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "control/image_store/refusal.h"

namespace slipway::control {
namespace {

// What some sets take together.
class Together {
 public:
  void Add(const CachedSet& set) {
    for (const CachedFile& file : set.files) {
      if (sets_of_[file.digest]++ == 0) bytes_ += file.bytes;
    }
  }
  void Remove(const CachedSet& set) {
    for (const CachedFile& file : set.files) {
      if (--sets_of_[file.digest] == 0) bytes_ -= file.bytes;
    }
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::map<std::string_view, std::uint32_t> sets_of_;
  std::uint64_t bytes_ = 0;
};

std::vector<const CachedSet*> IdleOnes(std::span<const CachedSet> loaded) {
  std::vector<const CachedSet*> idle;
  for (const CachedSet& set : loaded) {
    if (!set.is_in_use) idle.push_back(&set);
  }
  std::ranges::stable_sort(idle, {}, &CachedSet::last_use);
  return idle;
}

}  // namespace

std::string ImageCache::Next(std::span<const CachedSet> loaded) {
  const auto idle = IdleOnes(loaded);
  return idle.empty() ? "" : idle.front()->digest;
}

absl::StatusOr<std::vector<std::string>> ImageCache::MakeRoom(std::span<const CachedSet> loaded,
                                                              const CachedSet& incoming) const {
  Together staying;
  for (const CachedSet& set : loaded) {
    if (set.is_in_use) staying.Add(set);
  }
  const std::uint64_t in_use = staying.bytes();
  staying.Add(incoming);
  if (staying.bytes() > budget_) {
    const std::uint64_t needed = staying.bytes() - in_use;
    return Refuse(
        absl::StatusCode::kResourceExhausted,
        {.where = "image set " + incoming.reference,
         .what = "needs " + std::to_string(needed) + " bytes of image memory, and " +
                 std::to_string(in_use) + " of " + std::to_string(budget_) + " are in use",
         .rule = "an image set that is being booted from is never evicted",
         .remedy = needed > budget_ ? "raise the image memory budget"
                                    : "wait for boots to end, or raise the budget"});
  }
  const auto idle = IdleOnes(loaded);
  for (const CachedSet* set : idle) staying.Add(*set);
  std::vector<std::string> evict;
  for (const CachedSet* set : idle) {
    if (staying.bytes() <= budget_) break;
    evict.push_back(set->digest);
    staying.Remove(*set);
  }
  return evict;
}

}  // namespace slipway::control
