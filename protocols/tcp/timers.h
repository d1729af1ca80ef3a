// SPDX-License-Identifier: Apache-2.0
//
// What time does to a connection: retransmission (RFC 6298 5; tail loss probe, RFC 8985 7.3),
// window probes (RFC 9293 3.8.6.1), delayed acknowledgment, keepalive (3.8.4), and the limits after
// which a peer is given up (3.8.3 R2; progress deadlines against peers that hold a connection
// without using it).
//
// All deadlines of a connection share one entry in the Host's timer wheel, set to the earliest.
#pragma once

#include <optional>

#include "protocols/tcp/connection.h"

namespace slipway::tcp {

enum class Expiry : std::uint8_t {
  kIdle,             // settings.idle without a byte either way: reported again each period; open
  kNoHandshake,      // SYN or SYN-ACK was not answered; closed
  kNoAnswer,         // data_retries retransmissions were not answered; closed
  kStalled,          // the peer has bytes to take and takes none; closed
  kKeepaliveFailed,  // closed
  kLinger,           // the peer never finished after our Close(); closed
};
struct Expired {
  ConnectionId connection;
  Expiry what;
};

constexpr bool Closes(Expiry what) { return what != Expiry::kIdle; }

// The earliest of the connection's deadlines.
Time NextTimer(const Settings& settings, const Connection& connection);

// Does what is due at context.now; says what the service must know, if anything.
std::optional<Expiry> ExpireTimers(const Context& context, Connection& connection);

}  // namespace slipway::tcp
