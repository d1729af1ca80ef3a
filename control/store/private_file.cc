// SPDX-License-Identifier: Apache-2.0
#include "control/store/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "control/text.h"

namespace slipway::control {

absl::Status MakePrivate(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return absl::UnavailableError(Text(file.string(), ": cannot be opened; is it another user's?"));
  }
  ::close(descriptor);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const std::string each = file.string() + suffix;
    if (::chmod(each.c_str(), 0600) != 0 && errno != ENOENT) {
      return absl::UnavailableError(Text(each, ": cannot be made private; is it another user's?"));
    }
  }
  return absl::OkStatus();
}

}  // namespace slipway::control
