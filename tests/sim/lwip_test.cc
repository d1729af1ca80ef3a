// SPDX-License-Identifier: Apache-2.0
//
// Seeded conversations with a TCP that nobody here wrote, over the same bad wire and under the same
// oracles: lwIP calls our server, is called by us, and downloads from a whole worker, plain and
// over TLS. SLIPWAY_SEED and SLIPWAY_RUNS are as in runs.h.
#include <gtest/gtest.h>

#include "tests/sim/lwip_station.h"
#include "tests/sim/oracle.h"
#include "tests/sim/runs.h"

namespace slipway::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// lwIP's clock does not take part in path MTU discovery, nor does a Station.
Wire WireToLwip(std::uint64_t seed) {
  Wire wire = WireOf(seed);
  wire.shrinks_at = kNever;
  return wire;
}

// One in four is slow to take what arrived.
Duration LazinessOf(std::uint64_t seed) {
  return seed % 4 == 1 ? milliseconds(20 + seed % 300) : Duration{0};
}

struct Talk {
  std::uint64_t seed = 0;
  bool lwip_calls = false;
  std::uint64_t ours = 0;    // bytes we send
  std::uint64_t theirs = 0;  // bytes lwIP sends
};

// Returns the trace of all frames.
std::uint64_t Converse(const Talk& talk) {
  Station us(kServer, SettingsOf(talk.seed), talk.seed);
  LwipStation lwip(kMachine, talk.seed, LazinessOf(talk.seed));
  Pattern we_send(talk.ours);
  Pattern they_send(talk.theirs);
  World world(WireToLwip(talk.seed), talk.seed, us, lwip);
  Oracle oracle(world);
  bool armed = true;
  world.after_step = [&] { armed = armed && TimerIsArmed(us); };
  if (talk.lwip_calls) {
    us.Accept(Port(80), we_send);
    lwip.Connect(Port(1024), Port(80), they_send);
  } else {
    lwip.Accept(Port(80), they_send);
    us.Connect(Port(1024), Port(80), we_send, world.now());
  }
  EXPECT_TRUE(world.RunUntil(world.now() + std::chrono::hours(1), [&] {
    return they_send.Got(talk.ours) && we_send.Got(talk.theirs);
  })) << "the conversation did not end";
  world.RunUntil(world.now() + seconds(300), [] { return false; });
  EXPECT_TRUE(armed) << "text is outstanding and no timer is armed";
  EXPECT_EQ(oracle.violations(), 0u);
  EXPECT_EQ(us.host().connections(), 0u);
  EXPECT_EQ(us.host().time_waits(), 0u);
  EXPECT_EQ(us.host().out_of_order_blocks_free(), 64u);
  EXPECT_TRUE(lwip.idle());
  EXPECT_EQ(lwip.in_use(), 0u);
  return world.trace();
}

Talk TalkOf(std::uint64_t seed, bool lwip_calls) {
  SeededEntropy random(seed * 31);
  const std::uint64_t ours = random.Below(150'000);
  return {seed, lwip_calls, ours, random.Below(3) * random.Below(40'000)};
}

TEST(LwipSimulation, LwipCallsOurServer) {
  ForSeeds(NumberOf("SLIPWAY_RUNS", 2000),
           [](std::uint64_t seed) { Converse(TalkOf(seed, /*lwip_calls=*/true)); });
}

TEST(LwipSimulation, WeCallLwip) {
  ForSeeds(NumberOf("SLIPWAY_RUNS", 2000),
           [](std::uint64_t seed) { Converse(TalkOf(seed, /*lwip_calls=*/false)); });
}

TEST(LwipSimulation, TheSameSeedGivesTheSameTrace) {
  ForSeeds(20, [](std::uint64_t seed) {
    const Talk talk = TalkOf(seed, seed % 2 == 0);
    const std::uint64_t first = Converse(talk);
    EXPECT_EQ(Converse(talk), first);
    EXPECT_NE(Converse(TalkOf(seed + 2, talk.lwip_calls)), first);
  });
}

TEST(LwipSimulation, LwipBootsFromAWorker) {
  dataplane::Memory memory;
  ForSeeds(NumberOf("SLIPWAY_RUNS", 1000), [&](std::uint64_t seed) {
    constexpr std::array kVersions{0, TLS1_2_VERSION, TLS1_3_VERSION};
    const int tls = kVersions[seed % 3];
    const auto size = 1 + static_cast<std::size_t>(seed * 7919 % 120'000);
    SeedOpenssl(seed);
    const auto image = dataplane::NewImage(memory, size, static_cast<std::uint32_t>(seed));
    dataplane::Appliance appliance(memory, {.seed = seed});
    appliance.snapshots().Publish(dataplane::NewSnapshot({image, {}, tls != 0}));
    LwipStation lwip(kMachine, seed, LazinessOf(seed));
    World world(WireOf(seed), seed, appliance, lwip);
    Oracle oracle(world);
    bool armed = true;
    world.after_step = [&] { armed = armed && appliance.TimersAreArmed(); };
    HttpClient http(kGet, size, tls);
    lwip.Connect(Port(1024), tls == 0 ? Port(80) : Port(443), http);
    world.RunUntil(world.now() + seconds(120), [&] { return lwip.idle(); });
    EXPECT_GT(http.text.size(), size);
    if (http.text.size() > size) {
      EXPECT_TRUE(Equal(Bytes(http.text).last(size), Bytes(*image)));
    }
    EXPECT_FALSE(http.tls_failed);
    EXPECT_EQ(oracle.violations(), 0u);
    world.RunUntil(world.now() + seconds(200), [] { return false; });
    EXPECT_TRUE(armed) << "text is outstanding and no timer is armed";
    EXPECT_EQ(appliance.statistics().connections, 0u);
    EXPECT_TRUE(appliance.StepsAddUp());
    EXPECT_EQ(lwip.in_use(), 0u);
    appliance.wire().Shutdown();
    EXPECT_EQ(memory.in_use(), 0u);
  });
}

}  // namespace
}  // namespace slipway::sim
