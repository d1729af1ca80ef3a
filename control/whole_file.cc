// SPDX-License-Identifier: Apache-2.0
#include "control/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "control/text.h"

namespace slipway::control {
namespace {

absl::Status SystemError(const std::filesystem::path& file, std::string_view what) {
  return absl::UnavailableError(Text(file.string(), ": ", what, ": ",
                                     std::string_view(std::strerror(errno)),
                                     "; make its folder readable and writable for this user"));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return SystemError(file, "cannot be read");
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

absl::Status WriteFile(const std::filesystem::path& file, std::string_view text, unsigned mode) {
  const std::filesystem::path temporary = file.string() + ".new";
  std::error_code error;
  std::filesystem::remove(temporary, error);  // else it is in the way, which open() says
  const int descriptor =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, static_cast<mode_t>(mode));
  if (descriptor < 0) return SystemError(temporary, "cannot be written");
  bool good = true;
  for (std::string_view rest = text; good && !rest.empty();) {
    const ssize_t written = ::write(descriptor, rest.data(), rest.size());
    good = written > 0;
    if (good) rest.remove_prefix(static_cast<std::size_t>(written));
  }
  good = good && ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (good && std::rename(temporary.c_str(), file.c_str()) == 0) return absl::OkStatus();
  absl::Status status = SystemError(file, "cannot be written");
  std::filesystem::remove(temporary, error);  // it may hold half a secret
  return status;
}

absl::Status SyncFolder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool good = descriptor >= 0 && ::fsync(descriptor) == 0;
  absl::Status status = good ? absl::OkStatus() : SystemError(folder, "cannot be written to disk");
  if (descriptor >= 0) ::close(descriptor);
  return status;
}

}  // namespace slipway::control
