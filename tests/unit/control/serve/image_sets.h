// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "control/image_store/image_set.h"

namespace slipway::control {

// One with a boot file for x64 alone, as if it lay in a store.
inline ImageSet SetOf(const std::string& reference) {
  ImageSet set;
  set.reference = reference;
  set.digest = "0123456789abcdef";
  set.files = {{.path = "boot.efi", .digest = "00", .size = 1, .media_type = "application/efi"}};
  set.boot = {{"x64", "boot.efi"}};
  return set;
}

}  // namespace slipway::control
