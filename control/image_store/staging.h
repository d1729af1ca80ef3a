// SPDX-License-Identifier: Apache-2.0
//
// Staging: a folder of the store's `.incoming` for the files of one import, by their digests, until
// they become blobs. Its owner holds a lock on it (flock, which a crash releases), so that a
// collection and whoever opens the store leave it alone; it goes away with the object.
#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <string>

#include "control/image_store/files.h"

namespace slipway::control {

class Staging {
 public:
  static absl::StatusOr<Staging> Create(const std::filesystem::path& incoming);
  Staging(Staging&& other) noexcept;
  Staging& operator=(Staging&&) = delete;
  ~Staging();

  const std::filesystem::path& folder() const { return folder_; }

  // Removes a folder that a crash left behind; one that is in use stays.
  static void RemoveAbandoned(const std::filesystem::path& folder);

 private:
  Staging(FileDescriptor lock, std::filesystem::path folder)
      : lock_(std::move(lock)), folder_(std::move(folder)) {}

  FileDescriptor lock_;
  std::filesystem::path folder_;  // empty when moved from
};

}  // namespace slipway::control
