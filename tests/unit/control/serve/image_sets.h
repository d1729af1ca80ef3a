// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "control/image_store/image_set.h"
#include "dataplane/image_memory.h"

namespace slipway::control {

// What no image set fits into.
class NoImageMemory final : public dataplane::ImageMemory {
 public:
  MutableBytes Allocate(std::size_t) override { return {}; }
  void Free(MutableBytes) override {}
  std::size_t budget() const override { return 0; }
  std::size_t in_use() const override { return 0; }
};

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
