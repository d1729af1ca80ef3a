// SPDX-License-Identifier: Apache-2.0
#include "control/image_store/staging.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "control/image_store/refusal.h"

namespace slipway::control {
namespace fs = std::filesystem;

absl::StatusOr<Staging> Staging::Create(const fs::path& incoming) {
  std::string folder = (incoming / "import-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return SystemFailure(folder, "create", errno);
  auto lock = OpenFile(folder, O_RDONLY | O_DIRECTORY);
  if (!lock.ok()) return lock.status();
  if (::flock(lock->get(), LOCK_EX) != 0) return SystemFailure(folder, "lock", errno);
  return Staging(*std::move(lock), folder);
}

Staging::Staging(Staging&& other) noexcept
    : lock_(std::move(other.lock_)), folder_(std::exchange(other.folder_, {})) {}

Staging::~Staging() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

void Staging::RemoveAbandoned(const fs::path& folder) {
  const auto lock = OpenFile(folder, O_RDONLY | O_DIRECTORY);
  if (!lock.ok() || ::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) return;
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

}  // namespace slipway::control
