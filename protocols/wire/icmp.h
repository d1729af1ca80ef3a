// SPDX-License-Identifier: Apache-2.0
//
// ICMP messages (RFC 792): type, code, four bytes that mean what the type says, and a body.
// What to answer, and what an error says about a datagram of ours, is protocols/icmp.
#pragma once

#include <cstdint>

#include "protocols/base/bytes.h"
#include "protocols/base/endian.h"
#include "protocols/base/parsed.h"
#include "protocols/base/strong.h"
#include "protocols/wire/checksum.h"

namespace slipway::icmp {

struct WireHeader {
  Big<std::uint8_t> type;
  Big<std::uint8_t> code;
  Big<std::uint16_t> checksum;
  Big<std::uint32_t> argument;
};
static_assert(sizeof(WireHeader) == 8 && alignof(WireHeader) == 1);

inline constexpr std::size_t kHeaderSize = sizeof(WireHeader);

// Assigned type numbers; others arrive too, so this is a number and no enum.
using Type = Strong<struct TypeTag, std::uint8_t>;
inline constexpr Type kEchoReply{0};
inline constexpr Type kDestinationUnreachable{3};
inline constexpr Type kSourceQuench{4};
inline constexpr Type kRedirect{5};
inline constexpr Type kEcho{8};
inline constexpr Type kTimeExceeded{11};
inline constexpr Type kParameterProblem{12};

// Codes of kDestinationUnreachable.
inline constexpr std::uint8_t kProtocolUnreachable = 2;
inline constexpr std::uint8_t kPortUnreachable = 3;
inline constexpr std::uint8_t kFragmentationNeeded = 4;

// Reports about another datagram, which must never be answered by another one (RFC 1122 3.2.2).
constexpr bool IsError(Type type) {
  return type == kDestinationUnreachable || type == kSourceQuench || type == kRedirect ||
         type == kTimeExceeded || type == kParameterProblem;
}

struct Message {
  Type type;
  std::uint8_t code = 0;
  std::uint32_t argument = 0;  // echo: identifier, sequence; fragmentation needed: 0, MTU
  Bytes body;

  std::size_t size() const { return kHeaderSize + body.size(); }
  friend bool operator==(const Message& a, const Message& b) {
    return a.type == b.type && a.code == b.code && a.argument == b.argument &&
           Equal(a.body, b.body);
  }
};

Parsed<Message> Parse(Bytes bytes, ChecksumState checksum = ChecksumState::kVerify);

// Writes message.size() bytes to the front of `out`, which must hold them; returns how many.
// The body may already stand where it belongs in `out`.
std::size_t Emit(const Message& message, MutableBytes out);

}  // namespace slipway::icmp
