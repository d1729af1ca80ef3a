// SPDX-License-Identifier: Apache-2.0
//
// DHCP messages of captured frames (tests/captures).
#pragma once

#include <cstdint>

#include "protocols/base/bytes.h"
#include "tests/support/pcap.h"

namespace slipway::dhcp {

// The payload of an untagged IPv4 UDP frame to `port`; empty for every other frame.
inline Bytes UdpPayload(const support::FrameBytes& frame, std::uint16_t port) {
  Reader reader(frame);
  reader.Skip(12);
  if (reader.U16() != 0x0800) return {};
  const std::size_t header = (reader.U8() & 15U) * 4U;
  reader.Skip(8);
  if (reader.U8() != 17) return {};
  reader.Skip(header - 10 + 2);
  if (reader.U16() != port) return {};
  const std::size_t length = reader.U16();
  reader.Skip(2);
  return length < 8 ? Bytes() : reader.Take(length - 8);
}

}  // namespace slipway::dhcp
