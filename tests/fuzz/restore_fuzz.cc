// SPDX-License-Identifier: Apache-2.0
//
// One file as a backup to restore: what comes out are files of a backup, all of them, and what is
// refused leaves nothing behind.
#include <unistd.h>

#include <fstream>

#include "control/backup/backup.h"
#include "control/backup/layout.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  namespace fs = std::filesystem;
  static const fs::path folder =
      fs::temp_directory_path() / ("slipway-restore-fuzz-" + std::to_string(getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "tar", std::ios::binary) << slipway::AsText({data, size});
  const auto restored = Restore(folder / "tar", folder / "state");
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path() == folder / "tar") continue;
    SLIPWAY_CHECK(IsBackupName(entry.path().lexically_relative(folder / "state").string()));
    ++files;
  }
  SLIPWAY_CHECK(restored.ok() ? files == restored->files : !fs::exists(folder / "state"));
  fs::remove_all(folder);
  return 0;
}
