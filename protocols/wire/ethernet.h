// SPDX-License-Identifier: Apache-2.0
//
// Ethernet II frames (IEEE 802.3 3.2) with at most one IEEE 802.1Q tag.
//
// A frame's header becomes a Header: who, from whom, what, in which VLAN. A tag may stand in the
// bytes or have been taken out by the port, which then tells its identifier beside the frame: both
// give the same Header. A tag with identifier 0 carries a priority only (802.1Q 6.9): the frame is
// untagged. Priority and drop eligibility are not kept, and are sent as 0.
//
// The payload still holds what a sender padded to the minimum length; IPv4's total length and
// ARP's fixed size cut it off.
//
// Left out: 802.3 length frames with LLC (bridges' own talk; their "type" is below 0x600 and known
// to nobody), stacked tags (802.1ad), the frame check sequence (the port's).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "protocols/base/bytes.h"
#include "protocols/base/endian.h"
#include "protocols/base/mac.h"
#include "protocols/base/parsed.h"
#include "protocols/base/strong.h"

namespace slipway::ethernet {

inline constexpr EtherType kIpv4{0x0800};
inline constexpr EtherType kArp{0x0806};
inline constexpr EtherType kVlan{0x8100};
inline constexpr EtherType kIpv6{0x86dd};

// Without the frame check sequence, which ports add and take.
inline constexpr std::size_t kFrameSizeMin = 60;

struct WireHeader {
  std::array<std::uint8_t, 6> destination;
  std::array<std::uint8_t, 6> source;
  Big<std::uint16_t> type;
};
static_assert(sizeof(WireHeader) == 14 && alignof(WireHeader) == 1);

// What follows a WireHeader of type kVlan.
struct WireTag {
  Big<std::uint16_t> control;  // priority (3 bits), drop eligible (1), identifier (12)
  Big<std::uint16_t> type;
};
static_assert(sizeof(WireTag) == 4 && alignof(WireTag) == 1);

inline constexpr std::size_t kHeaderSizeMax = sizeof(WireHeader) + sizeof(WireTag);

struct Header {
  MacAddress destination;
  MacAddress source;
  EtherType type;
  std::optional<VlanId> vlan;  // nullopt: untagged

  std::size_t size() const { return sizeof(WireHeader) + (vlan ? sizeof(WireTag) : 0); }
  friend bool operator==(const Header&, const Header&) = default;
};

struct Frame {
  Header header;
  Bytes payload;
};

// `stripped` is the tag the port has taken out of the frame, if it did.
Parsed<Frame> ParseFrame(Bytes frame, std::optional<VlanId> stripped = std::nullopt);

// Writes header.size() bytes to the front of `out`, which must hold them; returns how many.
std::size_t EmitHeader(const Header& header, MutableBytes out);

}  // namespace slipway::ethernet
