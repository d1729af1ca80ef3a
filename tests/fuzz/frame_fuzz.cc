// SPDX-License-Identifier: Apache-2.0
//
// Any frame: printed, judged, reassembled, taken as ICMP. What parses comes out again as it was.
#include "protocols/base/check.h"
#include "protocols/icmp/responder.h"
#include "protocols/ip/reassembly.h"
#include "protocols/ip/receive.h"
#include "protocols/wire/ethernet.h"
#include "protocols/wire/pretty.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  static ip::Reassembly reassembly({.datagrams_max = 2});
  static icmp::Responder responder({});
  static constexpr Ipv4Prefix kOurs[] = {{Ipv4Address(10, 0, 0, 1), 24}};
  SLIPWAY_CHECK(!Pretty({data, size}).empty());
  const auto frame = ethernet::ParseFrame({data, size});
  const auto packet = ipv4::Parse(frame ? frame->payload : Bytes{}, ChecksumState::kKnownGood);
  if (!packet || ip::Judge(*packet, kOurs).drop != Drop::kNone) return 0;
  const auto whole = reassembly.Receive(*packet, Time{}).packet.value_or(*packet);
  const auto message = icmp::Parse(whole.payload, ChecksumState::kKnownGood);
  if (message) static_cast<void>(responder.Receive(*message, false, Time{}));
  return 0;
}
