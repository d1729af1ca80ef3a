// SPDX-License-Identifier: Apache-2.0
//
// shim, as far as it decides what is loaded after it: the vendor's certificates and revocations in
// its .vendor_cert section (shim's cert.S: four 32-bit numbers, then the two databases), and the
// SBAT levels it brings along. A vendor database is one certificate or EFI signature lists.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "control/secure_boot/pe_image.h"
#include "control/secure_boot/sbat.h"
#include "control/secure_boot/signature_database.h"

namespace slipway::control {

struct Shim {
  std::string path;  // in its image set
  SignatureDatabase vendor_db;
  SignatureDatabase vendor_dbx;
  std::optional<SbatLevels> levels;
};

// Nullopt when the image is no shim.
absl::StatusOr<std::optional<Shim>> ReadShim(const PeImage& image, const std::string& path);

}  // namespace slipway::control
