// SPDX-License-Identifier: Apache-2.0
#include "control/serve/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "control/image_store/files.h"
#include "control/image_store/refusal.h"

namespace slipway::control {

absl::StatusOr<MappedFile> MappedFile::Open(const std::filesystem::path& path) {
  const auto file = OpenFile(path, O_RDONLY);
  if (!file.ok()) return file.status();
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return SystemFailure(path.string(), "measure", errno);
  if (status.st_size == 0) return MappedFile(MutableBytes());
  const auto size = static_cast<std::size_t>(status.st_size);
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file->get(), 0);
  if (at == MAP_FAILED) return SystemFailure(path.string(), "map", errno);
  return MappedFile(MutableBytes(static_cast<std::uint8_t*>(at), size));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace slipway::control
