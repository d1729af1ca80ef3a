// SPDX-License-Identifier: Apache-2.0
//
// ImageCache: see the header.
#include "control/image_store/image_cache.h"

#include <algorithm>

#include "control/image_store/refusal.h"

namespace slipway::control {

absl::StatusOr<std::vector<std::string>> ImageCache::MakeRoom(std::span<const CachedSet> loaded,
                                                              const std::string& reference,
                                                              std::uint64_t bytes) const {
  std::uint64_t held = 0;
  std::uint64_t pinned = 0;
  std::vector<const CachedSet*> idle;
  for (const CachedSet& set : loaded) {
    held += set.bytes;
    if (set.pins != 0) {
      pinned += set.bytes;
    } else {
      idle.push_back(&set);
    }
  }
  if (bytes > budget_ || pinned > budget_ - bytes) {
    return Refuse(
        absl::StatusCode::kResourceExhausted,
        {.where = "image set " + reference,
         .what = "needs " + std::to_string(bytes) + " bytes of image memory, and " +
                 std::to_string(pinned) + " of " + std::to_string(budget_) + " are in use",
         .rule = "an image set that is being booted from is never evicted",
         .remedy = bytes > budget_ ? "raise the image memory budget"
                                   : "wait for boots to end, or raise the budget"});
  }
  std::ranges::stable_sort(idle, {}, &CachedSet::last_use);
  std::vector<std::string> evict;
  for (const CachedSet* set : idle) {
    if (held <= budget_ - bytes) break;
    evict.push_back(set->digest);
    held -= set->bytes;
  }
  return evict;
}

}  // namespace slipway::control
