// SPDX-License-Identifier: Apache-2.0
//
// StateLock: one daemon at a time on a state directory. Two of them would each give what the other
// has leased, and each collect image files that the other has just written.
//
// Held as flock(2) on <state>/lock, which names the holder's process for people. The kernel lets go
// when the holder ends however it ends, so that a daemon killed by kill -9 starts again at once.
#pragma once

#include <filesystem>
#include <utility>

#include "absl/status/statusor.h"

namespace slipway::control {

class StateLock {
 public:
  // FailedPrecondition where another holds it; Unavailable where the file cannot be written.
  static absl::StatusOr<StateLock> Take(const std::filesystem::path& state_directory);

  StateLock() = default;
  StateLock(StateLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  StateLock& operator=(StateLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~StateLock();

 private:
  explicit StateLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
};

}  // namespace slipway::control
