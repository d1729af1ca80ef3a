// SPDX-License-Identifier: Apache-2.0
//
// Boot files: see the header.
#include "control/image_store/boot_file.h"

#include <algorithm>
#include <functional>

#include "control/image_store/refusal.h"
#include "control/secure_boot/pe_image.h"
#include "protocols/http/request.h"

namespace slipway::control {
namespace {

using http::EqualIgnoringCase;

bool EndsWith(std::string_view path, std::string_view end) {
  return path.size() >= end.size() && EqualIgnoringCase(path.substr(path.size() - end.size()), end);
}
bool StartsWith(std::string_view path, std::string_view start) {
  return EqualIgnoringCase(path.substr(0, start.size()), start);
}
bool IsProgram(const BootCandidate& file) { return !file.architecture.empty(); }
bool IsDisk(const BootCandidate& file) {
  return EndsWith(file.path, ".iso") || EndsWith(file.path, ".img");
}
bool IsRemovablePath(const BootCandidate& file) {
  return IsProgram(file) && StartsWith(file.path, "EFI/BOOT/BOOT") && EndsWith(file.path, ".efi");
}
bool IsShim(const BootCandidate& file) {
  const std::string_view name = std::string_view(file.path).substr(file.path.rfind('/') + 1);
  return IsProgram(file) && StartsWith(name, "shim") && EndsWith(name, ".efi");
}
bool IsEfiProgram(const BootCandidate& file) {
  return IsProgram(file) && EndsWith(file.path, ".efi");
}

using Boot = std::map<std::string, std::string>;
using Rule = bool (*)(const BootCandidate&);

// For every architecture that has no boot file yet: the one file that fits, if it is alone.
void Apply(Rule rule, const std::vector<BootCandidate>& files, Boot& boot) {
  std::map<std::string, std::vector<std::string>> fitting;
  for (const BootCandidate& file : files) {
    if (!rule(file)) continue;
    fitting[IsProgram(file) ? file.architecture : "any"].push_back(file.path);
  }
  for (const auto& [architecture, paths] : fitting) {
    if (paths.size() == 1) boot.emplace(architecture, paths.front());
  }
}

}  // namespace

std::optional<std::string_view> PeArchitecture(Bytes head) {
  const auto at = [&](std::size_t index) -> std::size_t {
    return index < head.size() ? head[index] : 0;
  };
  if (at(0) != 'M' || at(1) != 'Z') return {};
  const std::size_t pe = at(0x3c) | at(0x3d) << 8 | at(0x3e) << 16 | at(0x3f) << 24;
  if (pe > head.size() || head.size() - pe < 6) return {};
  if (!Equal(head.subspan(pe, 4), AsBytes(std::string_view("PE\0\0", 4)))) return {};
  return PeMachineName(static_cast<std::uint16_t>(at(pe + 4) | at(pe + 5) << 8));
}

absl::StatusOr<Boot> ChooseBootFiles(const std::vector<BootCandidate>& files, const Boot& chosen) {
  Boot boot;
  for (const auto& [architecture, path] : chosen) {
    if (std::ranges::find(files, path, &BootCandidate::path) == files.end()) {
      return Refuse(absl::StatusCode::kInvalidArgument,
                    {.where = "boot file " + path + " for " + architecture,
                     .what = "not a file of the image set",
                     .remedy = "name it as it stands below the source"});
    }
    boot[architecture] = path;
  }
  if (files.size() == 1 && boot.empty()) {
    const BootCandidate& only = files.front();
    boot[IsProgram(only) ? only.architecture : "any"] = only.path;
  }
  for (const Rule rule : {&IsRemovablePath, &IsShim, &IsEfiProgram}) Apply(rule, files, boot);
  if (boot.empty()) Apply(&IsDisk, files, boot);
  if (boot.empty()) {
    return Refuse(absl::StatusCode::kInvalidArgument,
                  {.where = "image set",
                   .what = "no boot file found, or several that fit",
                   .rule = "it is EFI/BOOT/BOOT*.EFI, shim*.efi, the only *.efi, or the only .iso",
                   .remedy = "say which with --boot ARCHITECTURE=PATH"});
  }
  return boot;
}

}  // namespace slipway::control
