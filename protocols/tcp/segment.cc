// SPDX-License-Identifier: Apache-2.0
#include "protocols/tcp/segment.h"

#include "protocols/base/check.h"
#include "protocols/wire/view.h"

namespace slipway::tcp {
namespace {

constexpr std::size_t kOptionsMax = kTcpHeaderMax - sizeof(TcpHeader);

Flags FlagsFrom(std::uint8_t bits) {
  return {.fin = (bits & tcp_flag::kFin) != 0,
          .syn = (bits & tcp_flag::kSyn) != 0,
          .rst = (bits & tcp_flag::kReset) != 0,
          .psh = (bits & tcp_flag::kPush) != 0,
          .ack = (bits & tcp_flag::kAck) != 0,
          .urg = (bits & tcp_flag::kUrgent) != 0,
          .ece = (bits & tcp_flag::kEce) != 0,
          .cwr = (bits & tcp_flag::kCwr) != 0};
}

std::uint8_t BitsOf(const Flags& flags) {
  const int bits = (flags.fin ? tcp_flag::kFin : 0) | (flags.syn ? tcp_flag::kSyn : 0) |
                   (flags.rst ? tcp_flag::kReset : 0) | (flags.psh ? tcp_flag::kPush : 0) |
                   (flags.ack ? tcp_flag::kAck : 0) | (flags.urg ? tcp_flag::kUrgent : 0) |
                   (flags.ece ? tcp_flag::kEce : 0) | (flags.cwr ? tcp_flag::kCwr : 0);
  return static_cast<std::uint8_t>(bits);
}

void TakeOption(std::uint8_t kind, Reader body, Options& options) {
  const std::size_t size = body.remaining();
  if (kind == tcp_option::kMss && size == 2) {
    options.mss = body.U16();
  } else if (kind == tcp_option::kWindowScale && size == 1) {
    options.window_scale = body.U8();
  } else if (kind == tcp_option::kSackPermitted && size == 0) {
    options.sack_permitted = true;
  } else if (kind == tcp_option::kTimestamps && size == 8) {
    const std::uint32_t value = body.U32();
    options.timestamps = Timestamps{.value = value, .echo = body.U32()};
  } else if (kind == tcp_option::kSack && size % 8 == 0) {
    options.sack = {};
    while (!body.empty()) {
      const SeqNum start(body.U32());
      options.sack.Add({.start = start, .end = SeqNum(body.U32())});
    }
  }
}

bool TakeOptions(Reader reader, Options& options) {
  while (!reader.empty()) {
    const std::uint8_t kind = reader.U8();
    if (kind == tcp_option::kEnd) break;
    if (kind == tcp_option::kNop) continue;
    const std::uint8_t length = reader.U8();
    if (length < 2) return false;
    const Reader body = reader.Narrow(length - 2u);
    if (!reader.ok()) return false;
    TakeOption(kind, body, options);
  }
  return true;
}

// On the wire each group is padded in front to whole words, so that the long fields are aligned:
// NOP NOP TIMESTAMPS, NOP NOP SACK, NOP WINDOW-SCALE, NOP NOP SACK-PERMITTED.
void PutOptions(const Options& options, Writer& writer) {
  if (options.mss) {
    writer.U8(tcp_option::kMss), writer.U8(4), writer.U16(*options.mss);
  }
  if (options.window_scale) {
    writer.U8(tcp_option::kNop);
    writer.U8(tcp_option::kWindowScale), writer.U8(3), writer.U8(*options.window_scale);
  }
  if (options.sack_permitted) {
    writer.Fill(2, tcp_option::kNop);
    writer.U8(tcp_option::kSackPermitted), writer.U8(2);
  }
  if (options.timestamps) {
    writer.Fill(2, tcp_option::kNop);
    writer.U8(tcp_option::kTimestamps), writer.U8(10);
    writer.U32(options.timestamps->value), writer.U32(options.timestamps->echo);
  }
  if (!options.sack.empty()) {
    writer.Fill(2, tcp_option::kNop);
    writer.U8(tcp_option::kSack);
    writer.U8(static_cast<std::uint8_t>(2 + 8 * options.sack.size()));
    for (const SackBlock& block : options.sack) {
      writer.U32(block.start.value()), writer.U32(block.end.value());
    }
  }
}

}  // namespace

std::size_t Options::size() const {
  return (mss ? 4u : 0u) + (window_scale ? 4u : 0u) + (sack_permitted ? 4u : 0u) +
         (timestamps ? 12u : 0u) + (sack.empty() ? 0u : 4u + 8u * sack.size());
}

Parsed<Segment> Parse(Bytes bytes, Ipv4Address source, Ipv4Address destination,
                      ChecksumState checksum) {
  const Bytes all = bytes;
  const auto* header = Take<TcpHeader>(bytes);
  if (header == nullptr) return Drop::kTcpTruncated;
  const std::size_t header_size = std::size_t{4} * (header->data_offset.value() >> 4);
  if (header_size < sizeof(TcpHeader) || header_size > all.size()) return Drop::kTcpTruncated;
  if (checksum == ChecksumState::kVerify) {
    // The length is at most 65,515: an IPv4 payload.
    Checksum sum = StartChecksum({.source = source,
                                  .destination = destination,
                                  .protocol = kIpProtocolTcp,
                                  .length = static_cast<std::uint16_t>(all.size())});
    sum.Add(all);
    if (sum.Finish() != 0) return Drop::kTcpChecksum;
  }
  Segment segment{.source = Port(header->source_port),
                  .destination = Port(header->destination_port),
                  .seq = SeqNum(header->sequence),
                  .ack = SeqNum(header->acknowledgment),
                  .flags = FlagsFrom(header->flags),
                  .window = header->window,
                  .text = all.subspan(header_size)};
  if (segment.flags.syn && (segment.flags.fin || segment.flags.rst)) return Drop::kTcpFlagsInvalid;
  if (!TakeOptions(Reader(bytes.first(header_size - sizeof(TcpHeader))), segment.options)) {
    return Drop::kTcpOptionMalformed;
  }
  return segment;
}

std::size_t EmitHeader(const Segment& segment, MutableBytes out) {
  const std::size_t options_size = segment.options.size();
  const std::size_t size = sizeof(TcpHeader) + options_size;
  SLIPWAY_CHECK(options_size <= kOptionsMax && out.size() >= size);
  MutableBytes rest = out.first(size);
  auto* header = Place<TcpHeader>(rest);
  header->source_port = segment.source.value();
  header->destination_port = segment.destination.value();
  header->sequence = segment.seq.value();
  header->acknowledgment = segment.ack.value();
  header->data_offset = static_cast<std::uint8_t>(size / 4 << 4);
  header->flags = BitsOf(segment.flags);
  header->window = segment.window;
  header->checksum = std::uint16_t{0};
  header->urgent_pointer = std::uint16_t{0};
  Writer writer(rest);
  PutOptions(segment.options, writer);
  SLIPWAY_CHECK(writer.ok() && writer.remaining() == 0);
  return size;
}

void FillChecksum(MutableBytes header, const ChecksumOver& over) {
  MutableBytes rest = header;
  auto* layout = Place<TcpHeader>(rest);
  SLIPWAY_CHECK(layout != nullptr);
  layout->checksum = std::uint16_t{0};
  Checksum sum =
      StartChecksum({.source = over.source,
                     .destination = over.destination,
                     .protocol = kIpProtocolTcp,
                     .length = static_cast<std::uint16_t>(header.size() + over.text.size())});
  sum.Add(header);
  sum.Add(over.text);
  layout->checksum = sum.Finish();
}

std::uint16_t PseudoHeaderSum(Ipv4Address source, Ipv4Address destination, std::uint16_t length) {
  const Checksum sum = StartChecksum(
      {.source = source, .destination = destination, .protocol = kIpProtocolTcp, .length = length});
  return static_cast<std::uint16_t>(~sum.Finish());
}

void FillPseudoHeaderSum(MutableBytes header, std::uint16_t sum) {
  auto* layout = Place<TcpHeader>(header);
  SLIPWAY_CHECK(layout != nullptr);
  layout->checksum = sum;
}

}  // namespace slipway::tcp
