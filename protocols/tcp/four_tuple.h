// SPDX-License-Identifier: Apache-2.0
//
// FourTuple names a TCP connection on the network; ConnectionId names it inside one Host, where it
// stays the same from opening to the end and is never given again to another (generation).
#pragma once

#include <array>
#include <cstdint>

#include "protocols/base/bytes.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/siphash.h"
#include "protocols/base/strong.h"
#include "protocols/tcp/segment.h"

namespace slipway::tcp {

struct FourTuple {
  Ipv4Address local_address;
  Port local_port;
  Ipv4Address remote_address;
  Port remote_port;

  friend bool operator==(const FourTuple&, const FourTuple&) = default;

  // The connection that a segment from `source` to our `destination` belongs to.
  static FourTuple Of(const Segment& segment, Ipv4Address source, Ipv4Address destination) {
    return {.local_address = destination,
            .local_port = segment.destination,
            .remote_address = source,
            .remote_port = segment.source};
  }
};

inline std::uint64_t Hash(const SipKey& key, const FourTuple& tuple) {
  std::array<std::uint8_t, 12> bytes{};
  Writer writer(bytes);
  writer.U32(tuple.local_address.value()), writer.U16(tuple.local_port.value());
  writer.U32(tuple.remote_address.value()), writer.U16(tuple.remote_port.value());
  return SipHash(key, bytes);
}

struct ConnectionId {
  std::uint32_t index = 0;       // below Settings::connections_max
  std::uint32_t generation = 0;  // 0: names nothing

  constexpr bool valid() const { return generation != 0; }
  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

}  // namespace slipway::tcp
