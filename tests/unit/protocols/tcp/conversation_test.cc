// SPDX-License-Identifier: Apache-2.0
//
// Whole conversations between two Hosts over a wire that is good, bad, or very bad.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/protocols/tcp/wire.h"

namespace slipway::tcp {
namespace {

bool IsPattern(const std::vector<std::uint8_t>& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != PatternSource::At(i)) return false;
  }
  return true;
}

TEST(Fetching, FindsAConnectionByItsHashAndNamesWhoComesThird) {
  const Settings settings;
  SeededEntropy entropy(3);
  Host host(settings, entropy);
  EXPECT_FALSE(host.FetchAhead().has_value());
  std::vector<ConnectionId> ids;
  for (std::uint16_t i = 0; i < 4; ++i) {
    FourTuple tuple = kClientTuple;
    tuple.local_port = Port(static_cast<std::uint16_t>(2000 + i));
    ids.push_back(host.Connect(tuple, At(Duration{})).value());
    EXPECT_EQ(host.FetchConnection(host.FetchSlot(tuple)), ids.back().index);
  }
  EXPECT_FALSE(host.FetchConnection(host.FetchSlot(kServerTuple)).has_value());
  EXPECT_EQ(host.NextReady(), ids[0]);
  EXPECT_EQ(host.FetchAhead(), ids[3].index);
  EXPECT_EQ(host.NextReady(), ids[1]);
  EXPECT_FALSE(host.FetchAhead().has_value()) << "two are left";
}

TEST(Conversation, OpensCarriesTextBothWaysAndClosesIntoTimeWait) {
  Wire wire;
  PatternSource request(300, false);
  PatternSource response(100'000);
  wire.client.on_open = [&](End& end) { wire.Attach(end, &request); };
  wire.server.on_open = [&](End& end) { wire.Attach(end, &response); };
  wire.client.on_finish = [&](End& end) { end.host.Close(end.id); };
  wire.Open();
  wire.RunFor(seconds(3));
  EXPECT_TRUE(wire.client.opened && wire.server.opened);
  EXPECT_EQ(wire.server.received.size(), 300u);
  EXPECT_EQ(wire.client.received.size(), 100'000u);
  EXPECT_TRUE(IsPattern(wire.server.received) && IsPattern(wire.client.received));
  EXPECT_TRUE(wire.client.finished && wire.server.finished);
  EXPECT_TRUE(wire.client.closed && wire.server.closed);
  EXPECT_EQ(wire.server.host.connections(), 0u);
  EXPECT_EQ(wire.client.host.connections(), 0u);
  EXPECT_EQ(wire.server.host.time_waits(), 1u) << "the server finished first";
  EXPECT_EQ(wire.client.host.time_waits(), 0u);
  EXPECT_EQ(wire.server.host.counters().retransmissions, 0u);
  wire.RunFor(seconds(61));
  EXPECT_EQ(wire.server.host.time_waits(), 0u);
  EXPECT_EQ(wire.server.host.Deadline(), kNever);
}

struct Weather {
  const char* name;
  double loss, reorder, duplicate;
};

void Transfer(const Weather& weather, std::uint64_t seed, Settings server, Settings client) {
  SCOPED_TRACE(testing::Message() << weather.name << " seed " << seed << " sack "
                                  << (server.sack && client.sack) << " timestamps "
                                  << (server.timestamps && client.timestamps));
  Wire wire(seed, client, server);
  wire.link.loss = weather.loss;
  wire.link.reorder = weather.reorder;
  wire.link.duplicate = weather.duplicate;
  PatternSource request(20'000);
  PatternSource response(400'000);
  wire.client.on_open = [&](End& end) { wire.Attach(end, &request); };
  wire.server.on_open = [&](End& end) { wire.Attach(end, &response); };
  wire.Open();
  wire.RunFor(seconds(600));
  EXPECT_EQ(wire.server.received.size(), 20'000u);
  EXPECT_EQ(wire.client.received.size(), 400'000u);
  EXPECT_TRUE(IsPattern(wire.server.received) && IsPattern(wire.client.received));
  EXPECT_TRUE(wire.client.finished && wire.server.finished);
  EXPECT_EQ(wire.server.host.connections() + wire.client.host.connections(), 0u);
  for (const End* end : {&wire.server, &wire.client}) {
    EXPECT_EQ(end->host.out_of_order_blocks_free(), end->settings.out_of_order_blocks_max);
  }
}

TEST(Conversation, IsByteExactInEveryWeatherWithEverySetOfOptions) {
  constexpr Weather kWeathers[] = {{"fair", 0, 0, 0},          {"lossy", 0.03, 0, 0},
                                   {"very lossy", 0.15, 0, 0}, {"shuffled", 0, 0.2, 0},
                                   {"doubled", 0, 0, 0.2},     {"storm", 0.05, 0.1, 0.05}};
  for (const Weather& weather : kWeathers) {
    for (int options = 0; options < 4; ++options) {
      for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Settings settings;
        settings.sack = (options & 1) != 0;
        settings.timestamps = (options & 2) != 0;
        Transfer(weather, seed, settings, settings);
      }
    }
  }
}

}  // namespace
}  // namespace slipway::tcp
