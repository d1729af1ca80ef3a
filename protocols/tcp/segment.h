// SPDX-License-Identifier: Apache-2.0
//
// tcp::Segment: a TCP segment as a validated value in host types (RFC 9293 3.1, 3.2; options of
// RFC 7323 and RFC 2018). Property: Parse(Emit(x)) == x for every segment that Emit accepts.
//
// Parse refuses what no state accepts (SYN with FIN, SYN with RST). An option of a known kind and
// a wrong length is skipped, as is an unknown one; one that runs over the header ends the segment.
// `ecn` is the IPv4 header's: Parse leaves it to the caller, who has that header, as EmitHeader
// does. The urgent pointer is not kept: urgent text is ordinary text here (RFC 9293 3.8.5 as RFC
// 6093 reads it).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "protocols/base/bytes.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/parsed.h"
#include "protocols/base/strong.h"
#include "protocols/tcp/seq.h"
#include "protocols/wire/checksum.h"
#include "protocols/wire/ecn.h"
#include "protocols/wire/tcp.h"

namespace slipway::tcp {

struct Flags {
  bool fin : 1 = false;
  bool syn : 1 = false;
  bool rst : 1 = false;
  bool psh : 1 = false;
  bool ack : 1 = false;
  bool urg : 1 = false;
  bool ece : 1 = false;
  bool cwr : 1 = false;

  friend bool operator==(const Flags&, const Flags&) = default;
};

// The half-open range [start, end) that a receiver holds (RFC 2018 3).
struct SackBlock {
  SeqNum start;
  SeqNum end;
  friend bool operator==(const SackBlock&, const SackBlock&) = default;
};

class SackBlocks {
 public:
  using value_type = SackBlock;
  using const_iterator = const SackBlock*;
  static constexpr std::size_t kMax = 4;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const SackBlock* begin() const { return blocks_.data(); }
  const SackBlock* end() const { return blocks_.data() + size_; }
  const SackBlock& operator[](std::size_t i) const { return blocks_[i]; }
  // Beyond kMax a block is left out.
  void Add(SackBlock block) {
    if (size_ < kMax) blocks_[size_++] = block;
  }
  void Shorten(std::size_t size) {
    while (size_ > size) blocks_[--size_] = {};
  }
  friend bool operator==(const SackBlocks&, const SackBlocks&) = default;

 private:
  std::array<SackBlock, kMax> blocks_{};
  std::uint8_t size_ = 0;
};

struct Timestamps {
  std::uint32_t value = 0;
  std::uint32_t echo = 0;
  friend bool operator==(const Timestamps&, const Timestamps&) = default;
};

struct Options {
  std::optional<std::uint16_t> mss;
  std::optional<std::uint8_t> window_scale;
  bool sack_permitted = false;
  std::optional<Timestamps> timestamps;
  SackBlocks sack;

  friend bool operator==(const Options&, const Options&) = default;
  // Bytes on the wire, padded to a multiple of 4.
  std::size_t size() const;
};

struct Segment {
  Port source;
  Port destination;
  SeqNum seq;
  SeqNum ack;  // meaningful with flags.ack; carried as it is without
  Flags flags;
  Ecn ecn = Ecn::kNotCapable;
  std::uint16_t window = 0;  // raw, as on the wire: not scaled
  Options options;
  Bytes text;

  // SEG.LEN: what it occupies in sequence space.
  std::uint32_t length() const {
    return static_cast<std::uint32_t>(text.size()) + (flags.syn ? 1 : 0) + (flags.fin ? 1 : 0);
  }
  std::size_t header_size() const { return sizeof(TcpHeader) + options.size(); }
  friend bool operator==(const Segment& a, const Segment& b) {
    return a.source == b.source && a.destination == b.destination && a.seq == b.seq &&
           a.ack == b.ack && a.flags == b.flags && a.ecn == b.ecn && a.window == b.window &&
           a.options == b.options && Equal(a.text, b.text);
  }
};

// `bytes` is exactly the IPv4 payload. The segment's text points into it.
Parsed<Segment> Parse(Bytes bytes, Ipv4Address source, Ipv4Address destination,
                      ChecksumState checksum);

// Writes header and options (checksum 0, text not) and returns their length: header_size(), at
// most 60. `out` must be large enough and the options must fit 40 bytes: ours to see to.
std::size_t EmitHeader(const Segment& segment, MutableBytes out);

// Completes a header that EmitHeader wrote, in software: the sum over header and text.
struct ChecksumOver {
  Ipv4Address source;
  Ipv4Address destination;
  Bytes text;  // what follows the header on the wire
};
void FillChecksum(MutableBytes header, const ChecksumOver& over);

// The same where the port finishes it: the pseudo header's sum alone (not complemented). With
// segmentation offload, DPDK wants a length of 0; otherwise `length` counts header and text.
std::uint16_t PseudoHeaderSum(Ipv4Address source, Ipv4Address destination, std::uint16_t length);
void FillPseudoHeaderSum(MutableBytes header, std::uint16_t sum);

}  // namespace slipway::tcp
