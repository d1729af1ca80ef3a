// SPDX-License-Identifier: Apache-2.0
//
// ImageCache: which sets leave image memory when another is to come in. A policy and nothing else:
// values in, a list out; who loads and frees is the control plane.
//
// Rules: the least recently used goes first; one that is in use never goes; nothing goes if that
// would still not make enough room. A file that several sets have is there once.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace slipway::control {

struct CachedFile {
  std::string digest;
  std::uint64_t bytes = 0;  // of image memory: what its block takes
};

struct CachedSet {
  std::string digest;     // of the manifest
  std::string reference;  // for messages
  std::vector<CachedFile> files;
  std::int64_t last_use = 0;  // any clock, larger is later
  bool is_in_use = false;     // machines boot from it, or are to
};

class ImageCache {
 public:
  explicit ImageCache(std::uint64_t budget) : budget_(budget) {}

  // The digests to evict, in that order, before `incoming` is loaded; empty when it fits.
  // kResourceExhausted says how much is missing, and what holds it.
  absl::StatusOr<std::vector<std::string>> MakeRoom(std::span<const CachedSet> loaded,
                                                    const CachedSet& incoming) const;
  // The digest of the next that may go; empty: none may.
  static std::string Next(std::span<const CachedSet> loaded);

 private:
  std::uint64_t budget_;
};

}  // namespace slipway::control
