// SPDX-License-Identifier: Apache-2.0
//
// Files that are whole or not there: written beside, synced, renamed, and the folder synced. After
// a crash at any instant a name leads to the old bytes or the new ones.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <filesystem>
#include <string>
#include <utility>

#include "control/image_store/digest.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

// An open file; closed at the end.
class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor = -1) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileDescriptor();
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// `flags` as open(2); O_CLOEXEC is added. New files have mode 0644.
absl::StatusOr<FileDescriptor> OpenFile(const std::filesystem::path& path, int flags);
absl::Status WriteAll(const FileDescriptor& file, const std::filesystem::path& path, Bytes bytes);
// Reads up to out.size() bytes, fewer only at the end of the file.
absl::StatusOr<std::size_t> ReadSome(const FileDescriptor& file, const std::filesystem::path& path,
                                     MutableBytes out);
// The whole of a small file; refused beyond `limit` bytes.
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path, std::size_t limit);

// A file that is being written in `incoming` and will get its name when it is whole. Its temporary
// name goes away with the object, or, after a crash, when the store is opened.
class NewFile {
 public:
  static absl::StatusOr<NewFile> Create(const std::filesystem::path& incoming);
  NewFile(NewFile&&) = default;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  absl::Status Append(Bytes bytes);
  // Syncs and renames; the caller syncs the folder of `target` when it wrote all it has.
  absl::Status Commit(const std::filesystem::path& target);

  std::string TakeDigest() { return sha_.Hex(); }
  std::uint64_t size() const { return size_; }
  // The first bytes, at most 4 KiB: enough to see what kind of file it is.
  const std::string& head() const { return head_; }

 private:
  NewFile(FileDescriptor file, std::filesystem::path path)
      : file_(std::move(file)), path_(std::move(path)) {}

  FileDescriptor file_;
  std::filesystem::path path_;  // empty once committed or moved from
  Sha256 sha_;
  std::uint64_t size_ = 0;
  std::string head_;
};

}  // namespace slipway::control
