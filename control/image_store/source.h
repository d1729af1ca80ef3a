// SPDX-License-Identifier: Apache-2.0
//
// What an import reads: a folder or a single file; archive_source.h reads trees in archives. Files
// go to the sink one block at a time, so size does not matter.
//
// A symbolic link is followed only to a file inside the folder; one that leads out, or a device or
// socket, ends the import: a set must not hold by accident what it was not meant to.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <filesystem>
#include <string>

#include "protocols/base/bytes.h"

namespace slipway::control {

// Files of one image set.
inline constexpr std::size_t kFilesMax = 20000;

class FileSink {
 public:
  virtual ~FileSink() = default;
  // Files come one after another: Begin, Append any number of times, End.
  virtual absl::Status Begin(const std::string& path) = 0;  // sanitised, relative
  virtual absl::Status Append(Bytes bytes) = 0;
  virtual absl::Status End() = 0;
  // Another file with the bytes of one that has ended; both paths sanitised.
  virtual absl::Status Same(const std::string& path, const std::string& as) = 0;
};

absl::Status ReadFolder(const std::filesystem::path& folder, FileSink& sink);
// `name`: its path in the set.
absl::Status ReadSingleFile(const std::filesystem::path& file, const std::string& name,
                            FileSink& sink);

}  // namespace slipway::control
