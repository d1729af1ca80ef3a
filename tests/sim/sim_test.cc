// SPDX-License-Identifier: Apache-2.0
//
// Seeded runs of whole conversations over a bad wire under virtual time: our TCP against itself,
// and a whole worker (HTTP, and TLS against OpenSSL's client). SLIPWAY_SEED=N replays run N alone,
// SLIPWAY_RUNS=N makes N runs of each kind. The goodput table beside this file is compared exactly;
// SLIPWAY_WRITE_TABLE=1 writes it anew, for its difference to be reviewed.
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "tests/sim/oracle.h"
#include "tests/sim/runs.h"

namespace slipway::sim {
namespace {

using std::chrono::seconds;

// Both send: the server `down` bytes, the client `up`. Returns how long it took.
Duration Exchange(const Wire& wire, std::uint64_t seed, std::uint64_t down, std::uint64_t up) {
  Station server(kServer, SettingsOf(seed), seed);
  Station client(kMachine, SettingsOf(seed / 7), seed + 1);
  Pattern serves(down);
  Pattern asks(up);
  World world(wire, seed, server, client);
  Oracle oracle(world);
  bool armed = true;
  world.after_step = [&] { armed = armed && TimerIsArmed(server) && TimerIsArmed(client); };
  server.Accept(Port(80), serves);
  client.Connect(Port(1024), Port(80), asks, world.now());
  const Time began = world.now();
  EXPECT_TRUE(world.RunUntil(began + std::chrono::hours(1), [&] {
    return asks.Got(down) && serves.Got(up);
  })) << "the conversation did not end";
  const Duration took = world.now() - began;
  world.RunUntil(world.now() + std::chrono::hours(1), [] { return false; });
  EXPECT_TRUE(armed) << "text is outstanding and no timer is armed";
  EXPECT_EQ(oracle.violations(), 0u);
  for (Station* station : {&server, &client}) {
    EXPECT_EQ(station->host().connections(), 0u);
    EXPECT_EQ(station->host().out_of_order_blocks_free(), 64u);
  }
  return took;
}

TEST(TcpSimulation, EveryConversationEndsByteExactAndLeavesNothing) {
  ForSeeds(NumberOf("SLIPWAY_RUNS", 5000), [](std::uint64_t seed) {
    SeededEntropy random(seed * 31);
    Wire wire = WireOf(seed);
    wire.shrinks_at = kNever;  // a Station does not read ICMP
    Exchange(wire, seed, random.Below(150'000), random.Below(3) * random.Below(20'000));
  });
}

// Goodput of 1 MB at 100 Mbit/s with 128 KB of queue.
TEST(TcpSimulation, GoodputIsAsReviewed) {
  std::ostringstream table;
  table << "# kB/s of 1 MB over 12.5 MB/s; rows: loss in 1/1000, columns: rtt in ms\n loss";
  constexpr std::array kRtts{1, 5, 20, 80};
  for (const int rtt : kRtts) table << '\t' << rtt;
  table << '\n';
  for (const int loss : {0, 1, 5, 10, 20, 50}) {
    table << loss;
    for (const int rtt : kRtts) {
      const Wire wire{.delay = std::chrono::microseconds(500 * rtt),
                      .loss = loss / 1000.0,
                      .bytes_per_second = 12'500'000,
                      .queue_bytes = std::size_t{128} * 1024};
      constexpr std::uint64_t kSize = 1'000'000;
      constexpr std::int64_t kRuns = 15;
      Duration took{0};
      for (std::uint64_t seed = 1; seed <= kRuns; ++seed)
        took += Exchange(wire, 5 + seed, kSize, 0);
      table << '\t' << kRuns * static_cast<std::int64_t>(kSize) * 1'000'000 / took.count();
    }
    table << '\n';
  }
  ExpectTable("goodput.txt", table.str());
}

class WorkerSimulation : public ::testing::Test {
 protected:
  struct Boot {
    std::uint64_t seed = 0;
    std::size_t size = 0;
    int tls = 0;
  };
  // A machine downloads an image from a whole worker. Returns the trace of all frames.
  std::uint64_t Run(const Boot& boot) {
    SeedOpenssl(boot.seed);
    const auto image =
        dataplane::NewImage(memory_, boot.size, static_cast<std::uint32_t>(boot.seed));
    dataplane::Appliance appliance(memory_, {.seed = boot.seed});
    appliance.snapshots().Publish(dataplane::NewSnapshot({image, {}, boot.tls != 0}));
    Station client(kMachine, SettingsOf(boot.seed), boot.seed + 1);
    World world(WireOf(boot.seed), boot.seed, appliance, client);
    Oracle oracle(world);
    bool armed = true;
    world.after_step = [&] { armed = armed && appliance.TimersAreArmed() && TimerIsArmed(client); };
    HttpClient http(kGet, boot.size, boot.tls);
    client.Connect(Port(1024), boot.tls == 0 ? Port(80) : Port(443), http, world.now());
    world.RunUntil(world.now() + seconds(120), [&] { return client.closed; });
    EXPECT_GT(http.text.size(), boot.size);
    if (http.text.size() > boot.size) {
      EXPECT_TRUE(Equal(Bytes(http.text).last(boot.size), Bytes(*image)));
    }
    EXPECT_EQ(oracle.violations(), 0u);
    EXPECT_FALSE(http.tls_failed);
    world.RunUntil(world.now() + seconds(200), [] { return false; });
    EXPECT_TRUE(armed) << "text is outstanding and no timer is armed";
    EXPECT_EQ(appliance.statistics().connections, 0u);
    EXPECT_TRUE(appliance.StepsAddUp());
    appliance.wire().Shutdown();
    EXPECT_EQ(memory_.in_use(), 0u);
    return world.trace();
  }

  dataplane::Memory memory_;
};

TEST_F(WorkerSimulation, EveryBootIsByteExactAndLeavesNothing) {
  ForSeeds(NumberOf("SLIPWAY_RUNS", 2000), [this](std::uint64_t seed) {
    constexpr std::array kVersions{0, TLS1_2_VERSION, TLS1_3_VERSION};
    Run({seed, 1 + static_cast<std::size_t>(seed * 7919 % 120'000), kVersions[seed % 3]});
  });
}

TEST_F(WorkerSimulation, TheSameSeedGivesTheSameTrace) {
  ForSeeds(10, [this](std::uint64_t seed) {
    const Boot boot{seed, 50'000, seed % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION};
    const std::uint64_t first = Run(boot);
    EXPECT_EQ(Run(boot), first);
    EXPECT_NE(Run({seed + 1, boot.size, boot.tls}), first);
  });
}

}  // namespace
}  // namespace slipway::sim
