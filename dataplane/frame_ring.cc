// SPDX-License-Identifier: Apache-2.0
#include "dataplane/frame_ring.h"

#include <rte_errno.h>
#include <rte_lcore.h>

#include <algorithm>
#include <bit>

#include "absl/strings/str_format.h"

namespace slipway::dataplane {

absl::StatusOr<std::unique_ptr<FrameRing>> FrameRing::Create(const std::string& name,
                                                             unsigned frames) {
  rte_ring* const ring = rte_ring_create(name.c_str(), std::bit_ceil(frames + 1), SOCKET_ID_ANY,
                                         RING_F_SP_ENQ | RING_F_SC_DEQ);
  if (ring == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("frame ring %s of %d: %s", name, frames, rte_strerror(rte_errno)));
  }
  return std::unique_ptr<FrameRing>(new FrameRing(ring));
}

FrameRing::~FrameRing() {
  void* buffers = nullptr;
  while (rte_ring_dequeue(ring_, &buffers) == 0) Frame(static_cast<rte_mbuf*>(buffers)).Free();
  rte_ring_free(ring_);
}

std::size_t FrameRing::Push(std::span<Frame> frames) {
  std::size_t pushed = 0;
  for (Frame& frame : frames) {
    if (rte_ring_sp_enqueue(ring_, frame.buffers()) != 0) break;
    static_cast<void>(frame.Release());
    ++pushed;
  }
  return pushed;
}

std::size_t FrameRing::Pop(std::span<Frame> frames) {
  std::size_t popped = 0;
  void* buffers = nullptr;
  while (popped < frames.size() && rte_ring_sc_dequeue(ring_, &buffers) == 0) {
    frames[popped++] = Frame(static_cast<rte_mbuf*>(buffers));
  }
  return popped;
}

}  // namespace slipway::dataplane
