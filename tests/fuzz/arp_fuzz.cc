// SPDX-License-Identifier: Apache-2.0
//
// Any sequence of ARP packets, one second apart, to neighbours that also look addresses up.
#include "protocols/arp/neighbours.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  static constexpr Ipv4Prefix kOurs[] = {{Ipv4Address(10, 0, 0, 1), 24}};
  SeededEntropy entropy(1);
  arp::Neighbours neighbours({{2, 0, 0, 0, 0, 1}}, kOurs, {.neighbours_max = 4}, entropy);
  Time now{};
  neighbours.Start(now);
  for (Reader reader({data, size}); !reader.empty(); now += std::chrono::seconds(1)) {
    const auto packet = arp::Parse(reader.Take(std::min(reader.remaining(), arp::kPacketSize)));
    if (!packet) continue;
    static_cast<void>(neighbours.Receive(*packet, packet->sender_mac, now));
    static_cast<void>(neighbours.Lookup(packet->target_ip, now));
    for (int sent = 0; neighbours.Emit(now); ++sent) SLIPWAY_CHECK(sent < 20);
  }
  return 0;
}
