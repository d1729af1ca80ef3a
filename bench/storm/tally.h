// SPDX-License-Identifier: Apache-2.0
//
// Tally: everything a farm counts while it runs. Plain numbers, read by whoever wants to.
#pragma once

#include <array>
#include <cstdint>

#include "bench/storm/failure.h"
#include "bench/storm/statistics.h"

namespace slipway::storm {

struct Tally {
  // Machines.
  std::uint64_t powered = 0;
  std::uint64_t booted = 0;
  std::uint64_t failed = 0;
  std::array<std::uint64_t, kFailures> failures{};

  // Work done.
  std::uint64_t exchanges = 0;   // DHCP, all four messages
  std::uint64_t handshakes = 0;  // TLS, finished
  std::uint64_t requests = 0;    // answered whole
  std::uint64_t body_bytes = 0;
  std::uint64_t records = 0;
  Histogram exchange_times;
  Histogram handshake_times;  // from the SYN on
  Histogram request_times;
  Duration longest_silence{};  // of the server, once a request was sent

  // Frames.
  std::uint64_t frames_received = 0;
  std::uint64_t frames_sent = 0;
  std::uint64_t lost_arriving = 0;  // by --loss
  std::uint64_t lost_leaving = 0;
  std::uint64_t not_for_us = 0;
  std::uint64_t malformed = 0;
  std::uint64_t no_buffer = 0;    // ours: the generator was the bottleneck
  std::uint64_t outbox_full = 0;  // the wire took no more
  std::uint64_t flood_sent = 0;
  std::uint64_t flood_answers = 0;

  // Cycles of rounds that found something to do, and of all.
  std::uint64_t busy_cycles = 0;
  std::uint64_t all_cycles = 0;
};

}  // namespace slipway::storm
