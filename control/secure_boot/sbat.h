// SPDX-License-Identifier: Apache-2.0
//
// SBAT (shim's SBAT.md): the .sbat section says of which generation each component of a program
// is; SbatLevel says which generation of it is the oldest that is still trusted. shim compares them
// for itself and for every program that it loads; firmware knows nothing of it.
//
// Rules as in shim's sbat.c and csv.c: lines of at least six fields in a section and two in a
// level; a component that the level does not name passes; a generation that is no number counts as
// zero, which shim's atoi makes of it. Stricter: a first component other than "sbat" is malformed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "control/secure_boot/pe_image.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

struct SbatEntry {
  std::string component;
  std::uint32_t generation = 0;
  std::string vendor;   // empty in a level
  std::string version;  // of the package; in a level's first line, its date
  friend bool operator==(const SbatEntry&, const SbatEntry&) = default;
};

using Sbat = std::vector<SbatEntry>;

absl::StatusOr<Sbat> ParseSbat(Bytes section);
absl::StatusOr<Sbat> ParseSbatLevel(Bytes level);

struct SbatLevels {
  Sbat automatic;  // what shim writes into SbatLevel at its next start, unless told otherwise
  Sbat latest;     // what it writes when the operator asks for it (mokutil --set-sbat-policy)
};

// Of a shim: its .sbatlevel section; nullopt when the image has none (it is no shim, or is older
// than 15.7).
absl::StatusOr<std::optional<SbatLevels>> ReadSbatLevels(const PeImage& image);

struct SbatRevocation {
  SbatEntry entry;
  std::uint32_t wanted = 0;  // the generation that the level asks for
};

// The first component that is too old; nullopt: shim lets it pass.
std::optional<SbatRevocation> FindRevoked(const Sbat& sbat, const Sbat& level);

// The level that asks for more: by the date in its first line.
const Sbat& NewerLevel(const Sbat& a, const Sbat& b);

}  // namespace slipway::control
