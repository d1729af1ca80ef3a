// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/ipv4.h"

#include <algorithm>
#include <tuple>

#include "protocols/base/check.h"
#include "protocols/wire/view.h"

namespace slipway::ipv4 {
namespace {

constexpr std::uint8_t kVersion = 4;
constexpr std::size_t kWord = 4;
constexpr std::size_t kFragmentUnit = 8;
constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::uint16_t kMoreFragments = 0x2000;
constexpr std::uint16_t kOffsetMask = 0x1fff;
constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNothing = 1;

// Every option but the two of one byte says its length, and lies inside the header (RFC 791 3.1).
bool OptionsWellFormed(Bytes options) {
  Reader reader(options);
  while (!reader.empty()) {
    const std::uint8_t kind = reader.U8();
    if (kind == kOptionEnd) return true;
    if (kind == kOptionNothing) continue;
    const std::uint8_t length = reader.U8();
    if (length < 2) return false;
    reader.Skip(length - std::size_t{2});
  }
  return reader.ok();
}

// Header length in bytes, of a version 4 header that is wholly inside `bytes`.
Parsed<std::size_t> HeaderSize(Bytes bytes) {
  if (bytes.size() < kHeaderSize) return Drop::kIpTruncated;
  if (bytes[0] >> 4 != kVersion) return Drop::kIpVersion;
  const std::size_t size = (bytes[0] & 15) * kWord;
  if (size < kHeaderSize || size > bytes.size()) return Drop::kIpHeaderLength;
  return size;
}

Packet Read(Bytes header) {
  const auto* layout = Take<WireHeader>(header);
  SLIPWAY_CHECK(layout != nullptr);
  const std::uint16_t fragment = layout->fragment;
  return {.source = Ipv4Address(layout->source),
          .destination = Ipv4Address(layout->destination),
          .protocol = IpProtocol(layout->protocol),
          .ttl = layout->ttl,
          .service = layout->service,
          .identification = layout->identification,
          .dont_fragment = (fragment & kDontFragment) != 0,
          .more_fragments = (fragment & kMoreFragments) != 0,
          .fragment_offset = static_cast<std::uint16_t>((fragment & kOffsetMask) * kFragmentUnit),
          .options = header,
          .payload = {}};
}

std::size_t TotalLength(Bytes bytes) {
  const auto* layout = Take<WireHeader>(bytes);
  return layout == nullptr ? 0 : layout->total_length.value();
}

}  // namespace

bool operator==(const Packet& a, const Packet& b) {
  const auto key = [](const Packet& p) {
    return std::tuple(p.source, p.destination, p.protocol, p.ttl, p.service, p.identification,
                      p.dont_fragment, p.more_fragments, p.fragment_offset);
  };
  return key(a) == key(b) && Equal(a.options, b.options) && Equal(a.payload, b.payload);
}

Parsed<Packet> Parse(Bytes bytes, ChecksumState checksum) {
  const Parsed<std::size_t> header_size = HeaderSize(bytes);
  if (!header_size) return header_size.drop();
  const std::size_t total = TotalLength(bytes);
  if (total < *header_size) return Drop::kIpHeaderLength;
  if (total > bytes.size()) return Drop::kIpTruncated;
  const Bytes header = bytes.first(*header_size);
  if (checksum == ChecksumState::kVerify && ChecksumOf(header) != 0) {
    return Drop::kIpHeaderChecksum;
  }
  Packet packet = Read(header);
  if (!OptionsWellFormed(packet.options)) return Drop::kIpOptionMalformed;
  packet.payload = bytes.first(total).subspan(*header_size);
  return packet;
}

Parsed<Packet> ParseQuoted(Bytes bytes) {
  const Parsed<std::size_t> header_size = HeaderSize(bytes);
  if (!header_size) return header_size.drop();
  Packet packet = Read(bytes.first(*header_size));
  packet.payload = bytes.subspan(*header_size);
  return packet;
}

std::size_t EmitHeader(const Packet& packet, std::size_t payload_size, MutableBytes out) {
  const std::size_t size = packet.header_size();
  SLIPWAY_CHECK(out.size() >= size);
  SLIPWAY_CHECK(packet.options.size() <= kOptionsSizeMax && packet.options.size() % kWord == 0);
  SLIPWAY_CHECK(size + payload_size <= kPacketSizeMax);
  SLIPWAY_CHECK(packet.fragment_offset % kFragmentUnit == 0);
  MutableBytes rest = out.first(size);
  auto* layout = Place<WireHeader>(rest);
  SLIPWAY_CHECK(layout != nullptr);
  layout->version_and_length = static_cast<std::uint8_t>(kVersion << 4 | size / kWord);
  layout->service = packet.service;
  layout->total_length = static_cast<std::uint16_t>(size + payload_size);
  layout->identification = packet.identification;
  layout->fragment = static_cast<std::uint16_t>((packet.dont_fragment ? kDontFragment : 0) |
                                                (packet.more_fragments ? kMoreFragments : 0) |
                                                packet.fragment_offset / kFragmentUnit);
  layout->ttl = packet.ttl;
  layout->protocol = packet.protocol.value();
  layout->checksum = 0;
  layout->source = packet.source.value();
  layout->destination = packet.destination.value();
  Copy(packet.options, rest);
  layout->checksum = ChecksumOf(out.first(size));
  return size;
}

std::size_t Emit(const Packet& packet, MutableBytes out) {
  SLIPWAY_CHECK(out.size() >= packet.size());
  const std::size_t header_size = EmitHeader(packet, packet.payload.size(), out);
  Copy(packet.payload, out.subspan(header_size));
  return packet.size();
}

}  // namespace slipway::ipv4
