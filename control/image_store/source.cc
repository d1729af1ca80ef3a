// SPDX-License-Identifier: Apache-2.0
//
// Sources of an import: see the header.
#include "control/image_store/source.h"

#include <fcntl.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "control/image_store/files.h"
#include "control/image_store/image_set.h"
#include "control/image_store/refusal.h"

namespace slipway::control {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kBlock = std::size_t{1} << 20;

absl::Status Escapes(const fs::path& path) {
  return Refuse(absl::StatusCode::kInvalidArgument,
                {.where = path.string(),
                 .what = "neither a file nor a folder, or a link that leads out of the source",
                 .rule = "an image set holds only files of its source",
                 .remedy = "copy what it should hold into the source"});
}

absl::Status TooMany(const fs::path& source) {
  return Refuse(absl::StatusCode::kInvalidArgument,
                {.where = source.string(),
                 .what = "more than " + std::to_string(kFilesMax) + " files",
                 .remedy = "import only what is booted, or the ISO as one RAM disk"});
}

bool IsInside(const fs::path& root, const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return false;
  return std::mismatch(root.begin(), root.end(), real.begin(), real.end()).first == root.end();
}

absl::Status CopyFile(const fs::path& file, const std::string& path, FileSink& sink) {
  const auto open = OpenFile(file, O_RDONLY);
  if (!open.ok()) return open.status();
  if (absl::Status status = sink.Begin(path); !status.ok()) return status;
  std::vector<std::uint8_t> block(kBlock);
  while (true) {
    const auto got = ReadSome(*open, file, block);
    if (!got.ok()) return got.status();
    if (absl::Status status = sink.Append(Bytes(block).first(*got)); !status.ok()) return status;
    if (*got < block.size()) return sink.End();
  }
}

}  // namespace

absl::Status ReadFolder(const fs::path& folder, FileSink& sink) {
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) return SystemFailure(folder.string(), "open", error.value());
  // Links to folders are not entered: they could make a circle.
  fs::recursive_directory_iterator walk(root, error);
  std::vector<fs::path> files;
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    const fs::file_status own = walk->symlink_status(error);
    if (error) break;
    if (fs::is_directory(own)) continue;
    std::error_code ignored;
    const bool regular = fs::is_regular_file(fs::status(walk->path(), ignored));
    if (!regular || !IsInside(root, walk->path())) return Escapes(walk->path());
    files.push_back(walk->path());
    if (files.size() > kFilesMax) return TooMany(folder);
  }
  if (error) return SystemFailure(folder.string(), "list", error.value());
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    const auto path = SanitizePath(file.lexically_relative(root).generic_string());
    if (!path.ok()) return path.status();
    if (absl::Status status = CopyFile(file, *path, sink); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ReadSingleFile(const fs::path& file, const std::string& name, FileSink& sink) {
  const auto path = SanitizePath(name);
  if (!path.ok()) return path.status();
  return CopyFile(file, *path, sink);
}

}  // namespace slipway::control
