// SPDX-License-Identifier: Apache-2.0
//
// Any text as .sbat: it begins with "sbat", and no level without its components revokes it.
#include "control/secure_boot/sbat.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::control;
  const auto level = ParseSbatLevel({data, size});
  const auto sbat = ParseSbat({data, size});
  if (!sbat.ok()) return 0;
  SLIPWAY_CHECK(level.ok() && level->size() == sbat->size());
  SLIPWAY_CHECK(sbat->front().component == "sbat");
  SLIPWAY_CHECK(!FindRevoked(*sbat, {}));
  return 0;
}
