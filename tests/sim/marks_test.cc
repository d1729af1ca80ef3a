// SPDX-License-Identifier: Apache-2.0
//
// A bottleneck whose queue marks (RFC 3168): a download that answers marks loses nothing, sends
// nothing again, and is no slower than one that is told by losses. The same queue serves both: it
// marks what says ECT once a quarter of it is used, and drops what finds it full.
#include <gtest/gtest.h>

#include "tests/sim/oracle.h"
#include "tests/sim/runs.h"
#include "tests/sim/sender_watch.h"

namespace slipway::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

struct Path {
  std::uint64_t bytes_per_second;
  Duration round_trip;
  std::uint64_t holds() const {
    return bytes_per_second * static_cast<std::uint64_t>(round_trip.count()) / 1'000'000'000;
  }
};

struct Result {
  Duration took{};
  std::uint64_t marked = 0;
  tcp::HostCounters server;
};

Result Fetch(const Path& path, bool sack, bool ecn) {
  constexpr std::uint32_t kBlocks = 16 * 1024;
  tcp::Settings settings;
  settings.connections_max = 2;
  settings.time_wait_max = 4;
  settings.out_of_order_blocks_max = settings.out_of_order_blocks_per_connection = kBlocks;
  settings.window_scale = 10;
  settings.sack = settings.timestamps = sack;
  settings.slow_start_max_without_sack = 1 << 30;  // else firmware's ring ends it before the queue
  settings.ecn_asked = ecn;
  const std::uint64_t size = 8 * path.holds() + 2'000'000;
  const std::uint64_t queue = 2 * path.holds();
  Station server(kServer, settings, 1);
  Station client(kMachine, settings, 2);
  Pattern serves(size);
  Pattern asks(0, static_cast<std::uint32_t>(8 * path.holds()));
  World world({.delay = path.round_trip / 2,
               .bytes_per_second = path.bytes_per_second,
               .queue_bytes = queue,
               .marks_above = queue / 4},
              3, server, client);
  Oracle oracle(world);
  SenderWatch watch(world, server);
  server.Accept(Port(80), serves);
  client.Connect(Port(1024), Port(80), asks, world.now());
  const Time began = world.now();
  EXPECT_TRUE(world.RunUntil(began + hours(1), [&] { return asks.Got(size); }));
  const Duration took = world.now() - began;
  world.RunUntil(world.now() + hours(1), [] { return false; });
  EXPECT_EQ(oracle.violations(), 0u);
  EXPECT_EQ(watch.violations(), 0u);
  EXPECT_EQ(server.host().connections(), 0u);
  return {took, world.marked(), server.host().counters()};
}

TEST(MarkingQueue, SlowsASenderWithoutALossAndCostsNoGoodput) {
  constexpr Path kPaths[] = {{10'000'000, milliseconds(10)},
                             {12'500'000, milliseconds(40)},
                             {50'000'000, milliseconds(20)},
                             {125'000'000, milliseconds(20)}};
  for (const bool sack : {false, true}) {
    for (const Path& path : kPaths) {
      const Result dropped = Fetch(path, sack, false);
      const Result marked = Fetch(path, sack, true);
      const auto rate = [](const Result& result) {
        return static_cast<double>(result.took.count()) * 1e-6;
      };
      std::printf(
          "%s, %3llu MB/s, %2lld ms: dropping %.1f ms, %llu again; marking %.1f ms, %llu "
          "marks, %llu reductions, %llu again\n",
          sack ? "CUBIC  " : "NewReno",
          static_cast<unsigned long long>(path.bytes_per_second / 1'000'000),
          static_cast<long long>(path.round_trip / milliseconds(1)), rate(dropped),
          static_cast<unsigned long long>(dropped.server.retransmissions), rate(marked),
          static_cast<unsigned long long>(marked.marked),
          static_cast<unsigned long long>(marked.server.marks_answered),
          static_cast<unsigned long long>(marked.server.retransmissions));
      EXPECT_EQ(dropped.marked, 0u) << "nothing said that it may be";
      EXPECT_EQ(marked.server.ecn_agreed, 1u);
      EXPECT_GT(marked.marked, 0u);
      EXPECT_GT(marked.server.marks_answered, 0u);
      EXPECT_LE(marked.server.marks_answered, marked.marked);
      EXPECT_EQ(marked.server.retransmissions, 0u);
      EXPECT_LE(marked.took, dropped.took + dropped.took / 50);
    }
  }
}

}  // namespace
}  // namespace slipway::sim
