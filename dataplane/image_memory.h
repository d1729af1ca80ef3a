// SPDX-License-Identifier: Apache-2.0
//
// ImageMemory: where image files lie once they are loaded, as the control plane sees it. No DPDK
// type is named here; eal_image_memory.h is what stands behind it in slipwayd.
#pragma once

#include <cstddef>

#include "protocols/base/bytes.h"

namespace slipway::dataplane {

// Where image files lie: memory that every port can send from without a copy.
class ImageMemory {
 public:
  virtual ~ImageMemory() = default;
  // `size` bytes (1 or more), aligned to a cache line; empty when the budget is used up.
  virtual MutableBytes Allocate(std::size_t size) = 0;
  // Gives back what Allocate gave. Frames in flight may still point into it: the memory is reused
  // only when the last of them has left.
  virtual void Free(MutableBytes block) = 0;
  // What a block takes is a multiple of this, in bytes.
  virtual std::size_t granule() const { return 1; }
  virtual std::size_t budget() const = 0;  // bytes
  virtual std::size_t in_use() const = 0;  // bytes
};

}  // namespace slipway::dataplane
