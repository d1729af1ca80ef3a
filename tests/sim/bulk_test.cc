// SPDX-License-Identifier: Apache-2.0
//
// Correctness under speed: downloads over wires that hold 10 kB to 10 MB, clean, lossy, reordering,
// policed, losing acknowledgments; clients that lie about what they got; TLS with every nonce
// written down. The goodput table (goodput_bulk.txt) is compared exactly; how to make it anew, and
// how to replay a seed, stands in runs.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "tests/sim/liar.h"
#include "tests/sim/oracle.h"
#include "tests/sim/runs.h"
#include "tests/sim/secured.h"
#include "tests/sim/sender_watch.h"
#include "tests/sim/witness.h"

namespace slipway::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint32_t kBlocks = 16 * 1024;  // of text out of order: 24 MB

// Windows for a wire that holds `bytes`.
tcp::Settings SettingsFor(std::uint64_t bytes) {
  tcp::Settings settings = SettingsOf(1);  // SACK, timestamps
  settings.window_scale = bytes > 60'000 ? 10 : 0;
  settings.out_of_order_blocks_max = settings.out_of_order_blocks_per_connection = kBlocks;
  return settings;
}

struct Download {
  Duration took{};
  std::uint64_t trace = 0;
};

struct Load {
  std::uint64_t seed = 1;
  std::uint64_t size = 0;
  std::uint64_t holds = 0;  // bytes in flight that fill the wire, queue and all
};

Download Fetch(const Wire& wire, const Load& load) {
  const tcp::Settings settings = SettingsFor(load.holds);
  Station server(kServer, settings, load.seed);
  Station client(kMachine, settings, load.seed + 1);
  Pattern serves(load.size);
  Pattern asks(0, static_cast<std::uint32_t>(std::max<std::uint64_t>(65535, 4 * load.holds)));
  World world(wire, load.seed, server, client);
  Oracle oracle(world);
  SenderWatch watch(world, server);
  server.Accept(Port(80), serves);
  client.Connect(Port(1024), Port(80), asks, world.now());
  const Time began = world.now();
  EXPECT_TRUE(world.RunUntil(began + hours(10), [&] { return asks.Got(load.size); }))
      << asks.received() << " of " << load.size << " bytes came";
  const Duration took = world.now() - began;
  world.RunUntil(world.now() + hours(1), [] { return false; });
  EXPECT_EQ(oracle.violations(), 0u);
  EXPECT_EQ(watch.beyond_congestion_window(), 0u);
  EXPECT_EQ(watch.beyond_peer_window(), 0u);
  EXPECT_EQ(watch.unarmed(), 0u);
  for (Station* station : {&server, &client}) {
    EXPECT_EQ(station->host().connections(), 0u);
    EXPECT_EQ(station->host().out_of_order_blocks_free(), kBlocks);
  }
  return {took, world.trace()};
}

// A wire that holds 10 kB to 10 MB in flight.
struct Pipe {
  const char* name;
  std::uint64_t bytes_per_second;
  Duration round_trip;
  std::uint64_t holds() const {
    return bytes_per_second * static_cast<std::uint64_t>(round_trip.count()) / 1'000'000'000;
  }
};
constexpr std::array kPipes{
    Pipe{"10kB", 1'000'000, milliseconds(10)}, Pipe{"100kB", 10'000'000, milliseconds(10)},
    Pipe{"1MB", 50'000'000, milliseconds(20)}, Pipe{"10MB", 125'000'000, milliseconds(80)}};

struct Trouble {
  const char* name;
  void (*add)(Wire&);
};
constexpr std::array kTroubles{
    Trouble{"none", [](Wire&) {}},
    Trouble{"loss 0.1%", [](Wire& wire) { wire.loss = 0.001; }},
    Trouble{"loss 1%", [](Wire& wire) { wire.loss = 0.01; }},
    Trouble{"loss 3%", [](Wire& wire) { wire.loss = 0.03; }},
    Trouble{"loss 10%", [](Wire& wire) { wire.loss = 0.1; }},
    Trouble{"reorder 2%", [](Wire& wire) { wire.reorder = 0.02; }},
    Trouble{"jitter", [](Wire& wire) { wire.jitter = wire.delay / 4; }},
    Trouble{"lost ACKs 20%", [](Wire& wire) { wire.ack_loss = 0.2; }},
    Trouble{"policed to half",
            [](Wire& wire) {
              wire.policed_to = wire.bytes_per_second / 2;
              wire.policed_burst = 30'000;
            }},
};

Wire Troubled(const Pipe& pipe, const Trouble& trouble) {
  Wire wire{.delay = pipe.round_trip / 2,
            .bytes_per_second = pipe.bytes_per_second,
            .queue_bytes = std::max<std::size_t>(pipe.holds(), 30'000)};
  trouble.add(wire);
  return wire;
}

// kB/s, the median of so many runs: where the first loss falls decides one alone.
std::int64_t Goodput(const Pipe& pipe, const Trouble& trouble) {
  const std::uint64_t size = 1'000'000 + 4 * pipe.holds();
  const Wire wire = Troubled(pipe, trouble);
  const bool chance = wire.loss + wire.reorder + wire.ack_loss > 0 || wire.jitter != Duration{};
  std::vector<std::int64_t> runs(chance ? 5 : 1);
  std::uint64_t seed = 1;
  for (std::int64_t& run : runs) {
    const Download done = Fetch(wire, {.seed = seed, .size = size, .holds = 2 * pipe.holds()});
    run = static_cast<std::int64_t>(size) * 1'000'000 / done.took.count();
    seed += 10;
  }
  std::nth_element(runs.begin(), runs.begin() + std::ssize(runs) / 2, runs.end());
  return runs[runs.size() / 2];
}

TEST(BulkSimulation, GoodputIsAsReviewed) {
  std::ostringstream table;
  table
      << "# kB/s of a download of 1 MB and four times what the wire holds; its rate is the first "
         "row.\n"
      << "# Where there is chance, the median of five. Columns: what is in flight on a full wire, "
         "whose\n# queue holds as much again, and 30 kB at least.\n";
  table << std::string(16, ' ');
  for (const Pipe& pipe : kPipes) table << '\t' << pipe.name;
  table << '\n' << "wire            ";
  for (const Pipe& pipe : kPipes) table << '\t' << pipe.bytes_per_second / 1000;
  table << '\n';
  for (const Trouble& trouble : kTroubles) {
    std::string name = trouble.name;
    name.resize(16, ' ');
    table << name;
    for (const Pipe& pipe : kPipes) table << '\t' << Goodput(pipe, trouble);
    table << '\n';
  }
  ExpectTable("goodput_bulk.txt", table.str());
}

TEST(BulkSimulation, TheSameSeedGivesTheSameTrace) {
  const Wire wire = Troubled(kPipes[2], kTroubles[2]);
  const auto trace = [&](std::uint64_t seed) {
    return Fetch(wire, {.seed = seed, .size = 1'000'000, .holds = 2 * kPipes[2].holds()}).trace;
  };
  EXPECT_EQ(trace(7), trace(7));
  EXPECT_NE(trace(7), trace(8));
}

// A download by a client that lies; the stream must arrive unless it lies about having it.
void FetchByLiar(std::uint64_t seed, bool optimistic) {
  SeededEntropy random(seed * 17);
  const auto sometimes = [&] { return random.Below(2) == 0; };
  const Lies lies{.shrinks = sometimes(),
                  .splits = sometimes(),
                  .repeats = sometimes(),
                  .forges_sack = sometimes(),
                  .optimistic = optimistic};
  const std::uint64_t size = random.Below(300'000);
  Wire wire = WireOf(seed);
  wire.damage = 0;
  wire.shrinks_at = kNever;
  wire.ack_loss = sometimes() ? 0.1 : 0;
  Station server(kServer, SettingsOf(seed), seed);
  Station client(kMachine, SettingsOf(seed / 7), seed + 1);
  Liar liar(client, kMachine, lies, seed + 2);
  Pattern serves(size);
  Pattern asks(0);
  World world(wire, seed, server, liar);
  Oracle oracle(world);
  SenderWatch watch(world, server);
  server.Accept(Port(80), serves);
  client.Connect(Port(1024), Port(80), asks, world.now());
  if (optimistic) {
    world.RunUntil(world.now() + hours(1), [] { return false; });
  } else {
    EXPECT_TRUE(world.RunUntil(world.now() + hours(1), [&] { return asks.Got(size); }))
        << asks.received() << " of " << size << " bytes came";
    world.RunUntil(world.now() + hours(1), [] { return false; });
  }
  EXPECT_EQ(oracle.violations(), 0u);
  EXPECT_EQ(watch.beyond_congestion_window(), 0u);
  EXPECT_EQ(watch.beyond_peer_window(), 0u);
  EXPECT_EQ(watch.unarmed(), 0u);
  EXPECT_EQ(server.host().connections(), 0u);
  EXPECT_EQ(server.host().out_of_order_blocks_free(), 64u);
}

TEST(BulkSimulation, LiesAboutWindowsAndSackDelayTheStreamAndDoNotChangeIt) {
  ForSeeds(NumberOf("SLIPWAY_RUNS", 1500), [](std::uint64_t seed) { FetchByLiar(seed, false); });
}

TEST(BulkSimulation, OptimisticAcknowledgmentsHurtOnlyTheLiar) {
  ForSeeds(NumberOf("SLIPWAY_RUNS", 500), [](std::uint64_t seed) { FetchByLiar(seed, true); });
}

TEST(BulkSimulation, EveryNonceSealsOnePlaintextWhateverIsSentAgain) {
  std::uint64_t nonces = 0;
  std::uint64_t resealed = 0;
  ForSeeds(NumberOf("SLIPWAY_RUNS", 400), [&](std::uint64_t seed) {
    SeedOpenssl(seed);
    SeededEntropy random(seed * 13);
    const std::uint64_t size = random.Below(400'000);
    Wire wire = WireOf(seed);
    wire.shrinks_at = kNever;
    Witness witness;
    Secured serves(size, witness, seed % 3);
    HttpClient asks(kGet, size, seed % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
    Station server(kServer, SettingsOf(seed), seed);
    Station client(kMachine, SettingsOf(seed / 7), seed + 1);
    World world(wire, seed, server, client);
    Oracle oracle(world);
    SenderWatch watch(world, server);
    server.Accept(Port(443), serves);
    client.Connect(Port(1024), Port(443), asks, world.now());
    world.RunUntil(world.now() + hours(1), [] { return false; });
    EXPECT_TRUE(Equal(asks.text, serves.body())) << asks.text.size() << " of " << size;
    EXPECT_FALSE(asks.tls_failed);
    EXPECT_EQ(witness.violations(), 0u);
    EXPECT_EQ(oracle.violations(), 0u);
    EXPECT_EQ(watch.violations(), 0u);
    EXPECT_EQ(server.host().connections(), 0u);
    nonces += witness.nonces();
    resealed += witness.resealed();
  });
  std::printf("%llu nonces, %llu bytes sealed again\n", static_cast<unsigned long long>(nonces),
              static_cast<unsigned long long>(resealed));
  EXPECT_GT(resealed, 0u) << "the wires lost nothing: this proved little";
}

}  // namespace
}  // namespace slipway::sim
