// SPDX-License-Identifier: Apache-2.0
//
// One file as a tar and as an ISO 9660 image; what comes out has clean names and keeps the limits.
#include "control/image_store/archive_source.h"
#include "control/image_store/image_set.h"
#include "protocols/base/check.h"

namespace slipway::control {
struct Sink final : FileSink {
  absl::Status Begin(const std::string& path) override { return Note(path, 0); }
  absl::Status Append(Bytes part) override { return Note("-", part.size()); }
  absl::Status End() override { return Note("-", 0); }
  absl::Status Same(const std::string& path, const std::string&) override { return Note(path, 0); }
  absl::Status Note(const std::string& path, std::size_t size) {
    SLIPWAY_CHECK(SanitizePath(path).ok() && *SanitizePath(path) == path);
    SLIPWAY_CHECK((total += size) <= 1 << 20);
    return absl::OkStatus();
  }
  std::size_t total = 0;
};
}  // namespace slipway::control

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  for (const ArchiveKind kind : {ArchiveKind::kTar, ArchiveKind::kIso}) {
    Sink sink;
    static_cast<void>(ReadArchive({data, size}, kind, sink, {.files = 100, .bytes = 1 << 20}));
  }
  return 0;
}
