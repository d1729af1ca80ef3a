// SPDX-License-Identifier: Apache-2.0
//
// MappedFile: a whole file as bytes, read-only, paged in as it is looked at. For files that do not
// change while they are mapped: blobs of the image store, and an upload that is whole.
#pragma once

#include <filesystem>
#include <utility>

#include "absl/status/statusor.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

class MappedFile {
 public:
  static absl::StatusOr<MappedFile> Open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  Bytes bytes() const { return bytes_; }

 private:
  explicit MappedFile(MutableBytes bytes) : bytes_(bytes) {}

  MutableBytes bytes_;
};

}  // namespace slipway::control
