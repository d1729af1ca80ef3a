// SPDX-License-Identifier: Apache-2.0
#include "control/state/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "control/text.h"

namespace slipway::control {

absl::StatusOr<StateLock> StateLock::Take(const std::filesystem::path& state_directory) {
  const auto file = state_directory / "lock";
  StateLock lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (lock.descriptor_ < 0) {
    return absl::UnavailableError(
        Text(file.string(), ": cannot be written: ", std::string_view(std::strerror(errno)),
             "; make its folder writable for the daemon"));
  }
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 16> text{};
    const ssize_t size = ::pread(lock.descriptor_, text.data(), text.size(), 0);
    std::string holder(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    while (holder.ends_with('\n')) holder.pop_back();
    return absl::FailedPreconditionError(
        Text("state.directory = \"", state_directory.string(), "\": slipwayd",
             holder.empty() ? std::string() : " (process " + holder + ')',
             " runs on it already; stop it, or name another directory"));
  }
  // For people alone: the lock holds whether or not it can be written down.
  const std::string holder = std::to_string(::getpid()) + '\n';
  if (::ftruncate(lock.descriptor_, 0) == 0) {
    static_cast<void>(::pwrite(lock.descriptor_, holder.data(), holder.size(), 0));
  }
  return lock;
}

StateLock::~StateLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace slipway::control
