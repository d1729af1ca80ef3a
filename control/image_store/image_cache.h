// SPDX-License-Identifier: Apache-2.0
//
// ImageCache: which sets leave image memory when another is to come in. A policy and nothing else:
// values in, a list out; who loads and frees is the control plane.
//
// Rules: the least recently used goes first; one that is in use never goes; nothing goes if that
// would still not make enough room.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace slipway::control {

struct CachedSet {
  std::string digest;         // of the manifest
  std::string reference;      // for messages
  std::uint64_t bytes = 0;    // of image memory
  std::int64_t last_use = 0;  // any clock, larger is later
  std::uint32_t pins = 0;     // boots in flight, and sets an operator keeps
};

class ImageCache {
 public:
  explicit ImageCache(std::uint64_t budget) : budget_(budget) {}

  // The digests to evict, in that order, before a set of `bytes` is loaded; empty when it fits.
  // kResourceExhausted says how much is missing, and what holds it.
  absl::StatusOr<std::vector<std::string>> MakeRoom(std::span<const CachedSet> loaded,
                                                    const std::string& reference,
                                                    std::uint64_t bytes) const;

 private:
  std::uint64_t budget_;
};

}  // namespace slipway::control
