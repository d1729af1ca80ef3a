// SPDX-License-Identifier: Apache-2.0
//
// What a connection has to send now (RFC 9293 3.8): SYN and FIN, text by offset, retransmissions
// (RFC 5681, RFC 6582 and RFC 3042 without SACK, what the scoreboard says is lost with it), tail
// loss probes (RFC 8985 7.3), window probes (3.8.6.1), keepalives (3.8.4), acknowledgments. Silly
// windows are avoided on both sides (3.8.6.2); there is no Nagle algorithm: a source's end, or what
// it has so far, leaves at once.
//
// Left out: urgent text.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/tcp/connection.h"

namespace slipway::tcp {

// A segment to send. Its payload is [offset, offset + length) of the connection's source; the
// checksum is the caller's. With length > mss (asked for by payload_max) the caller or the port
// splits it into segments of `mss`.
struct Outgoing {
  Segment segment;
  FourTuple tuple;
  ConnectionId connection;       // not valid() for a stray
  ByteSource* source = nullptr;  // the connection's, where it has one
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  std::uint16_t mss = 0;
  bool retransmission = false;
  bool turn_over = false;  // the burst is used up: there is nothing more before the next turn
};

// The next segment due, or nothing; `payload_max` as in Host::Emit.
std::optional<Outgoing> NextSegment(const Context& context, Connection& connection,
                                    std::uint32_t payload_max);

// Segments of the connection's turn that begins now.
std::uint32_t TurnOf(const Settings& settings, const Connection& connection);

// The window field of a segment that leaves now; moves the advertised right edge.
std::uint16_t AdvertiseWindow(const Context& context, Connection& connection);

}  // namespace slipway::tcp
