// SPDX-License-Identifier: Apache-2.0
//
// StoreLock: one writer at a time in a store's folder, across threads and processes (flock on a
// file that stays). A process that dies releases it, so nothing has to be cleaned up.
#pragma once

#include <absl/status/statusor.h>
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <optional>

#include "control/image_store/files.h"
#include "control/image_store/refusal.h"

namespace slipway::control {

class StoreLock {
 public:
  // Waits for it.
  static absl::StatusOr<StoreLock> Take(const std::filesystem::path& folder) {
    auto lock = Acquire(folder, LOCK_EX);
    if (!lock.ok()) return lock.status();
    return *std::move(*lock);
  }
  // nullopt when somebody else has it.
  static absl::StatusOr<std::optional<StoreLock>> TryTake(const std::filesystem::path& folder) {
    return Acquire(folder, LOCK_EX | LOCK_NB);
  }

 private:
  explicit StoreLock(FileDescriptor file) : file_(std::move(file)) {}

  static absl::StatusOr<std::optional<StoreLock>> Acquire(const std::filesystem::path& folder,
                                                          int operation) {
    const std::filesystem::path path = folder / ".lock";
    auto file = OpenFile(path, O_RDWR | O_CREAT);
    if (!file.ok()) return file.status();
    while (::flock(file->get(), operation) != 0) {
      if (errno == EWOULDBLOCK) return std::optional<StoreLock>();
      if (errno != EINTR) return SystemFailure(path.string(), "lock", errno);
    }
    return std::optional<StoreLock>(StoreLock(*std::move(file)));
  }

  FileDescriptor file_;
};

}  // namespace slipway::control
