// SPDX-License-Identifier: Apache-2.0
//
// The SYN and the SYN-ACK of a flood (RFC 4987 2): read and written without a tcp::Segment, since
// they come a million times a second and most of what a Segment may hold is not in them.
//
// ReadSyn takes what carries SYN alone (and the two flags that ask for ECN, RFC 3168 6.1.1), no
// text and well-formed options; tcp::Parse and the ordinary path take everything else, so nothing
// is lost by its refusal. What it takes means the same there; a test holds both to each other, as
// it does WriteSynAnswer and tcp::EmitHeader.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/tcp/four_tuple.h"
#include "protocols/tcp/segment.h"

namespace slipway::tcp {

// What a SYN asks for.
struct SynOffer {
  Port source;
  Port destination;
  SeqNum seq;
  std::uint16_t mss = 536;  // RFC 9293 3.7.1: when there is no option
  std::optional<std::uint8_t> window_scale;
  bool sack_permitted = false;
  std::optional<std::uint32_t> timestamp;  // TSval
  bool ecn = false;                        // by its flags; the IPv4 header is the caller's
};

struct SynAnswer {
  SeqNum seq;
  SeqNum ack;
  std::uint16_t window = 0;
  std::uint16_t mss = 0;
  std::optional<std::uint8_t> window_scale;
  bool sack_permitted = false;
  std::optional<Timestamps> timestamps;
  bool ecn = false;
};

// `segment` is exactly the IPv4 payload; its checksum is not looked at.
std::optional<SynOffer> ReadSyn(Bytes segment);

// Writes the whole header, checksum included; returns its size. `out` holds kTcpHeaderMax bytes.
std::size_t WriteSynAnswer(const SynAnswer& answer, const FourTuple& tuple, MutableBytes out);

}  // namespace slipway::tcp
