// SPDX-License-Identifier: Apache-2.0
//
// ImageSet: what one machine boots, as a value, and as an OCI manifest (image-spec 1.1): one layer
// per file, its path in org.opencontainers.image.title; all else in annotations
// (docs/image-sets.md, "The manifest"). The manifest is a pure function of what it says, so
// importing the same tree twice gives the same digest.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/bytes.h"

namespace slipway::control {

inline constexpr std::string_view kArtifactType = "application/vnd.slipway.image-set.v1";

struct ImageFile {
  std::string path;        // relative, as SanitizePath gives it: "EFI/BOOT/BOOTX64.EFI"
  std::string digest;      // SHA-256, hex
  std::uint64_t size = 0;  // bytes
  std::string media_type;
  // What it is: "boot", "efi", "uki", "kernel", "initrd", "iso", "disk", "squashfs" or "tree"; of
  // others' manifests any word. Empty: a manifest from before roles.
  std::string role;
  // UEFI's short name, of a program or of what it is booted with; empty: for none or for all.
  std::string architecture;
  friend bool operator==(const ImageFile&, const ImageFile&) = default;
};

struct ImageSet {
  std::string reference;         // "name:tag"
  std::string digest;            // of the manifest: names this version for good
  std::int64_t created = 0;      // seconds since 1970 of its import
  std::vector<ImageFile> files;  // by path, ascending
  // Architecture (UEFI's short name: x64, ia32, aa64, arm, riscv64, ... or "any") to a file's path.
  std::map<std::string, std::string> boot;
  // Architecture (or "any") to the kernel arguments meant for it; {base}, {host} and {path} in them
  // stand for the set's address (layout.h).
  std::map<std::string, std::string> arguments;
  std::map<std::string, std::string> labels;
  // What firmware and machine need at least: "ram-disk" is "true", "memory-mib" a number.
  std::map<std::string, std::string> needs;

  std::uint64_t bytes() const;
  const ImageFile* Find(std::string_view path) const;
  // The file for `architecture`, or the one for any; null when there is neither.
  const ImageFile* BootFile(const std::string& architecture) const;
};

std::string ManifestOf(const ImageSet& set);
// `where` stands in errors. Gives files and boot; reference, digest and created are the caller's.
absl::StatusOr<ImageSet> ParseManifest(const std::string& text, const std::string& where);

// A file's path inside a set, without "." and empty parts. Refused: absolute, "..", backslashes,
// control characters, not UTF-8, longer than 512 bytes, nothing left.
inline constexpr const char* kPathRule =
    "paths are relative, at most 512 bytes of UTF-8, without \"..\", backslashes and control "
    "characters";
// Which of that holds for the path, in words; empty: none, or nothing would be left.
std::string PathFault(std::string_view path);
// The text as it may stand in a message: what is not UTF-8 as \xNN.
std::string Printable(std::string_view text);
absl::StatusOr<std::string> SanitizePath(std::string_view path);

// "name:tag" with ":latest" added where there is no tag. Names and tags as OCI's distribution-spec
// has them.
absl::StatusOr<std::string> CanonicalReference(std::string_view reference);
// Whether a set may come in under this reference, or name. "machine" is kept: machines find their
// documents at /machine/MAC/NAME (protocols/http/machine_catalog.h), and files of a set of that
// name, with a MAC or UUID as its tag, would stand in their place. One that is there already may be
// used and removed. InvalidArgument otherwise.
inline constexpr std::string_view kKeptName = "machine";
absl::Status CheckNewName(std::string_view reference);

}  // namespace slipway::control
