// SPDX-License-Identifier: Apache-2.0
//
// A backup: one tar (POSIX pax) of what a state directory cannot be made again from: the catalog
// and the leases, the CA and the token, the image store's index with its manifests, and, where
// asked for, the image files themselves. Its first entry, backup.json, names every other with size
// and SHA-256.
//
// Both ways survive kill -9: a backup is read from copies, and a restored directory appears under
// its name only when it is whole and on disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace slipway::control {

// FailedPrecondition, with the numbers, where the disk of the state directory has no room for a
// backup's copies and its tar. To be asked before anything is written.
absl::Status CheckRoom(const std::filesystem::path& state, bool with_images);

// The databases, by SQLite's online backup: consistent while others write. Each is a moment of its
// own: a lease may be newer than the catalog.
absl::Status CopyDatabases(const std::filesystem::path& state, const std::filesystem::path& work);

// The rest, as links where the file system allows: fast, so that whoever changes image sets can be
// kept waiting meanwhile. `work` lies on the state directory's file system.
absl::Status LinkFiles(const std::filesystem::path& state, const std::filesystem::path& work,
                       bool with_images);

// Everything in `work` as one tar, which is on disk when it returns.
absl::Status WriteTar(const std::filesystem::path& work, const std::filesystem::path& tar);

struct Restored {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::string created;  // as backup.json says
  bool has_images = false;
};
// FailedPrecondition where `state` is there and not empty, or the tar of a newer slipwayd; DataLoss
// where it is not one of ours or not whole. After an error nothing is left behind.
// `told`: how many bytes of the tar have been read, again and again; may be empty.
absl::StatusOr<Restored> Restore(const std::filesystem::path& tar,
                                 const std::filesystem::path& state,
                                 const std::function<void(std::uint64_t bytes)>& told = {});

}  // namespace slipway::control
