// SPDX-License-Identifier: Apache-2.0
//
// FourTuple names a TCP connection on the network; ConnectionId names it inside one Host, where it
// stays the same from opening to the end and is never given again to another (generation).
#pragma once

#include <cstdint>

#include "protocols/base/ipv4.h"
#include "protocols/base/siphash_words.h"
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

// As words, for keyed hashes: the addresses, and the ports in 32 bits.
inline std::uint64_t AddressesOf(const FourTuple& tuple) {
  return std::uint64_t{tuple.local_address.value()} << 32 | tuple.remote_address.value();
}
inline std::uint64_t PortsOf(const FourTuple& tuple) {
  return std::uint64_t{tuple.local_port.value()} << 16 | tuple.remote_port.value();
}

inline std::uint64_t Hash(const SipKey& key, const FourTuple& tuple) {
  return SipHashOf<1>(key, {AddressesOf(tuple)}, PortsOf(tuple), 12);
}

struct ConnectionId {
  std::uint32_t index = 0;       // below Host::slots()
  std::uint32_t generation = 0;  // 0: names nothing

  constexpr bool valid() const { return generation != 0; }
  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

}  // namespace slipway::tcp
