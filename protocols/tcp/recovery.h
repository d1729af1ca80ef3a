// SPDX-License-Identifier: Apache-2.0
//
// What losses do to a connection: how they are found, how they are answered, and when the answer is
// taken back. Peers that select: RACK (rack.h) and PRR (prr.h). The others: duplicate ACKs and
// NewReno (RFC 5681, RFC 6582). Both: the tail loss probe's answer (RFC 8985 7.4), timeouts, F-RTO
// (RFC 5682), and undo (undo.h); and what echoes of congestion marks do, which are answered as one
// loss would be, without one (RFC 3168 6.1.2). The window arithmetic is congestion.h's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "protocols/tcp/connection.h"

namespace slipway::tcp {

// What one acceptable acknowledgment told; una has moved already.
struct Acknowledged {
  std::uint64_t bytes = 0;                 // una moved by so many
  std::span<const std::uint32_t> earlier;  // ... of which these by ACKs joined with it (bare_ack.h)
  std::uint64_t flight = 0;                // outstanding before
  bool advanced = false;
  bool selected = false;         // SACK blocks told something new
  bool duplicate = false;        // RFC 5681 2; of peers that do not select
  bool congestion = false;       // the echo of a mark (RFC 3168 6.1.2)
  std::uint64_t duplicated = 0;  // bytes that the peer says it got twice (D-SACK)
  Scoreboard::Delivered delivered;
  std::optional<std::uint32_t> echo;  // of our timestamp
};

// The windows, the state of recovery, what is lost, and the retransmission timer.
void TakeAcknowledged(const Context& context, Connection& connection, const Acknowledged& ack);

// RACK, after an acknowledgment or when its timer comes.
void DetectLosses(const Context& context, Connection& connection);

// The retransmission timer expired with text outstanding.
void TimeOut(Connection& connection);

// Everything outstanding goes again: after a timeout, into a smaller path, behind a probed window.
void SendAgain(Connection& connection);

}  // namespace slipway::tcp
