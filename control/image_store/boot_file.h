// SPDX-License-Identifier: Apache-2.0
//
// Which file of a set a machine is told to fetch. The architecture is read from the PE header of
// the program itself (PE/COFF specification 2 and 3.3.1), never from its name.
//
// Rules, first that fits wins for an architecture: what the operator said; the only file;
// EFI/BOOT/BOOT*.EFI, UEFI's removable media path; shim*.efi, and bootnet*.efi as Debian calls it;
// the only *.efi of that architecture; the only .iso or .img, a RAM disk, for every architecture.
#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/image_store/image_set.h"

namespace slipway::control {

// UEFI's short name of the architecture a PE program is for, from its first bytes; nullopt when
// they are no PE header.
std::optional<std::string_view> PeArchitecture(Bytes head);

// What a file is, by its first bytes and its name: "uki", "efi", "kernel", "initrd", "iso", "disk",
// "squashfs"; "tree" where it is nothing of these.
std::string_view RoleOf(std::string_view path, Bytes head);

// Refused: the file's program, from its first bytes, is for another architecture than is said.
// "any" and what is no program are never refused.
absl::Status HoldArchitecture(const std::string& path, std::string_view said, Bytes head);

struct BootCandidate {
  std::string path;
  std::string architecture;  // empty when it is no EFI program
};

absl::StatusOr<std::map<std::string, std::string>> ChooseBootFiles(
    const std::vector<BootCandidate>& files, const std::map<std::string, std::string>& chosen);

}  // namespace slipway::control
