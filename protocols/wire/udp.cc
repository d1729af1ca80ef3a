// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/udp.h"

#include <cstring>

#include "protocols/base/check.h"
#include "protocols/wire/ipv4.h"
#include "protocols/wire/view.h"

namespace slipway::udp {
namespace {

std::uint16_t ChecksumOver(Bytes datagram, const Addresses& addresses) {
  Checksum checksum = StartChecksum({.source = addresses.source,
                                     .destination = addresses.destination,
                                     .protocol = ipv4::kUdp,
                                     .length = static_cast<std::uint16_t>(datagram.size())});
  checksum.Add(datagram);
  return checksum.Finish();
}

}  // namespace

Parsed<Datagram> Parse(Bytes bytes, const Addresses& addresses, ChecksumState checksum) {
  Bytes rest = bytes;
  const auto* layout = Take<WireHeader>(rest);
  if (layout == nullptr) return Drop::kUdpTruncated;
  const std::size_t length = layout->length;
  if (length < kHeaderSize || length > bytes.size()) return Drop::kUdpTruncated;
  if (checksum == ChecksumState::kVerify && layout->checksum != 0 &&
      ChecksumOver(bytes.first(length), addresses) != 0) {
    return Drop::kUdpChecksum;
  }
  const Datagram datagram{.source = Port(layout->source),
                          .destination = Port(layout->destination),
                          .payload = rest.first(length - kHeaderSize)};
  if (datagram.source == Port(0) || datagram.destination == Port(0)) return Drop::kUdpPortZero;
  return datagram;
}

std::size_t Emit(const Datagram& datagram, const Addresses& addresses, MutableBytes out) {
  const std::size_t size = datagram.size();
  SLIPWAY_CHECK(out.size() >= size && size <= ipv4::kPacketSizeMax - ipv4::kHeaderSize);
  MutableBytes payload = out.first(size);
  auto* layout = Place<WireHeader>(payload);
  SLIPWAY_CHECK(layout != nullptr);
  if (!payload.empty()) std::memmove(payload.data(), datagram.payload.data(), payload.size());
  layout->source = datagram.source.value();
  layout->destination = datagram.destination.value();
  layout->length = static_cast<std::uint16_t>(size);
  layout->checksum = 0;
  const std::uint16_t checksum = ChecksumOver(out.first(size), addresses);
  layout->checksum = checksum == 0 ? std::uint16_t{0xffff} : checksum;
  return size;
}

}  // namespace slipway::udp
