// SPDX-License-Identifier: Apache-2.0
#include "protocols/wire/atomic.h"

#include <gtest/gtest.h>

#include "protocols/base/entropy.h"
#include "protocols/wire/view.h"

namespace slipway {
namespace {

TEST(ChecksumOfWords, IsTheChecksumOfTheirBytes) {
  SeededEntropy random(1);
  for (std::size_t count = 0; count < 40; ++count) {
    std::array<std::uint8_t, 160> bytes{};
    const MutableBytes used = MutableBytes(bytes).first(4 * count);
    random.Fill(used);
    std::uint64_t sum = 0;
    Reader reader((Bytes(used)));
    for (std::size_t i = 0; i < count; ++i) sum += reader.U32();
    EXPECT_EQ(ChecksumOfWords(sum), ChecksumOf(used)) << count;
  }
  EXPECT_EQ(ChecksumOfWords(0xffff'ffff'ffff), ChecksumOfWords(0xffff));
}

TEST(WriteHeader, WritesWhatEmitHeaderWrites) {
  SeededEntropy random(2);
  for (int i = 0; i < 1000; ++i) {
    const auto size = static_cast<std::uint16_t>(random.Below(65'516));
    const ipv4::Atomic atomic{
        .source = Ipv4Address(static_cast<std::uint32_t>(random.Next64())),
        .destination = Ipv4Address(static_cast<std::uint32_t>(random.Next64())),
        .protocol = IpProtocol(static_cast<std::uint8_t>(random.Below(256))),
        .payload_size = size};
    std::array<std::uint8_t, ipv4::kHeaderSize> quick{};
    MutableBytes room = quick;
    ipv4::WriteHeader(atomic, *Place<ipv4::WireHeader>(room));
    std::array<std::uint8_t, ipv4::kHeaderSize> slow{};
    ipv4::EmitHeader({.source = atomic.source,
                      .destination = atomic.destination,
                      .protocol = atomic.protocol,
                      .dont_fragment = true,
                      .options = {},
                      .payload = {}},
                     size, slow);
    EXPECT_EQ(quick, slow);
  }
}

}  // namespace
}  // namespace slipway
