// SPDX-License-Identifier: Apache-2.0
//
// Changes to a PE image that keep it well formed: sections and certificates behind what it has
// (Microsoft, "PE Format", "Optional Header", "Section Table", "The Attribute Certificate Table").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/secure_boot/pe_image.h"
#include "protocols/base/bytes.h"

namespace slipway::control {

class PeWriter {
 public:
  // What lies behind the last section (symbols, certificates) is not taken along.
  explicit PeWriter(const PeImage& image);

  // Initialised data, read only, at the next page. False, and nothing changed: the section table is
  // full, the name is longer than eight bytes, or the image would be beyond 2 GiB.
  bool AddSection(std::string_view name, Bytes content);
  // The file, with its checksum.
  std::string Take();

 private:
  std::string file_;
  std::size_t pe_ = 0;
  std::size_t optional_ = 0;
  std::size_t table_ = 0;
  std::size_t table_end_ = 0;     // where the first section's bytes begin
  std::uint64_t memory_end_ = 0;  // of all sections, whatever SizeOfImage says
};

// The image with one more entry in its certificate table (a WIN_CERTIFICATE of PKCS#7, revision
// 2.0). `image`: well formed, its size a multiple of eight, with a certificate directory.
std::string WithCertificate(const PeImage& image, Bytes pkcs7);

}  // namespace slipway::control
