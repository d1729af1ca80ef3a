// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/frames.h"

#include "protocols/base/check.h"

namespace slipway::dataplane {
namespace {

void Set16(Buffer& bytes, std::size_t offset, std::size_t value) {
  bytes[offset] = static_cast<std::uint8_t>(value >> 8);
  bytes[offset + 1] = static_cast<std::uint8_t>(value);
}

std::uint16_t TransportSum(const Buffer& frame, std::size_t link) {
  const std::size_t network = std::size_t{4} * (frame[link] & 0xf);
  const std::size_t length = U16At(frame, link + 2) - network;
  Buffer sum(frame.begin() + static_cast<std::ptrdiff_t>(link) + 12,
             frame.begin() + static_cast<std::ptrdiff_t>(link) + 20);
  sum.insert(sum.end(), {0, frame[link + 9], static_cast<std::uint8_t>(length >> 8),
                         static_cast<std::uint8_t>(length)});
  const auto start = frame.begin() + static_cast<std::ptrdiff_t>(link + network);
  sum.insert(sum.end(), start, start + static_cast<std::ptrdiff_t>(length));
  return SlowSum(sum);
}

}  // namespace

Buffer Headers(const TcpFrameSpec& spec, std::size_t text_size) {
  const bool udp = spec.protocol == 17;
  const std::size_t transport = udp ? 8 : 20;
  Buffer frame = {0x52, 0x54, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00};
  frame.resize(14 + 20 + transport);
  frame[14] = 0x45;
  Set16(frame, 16, 20 + transport + text_size);
  Set16(frame, 18, spec.identification);
  frame[22] = 64;
  frame[23] = spec.protocol;
  const Buffer addresses = {10, 77, 0, 1, 10, 77, 0, 9};
  std::copy(addresses.begin(), addresses.end(), frame.begin() + 26);
  Set16(frame, 34, spec.source_port);
  Set16(frame, 36, spec.destination_port);
  if (udp) {
    Set16(frame, 38, transport + text_size);
    return frame;
  }
  Set16(frame, 38, spec.sequence >> 16);
  Set16(frame, 40, spec.sequence & 0xffff);
  Set16(frame, 44, 99);
  frame[46] = 0x50;
  frame[47] = spec.flags;
  Set16(frame, 48, 65535);
  return frame;
}

Buffer Text(std::size_t size) {
  Buffer text(size);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  return text;
}

Buffer CompleteFrame(const TcpFrameSpec& spec, std::size_t text_size) {
  Buffer frame = Headers(spec, text_size);
  const Buffer text = Text(text_size);
  frame.insert(frame.end(), text.begin(), text.end());
  Set16(frame, 24, static_cast<std::uint16_t>(~SlowSum(Bytes(frame).subspan(14, 20))));
  const std::size_t field = spec.protocol == 17 ? 40 : 50;
  Set16(frame, field, static_cast<std::uint16_t>(~TransportSum(frame, 14)));
  return frame;
}

Buffer Contents(const Frame& frame) {
  Buffer contents(frame.size());
  SLIPWAY_CHECK(frame.CopyTo(contents) == contents.size());
  return contents;
}

std::uint16_t U16At(const Buffer& bytes, std::size_t offset) {
  return static_cast<std::uint16_t>(bytes.at(offset) << 8 | bytes.at(offset + 1));
}

std::uint32_t U32At(const Buffer& bytes, std::size_t offset) {
  return std::uint32_t{U16At(bytes, offset)} << 16 | U16At(bytes, offset + 2);
}

std::uint16_t SlowSum(Bytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += static_cast<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

bool IpChecksumIsRight(const Buffer& frame, std::size_t link) {
  return SlowSum(Bytes(frame).subspan(link, 20)) == 0xffff;
}

bool TransportChecksumIsRight(const Buffer& frame, std::size_t link) {
  return TransportSum(frame, link) == 0xffff;
}

void RequestTransportChecksum(Frame& frame) {
  const MutableBytes headers = frame.mutable_bytes();
  const bool udp = headers[23] == 17;
  const auto length = static_cast<std::uint16_t>(frame.size() - 34);
  Buffer pseudo(headers.begin() + 26, headers.begin() + 34);  // both addresses
  pseudo.insert(pseudo.end(), {0, headers[23], static_cast<std::uint8_t>(length >> 8),
                               static_cast<std::uint8_t>(length)});
  const std::uint16_t sum = SlowSum(pseudo);
  const std::size_t field = udp ? 40 : 50;
  headers[field] = static_cast<std::uint8_t>(sum >> 8);
  headers[field + 1] = static_cast<std::uint8_t>(sum);
  frame.RequestTransportChecksum(udp ? Transport::kUdp : Transport::kTcp);
}

std::unique_ptr<PacketPool> NewPool(PacketPoolOptions options) {
  static unsigned number = 0;
  options.name = "test" + std::to_string(number++);
  auto pool = PacketPool::Create(options);
  SLIPWAY_CHECK(pool.ok());
  return *std::move(pool);
}

}  // namespace slipway::dataplane
