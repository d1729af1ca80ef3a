// SPDX-License-Identifier: Apache-2.0
//
// Frames for the dataplane's tests, and a checksum computed the slow way, so that what is tested
// does not judge itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/eal_image_memory.h"
#include "dataplane/frame.h"
#include "dataplane/packet_pool.h"
#include "dataplane/undi.h"

namespace slipway::dataplane {

using Buffer = std::vector<std::uint8_t>;

inline constexpr std::size_t kTcpHeaders = 14 + 20 + 20;

struct TcpFrameSpec {
  std::uint32_t sequence = 1000;
  std::uint8_t flags = 0x18;  // PSH, ACK
  std::uint16_t identification = 7;
  std::uint16_t source_port = 80;
  std::uint16_t destination_port = 1234;
  std::uint8_t protocol = 6;  // 17: a UDP header in place of TCP's
};
// Ethernet, IPv4 and TCP headers without any checksum; the IPv4 total length covers `text_size`.
Buffer Headers(const TcpFrameSpec& spec, std::size_t text_size);
// `size` bytes that differ from place to place.
Buffer Text(std::size_t size);
// Headers, text and right checksums.
Buffer CompleteFrame(const TcpFrameSpec& spec, std::size_t text_size);

Buffer Contents(const Frame& frame);
std::uint16_t U16At(const Buffer& bytes, std::size_t offset);
std::uint32_t U32At(const Buffer& bytes, std::size_t offset);

// The ones' complement sum over 16-bit words, not complemented.
std::uint16_t SlowSum(Bytes bytes);
// Whether both checksums of an IPv4 frame (Ethernet header of `link` bytes) are right.
bool IpChecksumIsRight(const Buffer& frame, std::size_t link = 14);
bool TransportChecksumIsRight(const Buffer& frame, std::size_t link = 14);

// Asks for the checksum of a frame of Headers(): puts the pseudo header's sum into its field first.
void RequestTransportChecksum(Frame& frame);

// A pool whose name no other test uses; dies with every buffer back (PacketPool checks it).
std::unique_ptr<PacketPool> NewPool(PacketPoolOptions options = {
                                        .packets = 1024, .large = 8, .handles = 64});

}  // namespace slipway::dataplane
