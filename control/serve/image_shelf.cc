// SPDX-License-Identifier: Apache-2.0
#include "control/serve/image_shelf.h"

#include <algorithm>
#include <utility>

#include "control/text.h"

namespace slipway::control {

bool ImageShelf::Holds(const ImageSet& set) const { return sets_.contains(set.digest); }

std::shared_ptr<const ImageBlock> ImageShelf::Find(const std::string& digest) const {
  const auto file = files_.find(digest);
  return file == files_.end() ? nullptr : file->second;
}

absl::Status ImageShelf::Load(const ImageSet& set, const std::set<std::string>& pinned) {
  if (Holds(set)) {
    sets_[set.digest] = set;  // it may have a new name
    return absl::OkStatus();
  }
  std::vector<CachedSet> loaded;
  for (const auto& [digest, each] : sets_) {
    loaded.push_back({.digest = digest,
                      .reference = each.reference,
                      .bytes = each.bytes(),
                      .last_use = last_use_[each.reference],
                      .pins = pinned.contains(digest) ? 1u : 0u});
  }
  const auto leaving = cache_.MakeRoom(loaded, set.reference, set.bytes());
  if (!leaving.ok()) return leaving.status();
  for (const std::string& digest : *leaving) sets_.erase(digest);
  if (!leaving->empty()) DropUnnamed();
  for (const ImageFile& file : set.files) {
    if (absl::Status status = LoadFile(file); !status.ok()) {
      DropUnnamed();
      return status;
    }
  }
  sets_[set.digest] = set;
  Touch(set.reference);
  return absl::OkStatus();
}

absl::Status ImageShelf::LoadFile(const ImageFile& file) {
  if (files_.contains(file.digest)) return absl::OkStatus();
  if (file.size == 0) {
    files_[file.digest] = std::make_shared<const ImageBlock>(memory_, MutableBytes{});
    return absl::OkStatus();
  }
  const MutableBytes bytes = memory_.Allocate(file.size);
  if (bytes.empty()) {
    return absl::UnavailableError(
        Text(file.path, ": no image memory for ", file.size,
             " bytes until boots in flight end; raise images.memory if this lasts"));
  }
  auto block = std::make_shared<const ImageBlock>(memory_, bytes);
  if (absl::Status status = store_.Load(file.digest, bytes); !status.ok()) return status;
  files_[file.digest] = std::move(block);
  return absl::OkStatus();
}

void ImageShelf::Forget(const std::string& reference) {
  std::erase_if(sets_, [&](const auto& entry) { return entry.second.reference == reference; });
  last_use_.erase(reference);
  DropUnnamed();
}

void ImageShelf::DropUnnamed() {
  std::set<std::string> named;
  for (const auto& [digest, set] : sets_) {
    for (const ImageFile& file : set.files) named.insert(file.digest);
  }
  std::erase_if(files_, [&](const auto& entry) { return !named.contains(entry.first); });
}

}  // namespace slipway::control
