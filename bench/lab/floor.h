// SPDX-License-Identifier: Apache-2.0
//
// The floor of a wire: what sealing and transmitting cost with no protocol at all. A bare loop on
// one core: `readers` at random places of the image; 16 KiB records sealed straight into segments
// behind 54-byte headers, transmitted through the same port the server would use. What the stack
// costs is what it adds to this (docs/performance.md).
#pragma once

#include <cstdint>

#include "dataplane/packet_pool.h"
#include "dataplane/undi.h"

namespace slipway::bench {

struct FloorOptions {
  std::uint16_t segment_text = 1448;    // bytes of ciphertext in a segment
  std::uint16_t segments_in_frame = 1;  // above 1: frames ask for TCP segmentation
  unsigned readers = 64;
  // Half of it again, before, is not counted: the caches are another's at first.
  double seconds = 1;
  bool transmit = true;  // false: seal into the same buffers, send nothing
};

struct FloorResult {
  std::uint64_t payload_bytes = 0;
  std::uint64_t frames = 0;
  std::uint64_t busy_cycles = 0;  // TSC; polls that found the ring full are not counted
  double cycles_per_byte() const {
    return static_cast<double>(busy_cycles) / static_cast<double>(payload_bytes);
  }
};

FloorResult MeasureFloor(dataplane::Undi& port, dataplane::PacketPool& pool, Bytes image,
                         const FloorOptions& options);

}  // namespace slipway::bench
