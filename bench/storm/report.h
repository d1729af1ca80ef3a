// SPDX-License-Identifier: Apache-2.0
//
// Report: a run summed up, as a table for people and as JSON for programs. Rates count from the end
// of the warm-up; failures stand under their names; who was the bottleneck stands beside them.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/storm/farm.h"

namespace slipway::storm {

// Seconds.
struct Times {
  double p50 = 0;
  double p99 = 0;
  double max = 0;
  std::uint64_t count = 0;
};

struct Report {
  double seconds = 0;  // measured, without the warm-up
  std::uint64_t machines = 0;
  std::uint64_t boots_wanted = 0;
  std::uint64_t boots = 0;
  double boots_per_second = 0;
  double gigabits_per_second = 0;  // of bodies
  double handshakes_per_second = 0;
  double requests_per_second = 0;
  double exchanges_per_second = 0;
  double floods_per_second = 0;
  Times boot;      // from power on
  Times transfer;  // from the first GET
  double boot_mean = 0;
  Times handshake;  // from the SYN
  Times request;
  Times exchange;
  double jain = 1;           // over machines' rates
  double rate_min_mbps = 0;  // of a machine
  double rate_max_mbps = 0;
  double busy_share = 0;  // of this core
  std::uint64_t unchecked_bytes = 0;
  std::uint64_t checked_bytes = 0;
  std::uint64_t body_bytes = 0;
  std::uint64_t receiver_frames = 0;
  std::uint64_t receiver_dropped = 0;
  std::uint32_t receiver_most = 0;
  std::size_t bytes_per_machine = 0;
  std::uint64_t retransmissions = 0;
  Tally tally;
  dataplane::PortStatistics port;
};

Report Summarise(const Farm& farm, Time now, const dataplane::PortStatistics& port);
void PrintTable(const Report& report, std::FILE* out);
// One line of what has happened so far.
void PrintProgress(const Farm& farm, Time now, std::uint64_t bytes_before, std::FILE* out);
std::string ToJson(const Report& report);

}  // namespace slipway::storm
