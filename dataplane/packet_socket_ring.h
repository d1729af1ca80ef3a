// SPDX-License-Identifier: Apache-2.0
//
// PacketSocketRing: what a packet socket received, in memory shared with the kernel (TPACKET_V2,
// Documentation/networking/packet_mmap.rst): to look whether a frame came costs no system call.
//
// A slot is
//
//     tpacket2_hdr, sockaddr_ll ... VirtioHeader, frame
//                                                 ^ tp_mac bytes from the slot's beginning
//
// and belongs to the kernel or to us, as its tp_status says: it is written last by the kernel and
// by us, and read first. A slot holds whatever a kernel with GRO or a peer with segmentation makes
// of TCP, 65,535 bytes; what does not fit is cut off, and `length` tells.
//
// Left out: TPACKET_V3, whose blocks are handed over when they are full or some milliseconds old.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/packet_socket.h"
#include "protocols/base/bytes.h"

namespace slipway::dataplane {

class PacketSocketRing {
 public:
  // A frame, in the kernel's memory until Release().
  struct Arrived {
    struct Tag {
      std::uint16_t type = 0;  // 0x8100 (IEEE 802.1Q) or 0x88a8 (802.1ad)
      std::uint16_t control = 0;
    };
    Bytes bytes;  // without the tag
    std::size_t length = 0;
    VirtioHeader header;
    std::optional<Tag> tag;  // the outer one, which the kernel always takes out
  };

  PacketSocketRing() = default;
  ~PacketSocketRing() { Unmap(); }
  PacketSocketRing(const PacketSocketRing&) = delete;
  PacketSocketRing& operator=(const PacketSocketRing&) = delete;

  // At least so many slots, of a socket that is not bound. 0 or an errno value.
  int Map(int socket, unsigned slots);
  void Unmap();

  // The oldest frame; nullopt when none came.
  std::optional<Arrived> Next() const;
  // Gives the slot of the last Next() back.
  void Release();

 private:
  std::uint8_t* Slot() const;

  std::uint8_t* memory_ = nullptr;
  std::size_t bytes_ = 0;
  unsigned slots_ = 0;
  unsigned next_ = 0;
};

}  // namespace slipway::dataplane
