// SPDX-License-Identifier: Apache-2.0
//
// Any file as a db: digests have their algorithm's length, and are found again.
#include "control/secure_boot/signature_database.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  const auto database = ReadDatabase({data, size}, "db");
  if (!database.ok()) return 0;
  for (const DatabaseEntry& entry : *database) {
    if (entry.kind == DatabaseEntryKind::kCertificate) continue;
    SLIPWAY_CHECK(entry.data.size() == SizeOfDigest(entry.algorithm));
    if (entry.kind != DatabaseEntryKind::kImageDigest) continue;
    SLIPWAY_CHECK(HasImageDigest(*database, entry.algorithm, entry.data));
  }
  return 0;
}
