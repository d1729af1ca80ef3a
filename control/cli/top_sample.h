// SPDX-License-Identifier: Apache-2.0
//
// What `slipway top` shows: two answers of GET /api/v1/workers become rates and costs. Values only;
// how they look is top_screen's. A worker stamps what it posts with its own clock, so a rate does
// not depend on when the answers were asked for. Counters that went backwards (the daemon was
// started anew) count from zero.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace slipway::control {

// In the order in which a worker takes them; sealing is a part of emit, told apart here.
inline constexpr std::array<std::string_view, 7> kTopSteps = {
    "receive", "classify", "deliver", "expire", "emit", "seal", "transmit"};

struct TopBoots {
  std::uint64_t under_way = 0;
  std::uint64_t waiting = 0;  // of machines held back until others are served
  std::uint64_t complete = 0;
  std::uint64_t failed = 0;
  std::uint64_t abandoned = 0;
  std::optional<double> wait_seconds;  // expected, of a machine that comes now
};

struct TopDrop {
  std::string name;
  std::string severity;  // normal, peer, load
  std::string sentence;
  std::uint64_t count = 0;  // since the start
  double per_second = 0;
};

struct TopWorker {
  std::uint64_t worker = 0;
  double seconds = 0;  // between the two samples
  double load = 0;     // busy cycles of all, 0 to 1
  double bits_in = 0;  // per second, frames as they are on the wire without preamble and FCS
  double bits_out = 0;
  double packets_in = 0;  // per second
  double packets_out = 0;
  double payload_bits = 0;  // per second: TCP streams alone
  double sealed_share = 0;  // of the payload
  // Busy cycles; 0 when nothing was sent.
  double cycles_per_packet = 0;                        // of those received and sent
  double cycles_per_byte = 0;                          // of payload
  std::array<double, kTopSteps.size()> step_shares{};  // of busy cycles
  double burst_in = 0;                                 // frames, of bursts that had any
  double burst_out = 0;
  std::uint64_t outbox = 0;       // frames that waited for the port's ring: when posted,
  std::uint64_t outbox_peak = 0;  // and at most since the post before
  std::uint64_t outbox_limit = 0;
  double ring_full = 0;  // share of the bursts that the port's ring did not take whole
  double pool = 0;       // share of its packet memory in use, of the kind that is scarcest
  std::uint64_t connections = 0;
  double opened = 0;  // per second
  double handshakes = 0;
  std::uint64_t handshakes_waiting = 0;
  double retransmissions = 0;
  double events_lost = 0;
};

struct TopView {
  TopBoots boots;
  double finished_per_second = 0;  // boots that became complete
  std::vector<TopWorker> workers;
  std::vector<TopDrop> drops;  // of all workers; the fastest first, then the largest
};

// Nullopt when `sample` is not an answer of GET /api/v1/workers.
std::optional<TopView> ViewBetween(const nlohmann::json& before, const nlohmann::json& sample);

nlohmann::json ToJson(const TopView& view);

}  // namespace slipway::control
