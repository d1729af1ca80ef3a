// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a TCP segment: Parse neither crashes nor reads outside, and what it accepts is
// emitted and parsed again to the same value.
#include "protocols/base/check.h"
#include "protocols/tcp/segment.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  if (size > 65515) return 0;
  const auto once = tcp::Parse({data, size}, {}, {}, ChecksumState::kKnownGood);
  // Options in a wasteful order may be longer when emitted in ours.
  if (!once || once->options.size() > kTcpHeaderMax - sizeof(TcpHeader)) return 0;
  std::array<std::uint8_t, kTcpHeaderMax> header{};
  const std::size_t length = tcp::EmitHeader(*once, header);
  tcp::Segment again = *tcp::Parse(Bytes(header).first(length), {}, {}, ChecksumState::kKnownGood);
  again.text = once->text;
  SLIPWAY_CHECK(again == *once);
  return 0;
}
