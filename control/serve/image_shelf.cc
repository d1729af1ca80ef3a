// SPDX-License-Identifier: Apache-2.0
#include "control/serve/image_shelf.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "control/image_store/image_store.h"
#include "control/text.h"

namespace slipway::control {

bool ImageShelf::Holds(const ImageSet& set) const { return sets_.contains(set.digest); }

std::shared_ptr<const ImageBlock> ImageShelf::Find(const std::string& digest) const {
  const auto file = files_.find(digest);
  return file == files_.end() ? nullptr : file->second;
}

bool ImageShelf::Rename(const ImageSet& set) {
  const auto found = sets_.find(set.digest);
  if (found == sets_.end()) return false;
  found->second = set;
  return true;
}

std::uint64_t ImageShelf::Taken(std::uint64_t size) const {
  const std::uint64_t granule = memory_.granule();
  return (size + granule - 1) / granule * granule;
}

bool ImageShelf::IsRoomComing() const {
  std::uint64_t here = 0;
  for (const auto& [digest, block] : files_) here += Taken(block->bytes().size());
  return memory_.in_use() > here;
}

CachedSet ImageShelf::Cached(const ImageSet& set) const {
  CachedSet cached{.digest = set.digest, .reference = set.reference, .files = {}};
  std::set<std::string_view> seen;
  for (const ImageFile& file : set.files) {
    if (seen.insert(file.digest).second) cached.files.push_back({file.digest, Taken(file.size)});
  }
  return cached;
}

std::vector<CachedSet> ImageShelf::AllCached(const UseOf& use_of) const {
  std::vector<CachedSet> all;
  for (const auto& [digest, set] : sets_) {
    const Use use = use_of(set);
    all.push_back(Cached(set));
    all.back().last_use = use.last_use;
    all.back().is_in_use = use.is_in_use;
  }
  return all;
}

void ImageShelf::Evict(const std::string& digest) {
  sets_.erase(digest);
  has_evicted_ = true;
  DropUnnamed();
}

absl::StatusOr<ImageShelf::Loading> ImageShelf::Begin(const ImageSet& set, const UseOf& use_of) {
  const auto leaving = cache_.MakeRoom(AllCached(use_of), Cached(set));
  if (!leaving.ok()) return leaving.status();
  for (const std::string& digest : *leaving) Evict(digest);
  while (true) {
    auto loading = RoomFor(set);
    if (loading.ok() || IsRoomComing()) return loading;
    // There is room by count, in pieces that are too short.
    const std::string next = ImageCache::Next(AllCached(use_of));
    if (next.empty()) return loading;
    Evict(next);
  }
}

absl::StatusOr<ImageShelf::Loading> ImageShelf::RoomFor(const ImageSet& set) {
  Loading loading{.set = set, .files = {}};
  std::set<std::string> seen;
  for (const ImageFile& file : set.files) {
    if (!seen.insert(file.digest).second) continue;
    auto room = RoomFor(file);
    if (!room.ok()) return room.status();
    loading.files.push_back(*std::move(room));
  }
  return loading;
}

absl::StatusOr<ImageShelf::Loading::File> ImageShelf::RoomFor(const ImageFile& file) {
  if (auto block = Find(file.digest)) return Loading::File{file, std::move(block), {}};
  MutableBytes room;
  if (file.size != 0) room = memory_.Allocate(file.size);
  if (room.size() != file.size) {
    return absl::UnavailableError(
        Text(file.path, ": no image memory for ", file.size,
             " bytes until boots in flight end; raise images.memory if this lasts"));
  }
  return Loading::File{file, std::make_shared<const ImageBlock>(memory_, room), room};
}

absl::Status ImageShelf::Read(const Loading& loading, const BlobPaths& path_of) {
  for (const auto& [file, block, room] : loading.files) {
    if (room.empty()) continue;
    absl::Status status = ImageStore::LoadFrom(path_of(file.digest), file.digest, room);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void ImageShelf::Finish(const Loading& loading) {
  for (const auto& [file, block, room] : loading.files) files_[file.digest] = block;
  sets_[loading.set.digest] = loading.set;
}

void ImageShelf::Drop(const std::string& digest) {
  sets_.erase(digest);
  DropUnnamed();
}

void ImageShelf::Forget(const std::string& reference) {
  std::erase_if(sets_, [&](const auto& entry) { return entry.second.reference == reference; });
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
