// SPDX-License-Identifier: Apache-2.0
#include "control/serve/boot_version.h"

#include <string_view>

#include "control/boots/words.h"
#include "protocols/http/machine_catalog.h"

namespace slipway::control {
namespace {

constexpr std::size_t kDigestDigits = 12;

// "/debian/0123456789ab/EFI/BOOT/BOOTX64.EFI" is "debian/0123456789ab"; a tag's path is none, nor
// is a machine's own document.
std::string VersionIn(std::string_view path) {
  if (!path.starts_with('/') || path.starts_with(http::kMachinePrefix)) return "";
  const std::size_t slash = path.find('/', 1);
  if (slash == path.npos) return "";
  const std::string_view digest = path.substr(slash + 1, path.find('/', slash + 1) - slash - 1);
  if (digest.size() != kDigestDigits ||
      digest.find_first_not_of("0123456789abcdef") != digest.npos) {
    return "";
  }
  return std::string(path.substr(1, slash + kDigestDigits));
}

}  // namespace

std::string VersionOf(const Boot& boot) {
  for (const BootStep& step : boot.steps) {
    if (step.kind != dataplane::EventKind::kHttpRequest) continue;
    if (std::string version = VersionIn(PathOf(step.text)); !version.empty()) return version;
  }
  return "";
}

}  // namespace slipway::control
