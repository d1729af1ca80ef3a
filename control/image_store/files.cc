// SPDX-License-Identifier: Apache-2.0
//
// Files: see the header.
#include "control/image_store/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "control/image_store/refusal.h"

namespace slipway::control {

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

absl::StatusOr<FileDescriptor> OpenFile(const std::filesystem::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (descriptor < 0) return SystemFailure(path.string(), "open", errno);
  return FileDescriptor(descriptor);
}

absl::Status WriteAll(const FileDescriptor& file, const std::filesystem::path& path, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemFailure(path.string(), "write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> ReadSome(const FileDescriptor& file, const std::filesystem::path& path,
                                     MutableBytes out) {
  std::size_t size = 0;
  while (size != out.size()) {
    const ssize_t got = ::read(file.get(), out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemFailure(path.string(), "read", errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path, std::size_t limit) {
  auto file = OpenFile(path, O_RDONLY);
  if (!file.ok()) return file.status();
  std::string text;
  std::array<std::uint8_t, 65536> block;
  while (true) {
    const auto got = ReadSome(*file, path, block);
    if (!got.ok()) return got.status();
    text += AsText(Bytes(block).first(*got));
    if (text.size() > limit) {
      return Refuse(absl::StatusCode::kInvalidArgument,
                    {.where = path.string(),
                     .what = "longer than " + std::to_string(limit) + " bytes",
                     .rule = "documents of an image store are short"});
    }
    if (*got < block.size()) return text;
  }
}

absl::StatusOr<NewFile> NewFile::Create(const std::filesystem::path& incoming) {
  std::string name = (incoming / "XXXXXX").string();
  const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor < 0) return SystemFailure(incoming.string(), "create a file", errno);
  return NewFile(FileDescriptor(descriptor), name);
}

NewFile::~NewFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

absl::Status NewFile::Append(Bytes bytes) {
  constexpr std::size_t kHead = 4096;
  if (head_.size() < kHead) {
    head_ += AsText(bytes.first(std::min(bytes.size(), kHead - head_.size())));
  }
  sha_.Update(bytes);
  size_ += bytes.size();
  return WriteAll(file_, path_, bytes);
}

absl::Status NewFile::Commit(const std::filesystem::path& target) {
  // mkostemp gives 0600; what is stored may be read by whoever may enter the folder.
  if (::fchmod(file_.get(), 0644) != 0 || ::fsync(file_.get()) != 0) {
    return SystemFailure(path_.string(), "sync", errno);
  }
  if (::rename(path_.c_str(), target.c_str()) != 0) {
    return SystemFailure(target.string(), "put in place", errno);
  }
  path_.clear();
  return absl::OkStatus();
}

}  // namespace slipway::control
