// SPDX-License-Identifier: Apache-2.0
//
// Bare ACKs of one connection, one behind the other in one burst, taken together. Firmware
// acknowledges each second segment, so a turn of sixteen comes back as eight frames at once, and
// most of what an acknowledgment costs is paid for its connection, not for its frame.
//
// Together they are what they are one by one; a test holds each to the other, state and segments.
// So only those are joined that move una by themselves: who repeats one counts duplicates (RFC 5681
// 2), and none is joined while losses are repaired or probed for, where the first to arrive tells
// more than the last. Each still lets the window grow for itself (RFC 3465: L = 2 is for one ACK).
// A burst has one time, so round trips and timers are the same.
//
// Of peers that neither select nor stamp: the others acknowledge several segments at once,
// HyStart++ counts their samples, and RACK and Eifel read each.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "protocols/tcp/connection.h"
#include "protocols/tcp/segment.h"

namespace slipway::tcp {

// What one says beyond its ports and sequence number.
struct BareAck {
  SeqNum ack;
  std::uint16_t window = 0;  // raw
};

// `segment` is exactly the IPv4 payload: a header without options, ACK and no other flag, no text.
bool IsBareAck(Bytes segment);
// Of bare ACKs between the same addresses: the same ports and sequence number.
bool AreAlike(Bytes ack, Bytes other);
// The checksum is not looked at.
BareAck ReadBareAck(Bytes segment);

// Several as one.
struct JoinedAcks {
  static constexpr std::size_t kMax = 31;  // beyond the first

  std::size_t count = 0;  // how many beyond the first
  // What each but the last acknowledged, bytes; the last one's share is the rest.
  std::array<std::uint32_t, kMax> earlier;
  BareAck last;              // with count
  std::uint16_t widest = 0;  // the largest window of any
  std::span<const std::uint32_t> bytes() const { return std::span(earlier).first(count); }
};

// `first` and as many of `later`, which are alike and came behind it in this order, as may be
// joined on this connection.
JoinedAcks Join(const Connection& connection, const Segment& first, std::span<const BareAck> later);

}  // namespace slipway::tcp
