// SPDX-License-Identifier: Apache-2.0
//
// The TCP header (RFC 9293 3.1) and its options (3.2, RFC 7323, RFC 2018) as they lie on the wire.
// The validated value in host types is tcp::Segment (protocols/tcp/segment.h).
//
// Left out: the urgent pointer's meaning (RFC 6093 advises against it) and every experimental
// option; unknown options are skipped by their length.
#pragma once

#include <cstdint>

#include "protocols/base/endian.h"
#include "protocols/base/strong.h"

namespace slipway {

inline constexpr IpProtocol kIpProtocolTcp{6};

struct TcpHeader {
  Big<std::uint16_t> source_port;
  Big<std::uint16_t> destination_port;
  Big<std::uint32_t> sequence;
  Big<std::uint32_t> acknowledgment;
  Big<std::uint8_t> data_offset;  // upper four bits, in 32-bit words
  Big<std::uint8_t> flags;
  Big<std::uint16_t> window;
  Big<std::uint16_t> checksum;
  Big<std::uint16_t> urgent_pointer;
};
static_assert(sizeof(TcpHeader) == 20 && alignof(TcpHeader) == 1);

inline constexpr std::size_t kTcpHeaderMax = 60;  // data offset 15

namespace tcp_flag {
inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kReset = 0x04;
inline constexpr std::uint8_t kPush = 0x08;
inline constexpr std::uint8_t kAck = 0x10;
inline constexpr std::uint8_t kUrgent = 0x20;
inline constexpr std::uint8_t kEce = 0x40;
inline constexpr std::uint8_t kCwr = 0x80;
}  // namespace tcp_flag

namespace tcp_option {
inline constexpr std::uint8_t kEnd = 0;
inline constexpr std::uint8_t kNop = 1;
inline constexpr std::uint8_t kMss = 2;            // length 4
inline constexpr std::uint8_t kWindowScale = 3;    // length 3
inline constexpr std::uint8_t kSackPermitted = 4;  // length 2
inline constexpr std::uint8_t kSack = 5;           // length 2 + 8 n
inline constexpr std::uint8_t kTimestamps = 8;     // length 10
}  // namespace tcp_option

}  // namespace slipway
