// SPDX-License-Identifier: Apache-2.0
//
// Boot files: see the header.
#include "control/image_store/boot_file.h"

#include <algorithm>
#include <functional>

#include "control/image_store/refusal.h"
#include "control/secure_boot/pe_image.h"
#include "control/text.h"
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
// bootnet*.efi: what Debian's netboot.tar.gz calls shim, beside a GRUB.
bool IsShim(const BootCandidate& file) {
  const std::string_view name = std::string_view(file.path).substr(file.path.rfind('/') + 1);
  return IsProgram(file) && (StartsWith(name, "shim") || StartsWith(name, "bootnet")) &&
         EndsWith(name, ".efi");
}
bool IsEfiProgram(const BootCandidate& file) {
  return IsProgram(file) && EndsWith(file.path, ".efi");
}

// Whether the section table, as far as it is in these first bytes, has a kernel of a UKI.
bool HasUkiSection(Bytes head) {
  const auto at = [&](std::size_t index, std::size_t size) {
    std::size_t value = 0;
    for (std::size_t i = size; i != 0; --i) {
      value = value << 8 | (index + i <= head.size() ? head[index + i - 1] : 0);
    }
    return value;
  };
  const std::size_t pe = at(0x3c, 4);
  const std::size_t table = pe + 24 + at(pe + 20, 2);
  for (std::size_t i = 0; i < at(pe + 6, 2); ++i) {
    const std::size_t name = table + i * 40;
    if (name + 8 > head.size()) return false;
    if (Equal(head.subspan(name, 7), AsBytes(std::string_view(".linux\0", 7)))) return true;
  }
  return false;
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

std::string_view RoleOf(std::string_view path, Bytes head) {
  const auto at = [&](std::size_t offset, std::string_view mark) {
    return head.size() >= offset + mark.size() &&
           Equal(head.subspan(offset, mark.size()), AsBytes(mark));
  };
  const std::string_view name = path.substr(path.rfind('/') + 1);
  // Linux, Documentation/arch/x86/boot.rst (HdrS), arm64/booting.rst and
  // riscv/boot-image-header.rst.
  if (at(0x202, "HdrS") || at(0x38, "ARM\x64") || at(0x38, "RSC\x05")) return "kernel";
  if (PeArchitecture(head)) return HasUkiSection(head) ? "uki" : "efi";
  if (at(0, "hsqs")) return "squashfs";  // Documentation/filesystems/squashfs.rst
  if (EndsWith(name, ".iso")) return "iso";
  if (EndsWith(name, ".img") && !StartsWith(name, "initr")) return "disk";
  if (StartsWith(name, "initrd") || StartsWith(name, "initramfs")) return "initrd";
  if (StartsWith(name, "vmlinu")) return "kernel";
  return "tree";
}

absl::Status HoldArchitecture(const std::string& path, std::string_view said, Bytes head) {
  const auto found = PeArchitecture(head);
  if (!found || said.empty() || said == "any" || *found == said) return absl::OkStatus();
  return Refuse(absl::StatusCode::kInvalidArgument,
                {.where = path,
                 .what = "is said to be for " + std::string(said) + ", and is a program for " +
                         std::string(*found),
                 .rule = "firmware starts no program of another architecture",
                 .remedy = "name it for " + std::string(*found) + ", or bring the other file"});
}

absl::StatusOr<Boot> ChooseBootFiles(const std::vector<BootCandidate>& files, const Boot& chosen) {
  Boot boot;
  for (const auto& [architecture, path] : chosen) {
    const auto found = std::ranges::find(files, path, &BootCandidate::path);
    const std::string where = Text("boot file ", path, " for ", architecture);
    if (found == files.end()) {
      return Refuse(absl::StatusCode::kInvalidArgument,
                    {.where = where,
                     .what = "not a file of the image set",
                     .remedy = "name it as it stands below the source"});
    }
    if (IsProgram(*found) && architecture != "any" && architecture != found->architecture) {
      return Refuse(absl::StatusCode::kInvalidArgument,
                    {.where = where,
                     .what = "is a program for " + found->architecture,
                     .rule = "firmware starts no program of another architecture",
                     .remedy = "say --boot " + found->architecture + "=" + path});
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
    return Refuse(
        absl::StatusCode::kInvalidArgument,
        {.where = "image set",
         .what = "no boot file found, or several that fit",
         .rule = "it is EFI/BOOT/BOOT*.EFI, shim*.efi, bootnet*.efi, the only *.efi, or the only "
                 ".iso",
         .remedy = "say which with --boot ARCHITECTURE=PATH"});
  }
  return boot;
}

}  // namespace slipway::control
