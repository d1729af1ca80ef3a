// SPDX-License-Identifier: Apache-2.0
//
// What an import reads: a folder, a single file, or the tree inside an ISO 9660 image (libarchive,
// with Joliet and Rock Ridge). Files go to the sink one block at a time, so size does not matter.
//
// A symbolic link is followed only to a file inside the folder; one that leads out, or a device or
// socket, ends the import: a set must not hold by accident what it was not meant to.
#pragma once

#include <absl/status/status.h>

#include <filesystem>
#include <string>

#include "protocols/base/bytes.h"

namespace slipway::control {

class FileSink {
 public:
  virtual ~FileSink() = default;
  // Files come one after another: Begin, Append any number of times, End.
  virtual absl::Status Begin(const std::string& path) = 0;  // sanitised, relative
  virtual absl::Status Append(Bytes bytes) = 0;
  virtual absl::Status End() = 0;
};

absl::Status ReadFolder(const std::filesystem::path& folder, FileSink& sink);
// `name`: its path in the set.
absl::Status ReadSingleFile(const std::filesystem::path& file, const std::string& name,
                            FileSink& sink);
absl::Status ReadIsoTree(const std::filesystem::path& iso, FileSink& sink);

}  // namespace slipway::control
