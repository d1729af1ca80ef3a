// SPDX-License-Identifier: Apache-2.0
#include "dataplane/frame_ring.h"

#include <rte_errno.h>
#include <rte_lcore.h>

#include <algorithm>
#include <array>
#include <bit>

#include "absl/strings/str_format.h"

namespace slipway::dataplane {
namespace {

constexpr std::size_t kBulk = 32;

}  // namespace

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

// In bulk: the ring's head and tail are cache lines that two cores write.
std::size_t FrameRing::Push(std::span<Frame> frames) {
  std::size_t pushed = 0;
  while (pushed < frames.size()) {
    std::array<void*, kBulk> buffers;
    const auto wanted = static_cast<unsigned>(std::min<std::size_t>(kBulk, frames.size() - pushed));
    for (unsigned i = 0; i < wanted; ++i) buffers[i] = frames[pushed + i].buffers();
    const unsigned count = rte_ring_sp_enqueue_burst(ring_, buffers.data(), wanted, nullptr);
    for (unsigned i = 0; i < count; ++i) static_cast<void>(frames[pushed + i].Release());
    pushed += count;
    if (count < wanted) break;
  }
  return pushed;
}

std::size_t FrameRing::Pop(std::span<Frame> frames) {
  std::size_t popped = 0;
  while (popped < frames.size()) {
    std::array<void*, kBulk> buffers;
    const auto wanted = static_cast<unsigned>(std::min<std::size_t>(kBulk, frames.size() - popped));
    const unsigned count = rte_ring_sc_dequeue_burst(ring_, buffers.data(), wanted, nullptr);
    for (unsigned i = 0; i < count; ++i) {
      frames[popped++] = Frame(static_cast<rte_mbuf*>(buffers[i]));
    }
    if (count < wanted) break;
  }
  return popped;
}

}  // namespace slipway::dataplane
