// SPDX-License-Identifier: Apache-2.0
//
// PacketSocket: one packet socket of Linux (packet(7)) and the interface it belongs to: opening it,
// what the interface is asked and told, and which addresses it receives.
//
// Every frame through it, either way, has virtio's header in front (PACKET_VNET_HDR; Virtual I/O
// Device 1.2, 5.1.6): what is left to do for the frame, or was left by whoever sent it.
//
// Calls that may fail give 0 or an errno value; nothing is half done then. Not thread-safe but for
// the const ones.
#pragma once

#include <net/if.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocols/base/mac.h"

namespace slipway::dataplane {

// virtio's header, in the processor's byte order. The kernel's own declaration (linux/virtio_net.h)
// is not C++: it has a member called `class`.
struct VirtioHeader {
  static constexpr std::uint8_t kNeedsChecksum = 1;  // blank: its field holds the pseudo header's
  static constexpr std::uint8_t kDataValid = 2;      // somebody has verified it
  static constexpr std::uint8_t kTcpV4 = 1;          // to be cut, TCP over IPv4
  static constexpr std::uint8_t kEcn = 0x80;         // CWR is set, on the first segment only

  std::uint8_t flags = 0;
  std::uint8_t segmentation = 0;
  std::uint16_t headers_size = 0;      // of a frame to be cut: all headers, Ethernet's included
  std::uint16_t segment_text_max = 0;  // of each piece
  std::uint16_t checksum_from = 0;     // what is summed begins here, to the frame's end
  std::uint16_t checksum_at = 0;       // where the sum goes, from there
};
static_assert(sizeof(VirtioHeader) == 10);

class PacketSocket {
 public:
  // What is received beside our own address and broadcasts.
  struct Membership {
    std::uint16_t type = 0;  // PACKET_MR_...
    MacAddress group;        // PACKET_MR_MULTICAST: of this one
  };

  PacketSocket() = default;
  ~PacketSocket() { Close(); }
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;

  // Receives nothing until Bind(), so that a ring is there before the first frame. ENODEV: there is
  // no such interface; EPERM: without CAP_NET_RAW.
  int Open(const std::string& interface);
  int Bind();
  void Close();
  int descriptor() const { return socket_; }

  // nullopt: it is not an Ethernet, or gone.
  std::optional<MacAddress> StationAddress() const;
  // Bytes of IP packet. Takes CAP_NET_ADMIN where it is another than now.
  int SetMtu(std::uint16_t mtu) const;
  bool IsUp() const;                // somebody switched it on
  bool HasLink() const;             // ... and there is a peer
  std::uint32_t SpeedMbps() const;  // 0: not known; waits for a lock of the kernel's

  // Replaces those before.
  int SetMemberships(const std::vector<Membership>& wanted);
  // Frames for which the ring had no room, since this was last asked.
  std::uint64_t TakeMissed() const;

 private:
  ifreq Asking() const;
  short Flags() const;  // IFF_...; 0 when the interface is gone
  int Member(int option, const Membership& membership) const;

  int socket_ = -1;
  int index_ = 0;
  std::string interface_;
  std::vector<Membership> memberships_;
};

}  // namespace slipway::dataplane
