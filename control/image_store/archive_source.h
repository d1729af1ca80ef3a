// SPDX-License-Identifier: Apache-2.0
//
// The tree inside an archive: tar (POSIX.1-2001 ustar and pax, GNU tar; also packed by gzip, xz or
// zstd) and ISO 9660 with Joliet and Rock Ridge, read by libarchive one block at a time.
//
// An archive comes from anywhere, so its entries are believed in nothing. Refused, and which entry
// and which value is said: names that are absolute, have "..", or are not UTF-8; two entries of one
// name; symbolic links out of the tree; hard links; devices, pipes and sockets; what is beyond
// UnpackLimits; an entry that is shorter than it says.
// A symbolic link to a file of the tree becomes another name of its bytes, as do the entries of an
// ISO image that share their extents. Links to folders, and to what is not there, are left out.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "control/image_store/source.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

// Distributions' DVDs have about ten thousand entries, and files of up to some gigabytes.
struct UnpackLimits {
  std::size_t files = kFilesMax;
  std::size_t entries = 100000;  // folders and links with them
  std::uint64_t file_bytes = std::uint64_t{16} << 30;
  std::uint64_t bytes = std::uint64_t{64} << 30;
  // Bytes that may come out for each byte of the archive, beside the allowance. Kernels and
  // compressed file systems stay below 3; ten gigabytes of zeros packed by gzip are at 1030.
  std::uint64_t ratio = 200;
  std::uint64_t allowance = std::uint64_t{64} << 20;  // bytes
};

enum class ArchiveKind : std::uint8_t { kTar, kIso };

// By the file's name, in any case: .tar, .tar.gz, .tgz, .tar.xz, .txz, .tar.zst, .tzst; .iso.
std::optional<ArchiveKind> ArchiveKindOf(std::string_view name);

absl::Status ReadArchive(const std::filesystem::path& file, ArchiveKind kind, FileSink& sink,
                         const UnpackLimits& limits = {});
// The same of bytes in memory.
absl::Status ReadArchive(Bytes bytes, ArchiveKind kind, FileSink& sink,
                         const UnpackLimits& limits = {});

}  // namespace slipway::control
