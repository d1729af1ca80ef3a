// SPDX-License-Identifier: Apache-2.0
//
// PE/COFF images as UEFI firmware loads them (PE32 and PE32+; Microsoft's "PE Format", UEFI 2.10
// section 2.1.1): headers, sections, the attribute certificate table, and the digest that
// Authenticode signs ("Windows Authenticode Portable Executable Signature Format", "Calculating
// the PE Image Hash"), computed as EDK II's DxeImageVerificationLib does.
//
// Nothing is believed: every offset and length is checked against the file before it is used, and
// the limits are EDK II's (BasePeCoffLib, PeCoffLoaderGetImageInfo). Stricter than EDK II in two
// points: the DOS header is required, and sections may not overlap in the file (they would be
// hashed twice, and a small file could ask for hours of hashing).
//
// Views lead into the bytes that were parsed; those must live as long.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

// UEFI's short name of a PE machine type (x64, ia32, aa64, arm, riscv64, loongarch64, ...);
// nullopt when it is none that UEFI knows.
std::optional<std::string_view> PeMachineName(std::uint16_t machine);

struct PeSection {
  std::string name;                   // long names resolved through the COFF string table
  std::uint32_t virtual_address = 0;  // of the loaded image
  Bytes raw;                          // all that the file has, padding included
  Bytes content;                      // without what is beyond the section's virtual size
};

// One entry of the attribute certificate table (WIN_CERTIFICATE).
struct PeCertificate {
  std::uint16_t revision = 0;
  std::uint16_t type = 0;  // kWinCertTypePkcs, kWinCertTypeGuid, ...
  Bytes content;           // after the eight bytes of its header
};

inline constexpr std::uint16_t kWinCertTypePkcs = 0x0002;
inline constexpr std::uint16_t kWinCertTypeGuid = 0x0ef1;

struct PeImage {
  Bytes file;
  std::uint16_t machine = 0;
  std::string_view architecture;  // as PeMachineName; empty: unknown to UEFI
  bool is_pe32_plus = false;
  std::uint16_t subsystem = 0;
  std::uint32_t size_of_headers = 0;
  std::size_t checksum_offset = 0;
  // Of the certificate table's entry in the data directories; nullopt: the image has no such entry.
  std::optional<std::size_t> certificate_entry_offset;
  std::size_t certificate_table_offset = 0;
  std::size_t certificate_table_size = 0;  // zero: not signed
  std::vector<PeSection> sections;         // in the order of the headers
  std::vector<PeCertificate> certificates;
  // Empty, or what is wrong with the certificate table; firmware then refuses the image.
  std::string certificate_table_fault;

  bool is_signed() const { return certificate_table_size != 0; }
  // An application, boot service driver or runtime driver: what LoadImage takes.
  bool has_efi_subsystem() const { return subsystem >= 10 && subsystem <= 12; }
  // The first with that name, as firmware and shim look it up; null when there is none.
  const PeSection* Find(std::string_view name) const;
};

// True when the bytes begin as a PE image does ("MZ", and "PE" where that leads, or too few bytes
// to tell); what is then not well formed is an error, not another kind of file.
bool LooksLikePe(Bytes file);

// The error says what is wrong with the file, for an operator.
absl::StatusOr<PeImage> ParsePe(Bytes file);

enum class DigestAlgorithm : std::uint8_t { kSha1, kSha256, kSha384, kSha512 };
std::string_view NameOf(DigestAlgorithm algorithm);            // "SHA-256"
std::size_t SizeOfDigest(DigestAlgorithm algorithm);           // bytes
std::string DigestOf(DigestAlgorithm algorithm, Bytes bytes);  // raw bytes, not hex

// The Authenticode digest, raw bytes; empty where EDK II cannot compute one (a certificate table
// longer than what the sections leave).
std::string ImageDigest(const PeImage& image, DigestAlgorithm algorithm);

std::string Hex(Bytes bytes);

}  // namespace slipway::control
