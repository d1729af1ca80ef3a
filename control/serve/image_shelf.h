// SPDX-License-Identifier: Apache-2.0
//
// ImageShelf: which image sets lie in image memory. Files are kept by digest, so that two sets, or
// two versions of one, share what is the same.
//
// Bringing a set in takes three steps, so that whoever guards the shelf by a lock need not hold it
// while gigabytes are read: Begin() makes room, Read() fills it, Finish() puts it on the shelf.
//
// Invariant: a block is freed when the last snapshot that names it is gone (they share ownership),
// so eviction only takes a set out of the next snapshot: bytes a boot still needs never move.
// What did not fit this time is tried again when older snapshots have gone. Blocks are whole pieces
// of memory: where there is room by count, and no piece that is long enough, the next set goes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "control/image_store/image_cache.h"
#include "control/image_store/image_set.h"
#include "dataplane/snapshot.h"

namespace slipway::control {

// A file in image memory.
class ImageBlock {
 public:
  ImageBlock(dataplane::ImageMemory& memory, MutableBytes bytes) : memory_(memory), bytes_(bytes) {}
  ~ImageBlock() {
    if (!bytes_.empty()) memory_.Free(bytes_);
  }
  ImageBlock(const ImageBlock&) = delete;
  ImageBlock& operator=(const ImageBlock&) = delete;
  Bytes bytes() const { return bytes_; }

 private:
  dataplane::ImageMemory& memory_;
  MutableBytes bytes_;
};

class ImageShelf {
 public:
  // A set on its way in.
  struct Loading {
    struct File {
      ImageFile file;
      std::shared_ptr<const ImageBlock> block;
      MutableBytes room;  // the block's, to be filled; empty where that is done
    };
    ImageSet set;
    std::vector<File> files;
  };
  // Where the bytes of a digest lie.
  using BlobPaths = std::function<std::filesystem::path(const std::string&)>;

  explicit ImageShelf(dataplane::ImageMemory& memory) : memory_(memory), cache_(memory.budget()) {}

  // How a set that is here is used.
  struct Use {
    bool is_in_use = false;     // it stays
    std::int64_t last_use = 0;  // any clock, larger is later
  };
  using UseOf = std::function<Use(const ImageSet&)>;

  // For a set that is not here, if need be in the place of others: the least recently used first.
  // kUnavailable: room is on its way, once no snapshot and no frame in flight has it any more.
  // What it gives is let go as the shelf is called: under its lock.
  absl::StatusOr<Loading> Begin(const ImageSet& set, const UseOf& use_of);
  // Whether sets left for another since this was last asked: their memory is free once a snapshot
  // without them is published.
  bool TakeEvicted() { return std::exchange(has_evicted_, false); }
  static absl::Status Read(const Loading& loading, const BlobPaths& path_of);
  void Finish(const Loading& loading);
  // The set goes, whatever its name.
  void Drop(const std::string& digest);
  void Forget(const std::string& reference);
  // By this set's name from now on; false: it is not here.
  bool Rename(const ImageSet& set);

  bool Holds(const ImageSet& set) const;
  // Null when the file is not here.
  std::shared_ptr<const ImageBlock> Find(const std::string& digest) const;

 private:
  CachedSet Cached(const ImageSet& set) const;
  std::vector<CachedSet> AllCached(const UseOf& use_of) const;
  absl::StatusOr<Loading> RoomFor(const ImageSet& set);
  absl::StatusOr<Loading::File> RoomFor(const ImageFile& file);
  // Bytes that a file takes.
  std::uint64_t Taken(std::uint64_t size) const;
  // Of memory that nobody here has: older snapshots, or frames in flight.
  bool IsRoomComing() const;
  void Evict(const std::string& digest);
  void DropUnnamed();

  dataplane::ImageMemory& memory_;
  ImageCache cache_;
  std::map<std::string, ImageSet> sets_;  // by manifest digest
  std::map<std::string, std::shared_ptr<const ImageBlock>> files_;
  bool has_evicted_ = false;
};

}  // namespace slipway::control
