// SPDX-License-Identifier: Apache-2.0
//
// tcp::Settings: what an operator or a test may choose about TCP. Immutable once a Host was built
// on it; every size below is a bound that the Host allocates once, at construction.
//
// The defaults suit firmware (docs in README.md): a minimum RTO of 300 ms instead of RFC 6298's
// 1 s, since firmware delays an acknowledgment by up to 200 ms and a lost tail costs one RTO.
#pragma once

#include <chrono>
#include <cstdint>

#include "protocols/base/time.h"

namespace slipway::tcp {

struct Settings {
  // What the link carries without options: MTU - 40. Never sent more, whatever the peer offers.
  std::uint16_t mss = 1460;
  std::uint32_t receive_window = 65535;  // until SetReceiveRoom says otherwise; bytes
  std::uint8_t window_scale = 2;         // offered for our receive window; 0 to 14
  bool timestamps = true;
  bool sack = true;
  // Congestion marks (ecn.h): granted to a peer whose SYN asks for them; asked for by our own SYNs.
  bool ecn = true;
  bool ecn_asked = false;

  std::uint32_t initial_window_segments = 10;  // RFC 6928
  // CUBIC with HyStart++ for peers that select; the others, and all without this, get NewReno.
  bool cubic = true;
  // Where slow start ends at the latest for a peer that does not select: firmware, whose driver
  // has a ring of 64 frames, and loses a round trip for each frame that a doubled window overran.
  std::uint32_t slow_start_max_without_sack = 65535;
  bool pacing = true;           // pacing.h; of peers further away than a millisecond
  bool tail_loss_probe = true;  // RFC 8985 7
  // How long a peer may keep an acknowledgment back: RFC 8985's WCDelAckT.
  Duration delayed_ack_max = std::chrono::milliseconds(200);
  // At most so many segments leave between NextReady() and the connection's next turn: of a peer
  // that the ACK clock alone paces and that has lost nothing, and of any other. Firmware whose ring
  // of 64 frames is read one frame a poll takes 32 in a row, and is deaf for 10 ms at times, which
  // makes it one of the others.
  std::uint32_t turn_segments_max = 32;
  std::uint32_t paced_turn_segments_max = 16;

  Duration rto_initial = std::chrono::seconds(1);  // RFC 6298 2.1
  Duration rto_min = std::chrono::milliseconds(300);
  Duration rto_max = std::chrono::seconds(60);
  std::uint32_t syn_retries =
      6;  // RFC 9293 3.8.3: at least 3 minutes' worth for a SYN is R2; at most 255
  std::uint32_t data_retries = 12;  // then the peer is gone; at most 255
  Duration delayed_ack = std::chrono::milliseconds(40);
  Duration time_wait = std::chrono::seconds(60);   // 2 MSL
  Duration fin_wait_2 = std::chrono::seconds(60);  // after Close(): nobody reads any more
  Duration keepalive_idle{0};                      // 0: off (RFC 1122 4.2.3.6)
  Duration keepalive_interval = std::chrono::seconds(10);
  std::uint32_t keepalive_probes = 6;

  // Progress deadlines. idle: established, nothing to send, nothing received: reported, the
  // service decides. stalled: has bytes to take and acknowledges none of them: aborted.
  Duration idle = std::chrono::seconds(75);
  Duration stalled = std::chrono::seconds(120);

  std::uint32_t connections_max = 4096;
  std::uint32_t syn_backlog_max = 512;  // half-open connections before SYN cookies
  std::uint32_t time_wait_max = 8192;
  std::uint32_t stray_max = 256;                 // replies without a connection that wait to leave
  std::uint32_t challenge_acks_per_second = 10;  // per connection (RFC 5961 10)

  // Out-of-order text, in blocks of OutOfOrderStore::kBlockBytes.
  std::uint32_t out_of_order_blocks_max = 1024;
  std::uint32_t out_of_order_blocks_per_connection = 64;
};

}  // namespace slipway::tcp
