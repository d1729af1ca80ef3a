// SPDX-License-Identifier: Apache-2.0
//
// PacketSocketBurst: frames with their requests as messages of a packet socket, many in one system
// call. The kernel copies them before it returns.
//
// A request is said by virtio's header. Linux's checksum field of a frame to be cut holds the
// pseudo header's sum with the whole length in it, which TransmitSide is told (PortLimits).
#pragma once

#include <rte_mbuf.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <span>

#include "dataplane/packet_socket.h"

namespace slipway::dataplane {

// What is left for the kernel or the NIC to do.
VirtioHeader RequestsOf(const rte_mbuf& frame);

class PacketSocketBurst {
 public:
  static constexpr std::size_t kFramesMax = 32;
  static constexpr std::size_t kPiecesMax = 64;  // of one frame

  struct Sent {
    std::size_t frames = 0;
    int error = 0;  // errno, where none was sent: why not the first
  };
  // From the front, at most kFramesMax, of at most kPiecesMax pieces each. They stay the caller's.
  Sent Send(int socket, std::span<rte_mbuf* const> frames);

 private:
  std::array<mmsghdr, kFramesMax> messages_{};
  std::array<VirtioHeader, kFramesMax> headers_{};
  std::array<iovec, kFramesMax*(1 + kPiecesMax)> pieces_{};
};

}  // namespace slipway::dataplane
