// SPDX-License-Identifier: Apache-2.0
//
// Rig: a server and its machines on one wire, each on a core of its own, and whatever it is divided
// by, measured in turns with it on the server's core.
//
// Turns are short: a machine whose cores others use too changes its speed from one tenth of a
// second to the next, by more than is to be told apart. Who has just got the core runs a while
// before it is measured, since the caches are not its own yet. TCP does not see the turns: see
// TakeTurns.
//
// The calling thread runs the machines; the server has its own thread. Frames of the floor reach
// the machines too, which free them unread, as a wire would.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include "bench/lab/floor.h"
#include "bench/lab/real_time.h"
#include "bench/lab/ring_wire.h"
#include "bench/lab/server.h"
#include "bench/rows/row.h"
#include "bench/storm/farm.h"
#include "dataplane/clock.h"
#include "dataplane/port.h"

namespace slipway::bench {

// A storm's ring_frames. Its machines share one core, so while one of them does its Diffie-Hellman
// (2.5 ms on a slow machine) nobody takes a frame; ten thousand of them have a ring of 64 frames
// each, and compute beside each other. 511 frames are 0.6 ms of 10 Gbit/s: a server that served in
// turns stood still behind them for an eighth of the time (2026-11-28).
inline constexpr unsigned kStormRingFrames = 4095;

enum class Wire { kRing, kVirtioUser };

struct RigOptions {
  Wire wire = Wire::kRing;
  bool tcp_segmentation = false;
  std::uint16_t mtu = 1500;
  storm::FarmOptions machines;
  std::uint32_t connections = 256;
  std::size_t image_bytes = std::size_t{1} << 30;
  // Each way, of a ring wire. Few, so that what is under way stays in the cache.
  unsigned ring_frames = 511;
  std::uint32_t frames = 8192;  // of the server: on a ring, machines hold them until they read them
  bool acknowledge_leases = true;  // this and the next: BenchServerOptions'
  bool real_time = true;
  bool admission = false;
};

// What the server did in one measurement.
struct Sample {
  std::uint64_t payload_bytes = 0;
  std::uint64_t segments = 0;
  std::uint64_t busy_cycles = 0;
  std::uint64_t idle_cycles = 0;
  std::uint64_t handshakes = 0;
  std::uint64_t borrowed_bytes = 0;
  std::uint64_t retransmissions = 0;
  std::uint64_t busy_polls = 0;
  std::uint64_t frames_received = 0;
  std::array<std::uint64_t, dataplane::kStepNames.size()> step_cycles{};
  std::uint64_t seal_sample_cycles = 0;  // of the rounds in which sealing was measured
  std::uint64_t seal_sample_bytes = 0;
  double machines_busy = 0;  // share of the machines' core; only of Measure

  void Add(const Sample& other);

  double cycles_per_byte() const {
    return static_cast<double>(busy_cycles) / static_cast<double>(payload_bytes);
  }
  double seal_cycles_per_byte() const;
  // "receive 20, classify 12, ...": cycles a segment, by step; sealing is part of emit.
  std::string Profile() const;
  // The same as figures, "segment_cycles.receive" and so on; sealing stands apart from emit.
  std::vector<std::pair<std::string, double>> StepFigures() const;
  double busy_share() const {
    return static_cast<double>(busy_cycles) / static_cast<double>(busy_cycles + idle_cycles);
  }
};

// What the server did from one moment to another.
Sample Between(const dataplane::WorkerStatistics& before, const dataplane::WorkerStatistics& after);
// The sum of those that cost neither much nor little a byte: what they spend by step is not the
// machine's doing.
Sample SumOfMiddleHalf(std::vector<Sample> samples);

// How many turns of a length make up a time; at least one.
inline unsigned TurnsIn(double seconds, double length) {
  return std::max(1U, static_cast<unsigned>(std::lround(seconds / length)));
}

class Rig {
 public:
  static absl::StatusOr<std::unique_ptr<Rig>> Create(const RowContext& context,
                                                     const RigOptions& options);
  ~Rig();

  storm::Farm& machines() { return *farm_; }
  BenchServer& server() { return *server_; }
  const dataplane::Clock& clock() const { return clock_; }

  // Runs the machines for so long, or until `done`.
  void Run(double seconds);
  void RunUntil(const std::function<bool()>& done, double seconds_max);
  Sample Measure(double seconds);
  // `count` times `aside`, and then the server for `length`; what the server did in each of its
  // turns. All runs on the server's thread, whose time stands still for `aside`
  // (BenchServer::Lend).
  std::vector<Sample> TakeTurns(unsigned count, double length, const std::function<void()>& aside);
  // For `aside`: the floor of the server's port.
  FloorResult MeasureFloor(const FloorOptions& options) {
    return bench::MeasureFloor(*server_port_, server_->pool(), server_->image(), options);
  }

 private:
  explicit Rig(const RowContext& context) : context_(context) {}
  absl::Status MakeWire(const RigOptions& options);

  RowContext context_;
  dataplane::Clock clock_;
  std::unique_ptr<dataplane::Undi> server_port_;
  std::unique_ptr<dataplane::Undi> machines_port_;
  std::unique_ptr<dataplane::PacketPool> pool_;
  std::unique_ptr<BenchServer> server_;
  std::unique_ptr<storm::Farm> farm_;
  std::optional<RealTime> priority_;  // of the machines' thread, once everything has been started
};

// Machines that read ranges of the one image over and over, from offsets of their own.
storm::FarmOptions Readers(std::uint32_t count, storm::Firmware firmware, bool tls);

// The row that could not be measured, and why.
RowResult Failed(RowResult row, const absl::Status& status);
// "; 3: the SYN was not answered in time"; empty when nothing failed.
std::string Failures(const storm::Tally& tally);
// "; server dropped 227: no room for another connection"; what is below `least` is left out.
std::string Drops(const DropCounters& before, const DropCounters& after, std::uint64_t least = 1);

}  // namespace slipway::bench
