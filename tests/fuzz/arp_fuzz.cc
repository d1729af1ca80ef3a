// SPDX-License-Identifier: Apache-2.0
//
// Any sequence of ARP packets, one second apart, to a responder that also probes addresses.
#include "protocols/arp/responder.h"
#include "protocols/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  static constexpr Ipv4Prefix kOurs[] = {{Ipv4Address(10, 0, 0, 1), 24}};
  SeededEntropy entropy(1);
  arp::Responder arp({{2, 0, 0, 0, 0, 1}}, kOurs, {.probes_max = 4}, entropy);
  Time now{};
  arp.Start(now);
  for (Reader reader({data, size}); !reader.empty(); now += std::chrono::seconds(1)) {
    const auto packet = arp::Parse(reader.Take(std::min(reader.remaining(), arp::kPacketSize)));
    if (!packet) continue;
    static_cast<void>(arp.Receive(*packet, packet->sender_mac, now));
    static_cast<void>(arp.ProbeAddress(packet->target_ip, now));
    for (int sent = 0; arp.Emit(now); ++sent) SLIPWAY_CHECK(sent < 20);
    arp.Expire(now);
    while (arp.TakeProbeOutcome()) continue;
  }
  return 0;
}
