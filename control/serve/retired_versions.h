// SPDX-License-Identifier: Apache-2.0
//
// RetiredVersions: a boot in flight ends with what it began. When a tag moves to another version,
// the one before goes on being served under its own path, for boots that fetch one file after the
// other (a loader, its kernel, its initrd): for kGrace, or until its memory is needed. Of several,
// the newest stays, and older ones as long as all are within a budget.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/image_store/image_set.h"
#include "control/serve/image_shelf.h"

namespace slipway::control {

struct RetiredVersion {
  ImageSet set;
  std::map<std::string, std::shared_ptr<const ImageBlock>> blocks;  // by the files' digests
  std::chrono::steady_clock::time_point since;
};

class RetiredVersions {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr auto kGrace = std::chrono::hours(1);

  RetiredVersions() = default;
  explicit RetiredVersions(std::uint64_t budget) : budget_(budget) {}  // bytes of image memory

  // `sets`: all there are now, before what they replaced leaves the shelf.
  void Note(const std::vector<ImageSet>& sets, const ImageShelf& shelf, Time now);
  const std::vector<RetiredVersion>& all() const { return versions_; }
  // Each gives whether anything went.
  bool DropOldest();
  bool Expire(Time now);

 private:
  std::uint64_t bytes() const;

  std::uint64_t budget_ = 0;
  std::map<std::string, ImageSet> served_;  // by reference, at the last Note()
  std::vector<RetiredVersion> versions_;    // oldest first
};

}  // namespace slipway::control
