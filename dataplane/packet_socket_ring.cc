// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_socket_ring.h"

#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "dataplane/packet_pool.h"

namespace slipway::dataplane {
namespace {

// Blocks are a power of two, as the kernel rounds them up to one; slots stand in them one behind
// the other, and what is left at a block's end is not used.
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr unsigned kSlotsOfBlock = 15;
constexpr std::size_t kSlotBytes =
    kBlockBytes / kSlotsOfBlock / TPACKET_ALIGNMENT * TPACKET_ALIGNMENT;
constexpr std::size_t kBeforeFrame = 128;  // more than the kernel's headers take (76 bytes)
static_assert(kSlotBytes >= kFrameBytesMax + kBeforeFrame);
static_assert(kBlockBytes / kSlotBytes == kSlotsOfBlock);

tpacket2_hdr& HeaderOf(std::uint8_t* slot) {
  return *static_cast<tpacket2_hdr*>(static_cast<void*>(slot));
}

}  // namespace

int PacketSocketRing::Map(int socket, unsigned slots) {
  const unsigned blocks = (slots + kSlotsOfBlock - 1) / kSlotsOfBlock;
  tpacket_req request{};
  request.tp_block_size = kBlockBytes;
  request.tp_block_nr = blocks;
  request.tp_frame_size = kSlotBytes;
  request.tp_frame_nr = blocks * kSlotsOfBlock;
  if (setsockopt(socket, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) != 0) return errno;
  const std::size_t bytes = blocks * kBlockBytes;
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, socket, 0);
  if (memory == MAP_FAILED) return errno;
  memory_ = static_cast<std::uint8_t*>(memory);
  bytes_ = bytes;
  slots_ = request.tp_frame_nr;
  next_ = 0;
  return 0;
}

void PacketSocketRing::Unmap() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
  memory_ = nullptr;
}

std::uint8_t* PacketSocketRing::Slot() const {
  return memory_ + next_ / kSlotsOfBlock * kBlockBytes + next_ % kSlotsOfBlock * kSlotBytes;
}

std::optional<PacketSocketRing::Arrived> PacketSocketRing::Next() const {
  std::uint8_t* const slot = Slot();
  tpacket2_hdr& header = HeaderOf(slot);
  const std::uint32_t status = std::atomic_ref(header.tp_status).load(std::memory_order_acquire);
  if ((status & TP_STATUS_USER) == 0) return std::nullopt;
  const std::uint8_t* const frame = slot + header.tp_mac;
  Arrived arrived{.bytes = {frame, header.tp_snaplen}, .length = header.tp_len};
  std::memcpy(&arrived.header, frame - sizeof(VirtioHeader), sizeof(VirtioHeader));
  if ((status & TP_STATUS_VLAN_VALID) != 0) {
    arrived.tag = {.type = header.tp_vlan_tpid, .control = header.tp_vlan_tci};
  }
  return arrived;
}

void PacketSocketRing::Release() {
  std::atomic_ref(HeaderOf(Slot()).tp_status).store(TP_STATUS_KERNEL, std::memory_order_release);
  next_ = next_ + 1 == slots_ ? 0 : next_ + 1;
}

}  // namespace slipway::dataplane
