// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a UDP datagram: what Parse accepts is emitted, with a right checksum, and parsed
// again to the same value; as it came it passes only where its checksum is right or none.
#include <vector>

#include "protocols/base/check.h"
#include "protocols/wire/udp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  if (size > 65515) return 0;
  constexpr udp::Addresses kBetween{Ipv4Address(10, 0, 0, 1), Ipv4Address(10, 0, 0, 2)};
  const auto once = udp::Parse({data, size}, kBetween, ChecksumState::kKnownGood);
  const auto verified = udp::Parse({data, size}, kBetween);
  SLIPWAY_CHECK(!verified || (once && *verified == *once));
  if (!once) return 0;
  std::vector<std::uint8_t> out(once->size());
  SLIPWAY_CHECK(udp::Emit(*once, kBetween, out) == out.size());
  SLIPWAY_CHECK(udp::Parse(out, kBetween).ok() && *udp::Parse(out, kBetween) == *once);
  return 0;
}
