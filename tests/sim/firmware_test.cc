// SPDX-License-Identifier: Apache-2.0
//
// Our sender before a receiver modelled on firmware (firmware.h): how many frames its ring loses,
// and the goodput against a sender that knows the ring. The table firmware.txt is compared exactly;
// SLIPWAY_WRITE_TABLE=1 writes it anew. The aim (bench row 12) is at most 0.1 % lost and at least
// 90 % of the best; the last column says which rows reach it.
#include "tests/sim/firmware.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "tests/sim/oracle.h"
#include "tests/sim/runs.h"
#include "tests/sim/sender_watch.h"

namespace slipway::sim {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint64_t kSize = 8 << 20;

// Firmware's TCP: no SACK, no timestamps, an ACK every second segment or by a tick of 200 ms.
tcp::Settings FirmwareSettings(bool wide) {
  tcp::Settings settings;
  settings.connections_max = 2;
  settings.syn_backlog_max = 1;
  settings.time_wait_max = 4;
  settings.stray_max = 8;
  settings.out_of_order_blocks_max = settings.out_of_order_blocks_per_connection = 2048;
  settings.sack = settings.timestamps = false;
  settings.window_scale = wide ? 6 : 0;
  settings.delayed_ack = milliseconds(200);
  return settings;
}

struct Outcome {
  double lost = 0;     // share of the frames that came
  double of_best = 0;  // share of the omniscient sender's goodput
  std::size_t fullest = 0;
};

Outcome Boot(bool wide, Duration round_trip, std::uint64_t bytes_per_second) {
  const tcp::Settings settings = FirmwareSettings(wide);
  Station server(kServer, settings, 1);
  Station machine(kMachine, settings, 2);
  Pattern serves(kSize);
  Pattern asks(0, wide ? 2 << 20 : 65535);
  const FirmwareTiming timing;
  FirmwareReceiver firmware(
      machine, [&] { return asks.received(); }, timing);
  const Wire wire{.delay = round_trip / 2,
                  .bytes_per_second = bytes_per_second,
                  .queue_bytes = 16 << 20};  // no loss but the ring's
  World world(wire, 3, server, firmware);
  Oracle oracle(world);
  SenderWatch watch(world, server);
  server.Accept(Port(80), serves);
  machine.Connect(Port(1024), Port(80), asks, world.now());
  const Time began = world.now();
  EXPECT_TRUE(world.RunUntil(began + hours(1), [&] { return asks.Got(kSize); }));
  const Duration took = world.now() - began;
  world.RunUntil(world.now() + hours(1), [] { return false; });
  EXPECT_EQ(oracle.violations(), 0u);
  EXPECT_EQ(watch.violations(), 0u);
  EXPECT_EQ(server.host().connections(), 0u);
  const Duration best = timing.Best(kSize, kSize / 1460);
  return {.lost = static_cast<double>(firmware.dropped()) / static_cast<double>(firmware.arrived()),
          .of_best = static_cast<double>(best.count()) / static_cast<double>(took.count()),
          .fullest = firmware.fullest()};
}

TEST(FirmwareReceiver, LosesAndReachesWhatIsReviewed) {
  std::string table =
      "# 8 MiB to a machine with a ring of 64, deaf for 10 ms after each 16 KiB; its window, the\n"
      "# round trip and the wire's rate: frames lost, goodput of the best, fullest ring, row 12\n";
  for (const bool wide : {false, true}) {
    for (const Duration round_trip : {Duration(microseconds(100)), Duration(milliseconds(2))}) {
      for (const std::uint64_t gigabits : {std::uint64_t{1}, std::uint64_t{10}}) {
        const Outcome got = Boot(wide, round_trip, gigabits * 125'000'000);
        std::array<char, 160> line{};
        std::snprintf(
            line.data(), line.size(),
            "%-6s %4lld us %2llu Gbit/s  lost %6.2f %%  goodput %5.1f %%  ring %2zu  %s\n",
            wide ? "2 MiB" : "65535", static_cast<long long>(round_trip / microseconds(1)),
            static_cast<unsigned long long>(gigabits), 100 * got.lost, 100 * got.of_best,
            got.fullest, got.lost <= 0.001 && got.of_best >= 0.9 ? "holds" : "short");
        table += line.data();
        // A window of 65,535 is 45 frames: the ring holds them all, whatever the sender does.
        if (!wide) {
          EXPECT_EQ(got.lost, 0);
        }
      }
    }
  }
  std::printf("%s", table.c_str());
  ExpectTable("firmware.txt", table);
}

}  // namespace
}  // namespace slipway::sim
