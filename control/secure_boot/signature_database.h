// SPDX-License-Identifier: Apache-2.0
//
// db and dbx: EFI signature lists (UEFI 2.10 section 32.4.1) out of whatever an operator has:
// a raw list (.esl, or what efivarfs shows), an authenticated update (.auth, 8.2.2), a certificate
// (DER or PEM), or a variable store of EDK II (OVMF's VARS file; MdeModulePkg's
// VariableFormat.h: firmware volume, VARIABLE_STORE_HEADER, AUTHENTICATED_VARIABLE_HEADER).
//
// An update's own signature is not checked: the operator's word stands for the file.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "control/secure_boot/authenticode.h"
#include "control/secure_boot/pe_image.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

enum class DatabaseEntryKind : std::uint8_t {
  kCertificate,      // X.509, DER
  kImageDigest,      // Authenticode digest of an image
  kCertificateHash,  // digest of a certificate's TBSCertificate (dbx)
};

struct DatabaseEntry {
  DatabaseEntryKind kind = DatabaseEntryKind::kCertificate;
  DigestAlgorithm algorithm = DigestAlgorithm::kSha256;  // of the digest, where it is one
  std::string owner;                                     // GUID, as text
  std::string data;                                      // the DER form, or the digest
  friend bool operator==(const DatabaseEntry&, const DatabaseEntry&) = default;
};

using SignatureDatabase = std::vector<DatabaseEntry>;

// Concatenated lists. Types that image verification does not use (RSA2048, ...) are passed over.
absl::StatusOr<SignatureDatabase> ParseSignatureLists(Bytes lists);

// The value of a variable of EDK II's authenticated store, of the image security database's GUID;
// an error when the volume is malformed, nullopt when it has no such variable.
absl::StatusOr<std::optional<std::string>> ReadSecurityVariable(Bytes volume,
                                                                std::string_view name);

// True for what ReadSecurityVariable reads: it may hold several databases.
bool IsVariableStore(Bytes file);

// Any of the forms above. `name`: "db" or "dbx", to be looked up in a variable store.
absl::StatusOr<SignatureDatabase> ReadDatabase(Bytes file, std::string_view name);

bool HasImageDigest(const SignatureDatabase& database, DigestAlgorithm algorithm,
                    std::string_view digest);
// By the hash of its TBSCertificate alone (EDK II, IsCertHashFoundInDbx). The time from which a
// certificate is revoked is not read: firmware without trusted timestamps (dbt) takes it as always.
bool HasCertificateHash(const SignatureDatabase& database, const Certificate& certificate);

// "8be4df61-93ca-11d2-aa0d-00e098032b8c" of a GUID's 16 bytes.
std::string GuidText(Bytes guid);

}  // namespace slipway::control
