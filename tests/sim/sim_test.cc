// SPDX-License-Identifier: Apache-2.0
//
// Seeded runs of whole conversations over a bad wire under virtual time: our TCP against itself,
// and a whole worker (HTTP, and TLS against OpenSSL's client). SLIPWAY_SEED=N replays run N alone,
// SLIPWAY_RUNS=N makes N runs of each kind. The goodput table beside this file is compared exactly;
// SLIPWAY_WRITE_TABLE=1 writes it anew, for its difference to be reviewed.
#define OPENSSL_SUPPRESS_DEPRECATED  // RAND_set_rand_method: the one way to make a run repeatable

#include <gtest/gtest.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/sim/oracle.h"
#include "tests/sim/world.h"
#include "tests/support/appliance.h"

namespace slipway::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Ends kMachine{.from = {{0x52, 0x54, 0, 0, 0, 9}},
                        .to = dataplane::kApplianceMac,
                        .source = Ipv4Address(10, 77, 0, 9),
                        .destination = dataplane::kApplianceAddress};
constexpr Ends kServer{.from = kMachine.to,
                       .to = kMachine.from,
                       .source = kMachine.destination,
                       .destination = kMachine.source};
constexpr std::string_view kGet = "GET /image.efi HTTP/1.1\r\nHost: boot.test\r\n\r\n";

// OpenSSL's randomness, by the run's seed.
SeededEntropy& OpensslEntropy() {
  static SeededEntropy entropy(0);
  return entropy;
}
int FillRandom(unsigned char* out, int size) {
  OpensslEntropy().Fill({out, static_cast<std::size_t>(size)});
  return 1;
}
void SeedOpenssl(std::uint64_t seed) {
  static constexpr RAND_METHOD kMethod{.seed = nullptr,
                                       .bytes = FillRandom,
                                       .cleanup = nullptr,
                                       .add = nullptr,
                                       .pseudorand = FillRandom,
                                       .status = [] { return 1; }};
  OpensslEntropy() = SeededEntropy(seed);
  RAND_set_rand_method(&kMethod);
}

std::uint64_t NumberOf(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Runs `body` with each seed, and stops at the first that fails.
template <class Body>
void ForSeeds(std::uint64_t runs, Body&& body) {
  const bool replays = std::getenv("SLIPWAY_SEED") != nullptr;
  const std::uint64_t base = NumberOf("SLIPWAY_SEED", 20261122);
  if (replays) runs = 1;
  std::printf("seeds %llu to %llu\n", static_cast<unsigned long long>(base),
              static_cast<unsigned long long>(base + runs - 1));
  for (std::uint64_t seed = base; seed < base + runs; ++seed) {
    body(seed);
    ASSERT_FALSE(testing::Test::HasFailure()) << "replay with SLIPWAY_SEED=" << seed;
  }
}

// A wire as bad as the seed says: each trouble is there in about half of the runs.
Wire WireOf(std::uint64_t seed) {
  SeededEntropy random(seed * 77);
  const auto maybe = [&](double most) {
    return random.Below(2) == 0 ? 0.0 : most * static_cast<double>(random.Below(1000)) / 1000;
  };
  Wire wire;
  wire.delay = std::chrono::microseconds(50 + random.Below(20'000));
  wire.jitter = std::chrono::microseconds(random.Below(2) * random.Below(5000));
  wire.loss = maybe(0.08);
  wire.reorder = maybe(0.1);
  wire.duplicate = maybe(0.05);
  wire.damage = maybe(0.02);
  if (random.Below(3) == 0) wire.bytes_per_second = 500'000 + random.Below(50'000'000);
  wire.queue_bytes = 8'000 + random.Below(60'000);
  if (random.Below(4) == 0) {
    wire.shrinks_at = Time(seconds(1)) + milliseconds(random.Below(300));
    wire.packet_max_later = 600 + random.Below(900);
  }
  return wire;
}

// Serves `size` bytes that are a function of their offset to whoever connects.
class Pattern final : public dataplane::Application, public ByteSource {
 public:
  explicit Pattern(std::uint64_t size) : size_(size) {}
  static std::uint8_t At(std::uint64_t offset) {
    return static_cast<std::uint8_t>(offset * 7 + (offset >> 8) * 13 + (offset >> 16));
  }

  ByteSource& output() override { return *this; }
  dataplane::Reaction Receive(Bytes text, Time) override {
    for (const std::uint8_t byte : text) wrong_ += byte != At(received_++) ? 1U : 0U;
    return {};
  }
  dataplane::Reaction Finish(Time) override {
    finished_ = true;
    return {.close = true};
  }
  std::uint32_t receive_room() const override { return 65535; }

  std::uint64_t length() const override { return size_; }
  bool finished() const override { return true; }
  void Read(std::uint64_t offset, MutableBytes out) override {
    SLIPWAY_CHECK(offset >= released_ && offset + out.size() <= size_);
    for (std::uint8_t& byte : out) byte = At(offset++);
  }
  void Release(std::uint64_t offset) override { released_ = offset; }

  bool Got(std::uint64_t size) const { return wrong_ == 0 && received_ == size && finished_; }

 private:
  std::uint64_t size_;
  std::uint64_t released_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t wrong_ = 0;
  bool finished_ = false;
};

tcp::Settings SettingsOf(std::uint64_t seed) {
  tcp::Settings settings;
  settings.connections_max = 2;
  settings.syn_backlog_max = 1;
  settings.time_wait_max = 4;
  settings.stray_max = 8;
  settings.out_of_order_blocks_max = 64;
  settings.sack = seed % 4 != 0;
  settings.timestamps = seed % 3 != 0;
  settings.window_scale = static_cast<std::uint8_t>(seed % 5);
  return settings;
}

bool TimerIsArmed(Station& station) {
  if (!station.host().Alive(station.connection())) return true;
  const tcp::Info info = station.host().Info(station.connection());
  return info.outstanding == 0 || info.next_timer != kNever;
}

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
                      .queue_bytes = 128 * 1024};
      constexpr std::uint64_t kSize = 1'000'000;
      constexpr std::int64_t kRuns = 3;
      Duration took{0};
      for (std::uint64_t seed = 1; seed <= kRuns; ++seed)
        took += Exchange(wire, 5 + seed, kSize, 0);
      table << '\t' << kRuns * static_cast<std::int64_t>(kSize) * 1'000'000 / took.count();
    }
    table << '\n';
  }
  const std::string path = std::string(SLIPWAY_SOURCE_ROOT) + "/tests/sim/goodput.txt";
  if (std::getenv("SLIPWAY_WRITE_TABLE") != nullptr) std::ofstream(path) << table.str();
  std::stringstream reviewed;
  reviewed << std::ifstream(path).rdbuf();
  EXPECT_EQ(reviewed.str(), table.str()) << "SLIPWAY_WRITE_TABLE=1 writes it anew";
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
