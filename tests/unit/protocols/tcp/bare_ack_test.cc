// SPDX-License-Identifier: Apache-2.0
//
// Bare ACKs taken together leave a connection as they do one by one, whatever they say and whatever
// state it is in; and those that must be seen one by one are.
#include "protocols/tcp/bare_ack.h"

#include <vector>

#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

constexpr std::uint32_t kMss = 1460;

// A bare ACK of the peer, `bytes` of text acknowledged.
Segment Ack(Peer& peer, std::int64_t bytes, std::uint16_t window = 60'000) {
  return peer.Make({.ack = 1 + bytes, .window = window});
}

// Gives a burst to a host one by one.
void Apart(Peer& peer, const std::vector<Segment>& burst) {
  for (const Segment& ack : burst) peer.host.Receive(ack, kServerTuple, peer.now);
}

// The same as the worker gives it; returns how many calls that took.
std::size_t Together(Peer& peer, const std::vector<Segment>& burst) {
  std::size_t calls = 0;
  for (std::size_t i = 0; i < burst.size(); ++calls) {
    std::vector<BareAck> later;
    for (std::size_t j = i + 1; j < burst.size(); ++j) {
      later.push_back({.ack = burst[j].ack, .window = burst[j].window});
    }
    i += 1 + peer.host.ReceiveAcks(burst[i], later, kServerTuple, peer.now).joined;
  }
  return calls;
}

void ExpectSame(Peer& a, Peer& b) {
  const Info x = a.Info();
  const Info y = b.Info();
  EXPECT_EQ(x.state, y.state);
  EXPECT_EQ(x.smoothed_rtt, y.smoothed_rtt);
  EXPECT_EQ(x.retransmission_timeout, y.retransmission_timeout);
  EXPECT_EQ(x.congestion_window, y.congestion_window);
  EXPECT_EQ(x.slow_start_threshold, y.slow_start_threshold);
  EXPECT_EQ(x.peer_window, y.peer_window);
  EXPECT_EQ(x.acknowledged, y.acknowledged);
  EXPECT_EQ(x.outstanding, y.outstanding);
  EXPECT_EQ(x.in_flight, y.in_flight);
  EXPECT_EQ(x.retransmissions, y.retransmissions);
  EXPECT_EQ(x.timeouts, y.timeouts);
  EXPECT_EQ(x.fast_recoveries, y.fast_recoveries);
  EXPECT_EQ(x.tail_probes, y.tail_probes);
  EXPECT_EQ(x.undone, y.undone);
  EXPECT_EQ(x.next_timer, y.next_timer);
  const auto left = a.Replies();
  const auto right = b.Replies();
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i].segment, right[i].segment);
    EXPECT_EQ(left[i].length, right[i].length);
  }
}

// Firmware's bursts with everything mixed in that a burst may hold: repetitions, jumps, closed and
// shrinking windows, acknowledgments of old and of what was never sent; pauses that let timers
// come.
TEST(BareAcks, TakenTogetherLeaveAConnectionAsTheyDoOneByOne) {
  std::size_t bursts = 0;
  std::size_t acks = 0;
  std::size_t calls = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    SeededEntropy random(seed);
    const bool wide = seed % 2 == 0;
    Peer apart;
    Peer together;
    PatternSource sources[2] = {PatternSource(4'000'000), PatternSource(4'000'000)};
    for (Peer* peer : {&apart, &together}) {
      Options options{.mss = static_cast<std::uint16_t>(seed % 3 == 0 ? 536 : 1460)};
      if (wide) options.window_scale = 6;
      peer->Open(options);
      peer->host.Attach(peer->id, &sources[peer == &apart ? 0 : 1]);
    }
    for (int turn = 0; turn < 60 && !testing::Test::HasFailure(); ++turn) {
      ExpectSame(apart, together);
      const Info info = apart.Info();
      const bool honest = random.Below(4) != 0;
      auto at = static_cast<std::int64_t>(info.acknowledged);
      const auto sent = at + static_cast<std::int64_t>(info.outstanding);
      std::vector<Segment> burst;
      for (std::uint64_t left = random.Below(20); left > 0; --left) {
        std::uint16_t window = static_cast<std::uint16_t>(wide ? 30'000 : 60'000);
        std::int64_t ack = std::min<std::int64_t>(at + 2 * info.mss, sent);
        if (!honest) {
          switch (random.Below(10)) {
            case 0:
              ack = at;
              break;
            case 1:
              ack = at + static_cast<std::int64_t>(random.Below(6 * info.mss));
              break;
            case 2:
              ack = at - static_cast<std::int64_t>(random.Below(3000));
              break;
            case 3:
              window = static_cast<std::uint16_t>(random.Below(60'000));
              break;
            case 4:
              window = 0;
              break;
            default:
              ack = at + 1 + static_cast<std::int64_t>(random.Below(2 * info.mss));
              break;
          }
        }
        if (honest && ack == at) break;  // all that was sent
        burst.push_back(Ack(apart, ack, window));
        at = std::max(at, ack);
      }
      ++bursts;
      acks += burst.size();
      Apart(apart, burst);
      calls += Together(together, burst);
      const Duration pause = milliseconds(random.Below(8) == 0 ? 1 + random.Below(700) : 1);
      for (Peer* peer : {&apart, &together}) peer->Wait(pause);
    }
    if (testing::Test::HasFailure()) break;
  }
  std::printf("%zu acknowledgments in %zu bursts, %zu calls\n", acks, bursts, calls);
  EXPECT_LT(2 * calls, acks) << "hardly anything was joined";
}

class JoinedAcksOfFirmware : public ::testing::Test {
 protected:
  void SetUp() override {
    peer.Open();
    peer.host.Attach(peer.id, &source);
    sent = static_cast<std::int64_t>(peer.Replies().size() * kMss);
    ASSERT_EQ(sent, 10 * kMss);
  }
  std::size_t CallsFor(const std::vector<std::int64_t>& segments, const Options& = {}) {
    std::vector<Segment> burst;
    for (const std::int64_t count : segments) burst.push_back(Ack(peer, count * kMss));
    return Together(peer, burst);
  }
  Peer peer;
  PatternSource source{1'000'000};
  std::int64_t sent = 0;
};

TEST_F(JoinedAcksOfFirmware, GrowTheWindowByEach) {
  EXPECT_EQ(CallsFor({2, 4, 6, 8, 10}), 1u);
  // Two segments by each (RFC 3465), as long as half of the window was in flight before it.
  EXPECT_EQ(peer.Info().congestion_window, 16u * kMss);
}

TEST_F(JoinedAcksOfFirmware, EndBeforeOneThatIsRepeatedSoThatItCounts) {
  EXPECT_EQ(CallsFor({2, 4, 4, 4, 4}), 4u);
  EXPECT_EQ(peer.Info().fast_recoveries, 1u);
  const auto again = peer.Replies();
  ASSERT_FALSE(again.empty());
  EXPECT_TRUE(again[0].retransmission);
  EXPECT_EQ(again[0].offset, 4u * kMss);
}

TEST_F(JoinedAcksOfFirmware, CountOneThatStretchesForTwoSegments) {
  EXPECT_EQ(CallsFor({2, 4, 9, 10}), 1u);
  EXPECT_EQ(peer.Info().congestion_window, 16u * kMss) << "10, 12, 14, 16; the last used little";
}

TEST_F(JoinedAcksOfFirmware, EndBeforeOneOfWhatWasNeverSent) {
  EXPECT_EQ(CallsFor({8, 10, 12}), 2u);
  EXPECT_EQ(peer.Info().acknowledged, 10u * kMss);
}

TEST_F(JoinedAcksOfFirmware, AreNotWhileALossIsRepaired) {
  CallsFor({2, 2, 2, 2});
  ASSERT_EQ(peer.Info().fast_recoveries, 1u);
  static_cast<void>(peer.Replies());
  EXPECT_EQ(CallsFor({4, 6, 8}), 3u);
}

TEST(BareAcks, OfAPeerThatSelectsOrStampsAreTakenOneByOne) {
  for (const bool sack : {false, true}) {
    Options options{.mss = 1460, .sack_permitted = sack};
    if (!sack) options.timestamps = Timestamps{5, 0};
    Peer peer;
    peer.Open(options);
    PatternSource source(1'000'000);
    peer.host.Attach(peer.id, &source);
    static_cast<void>(peer.Replies());
    EXPECT_EQ(Together(peer, {Ack(peer, 1000), Ack(peer, 2000), Ack(peer, 3000)}), 3u);
  }
}

TEST(BareAcks, AreKnownByTheirBytes) {
  Peer peer;
  const auto wire = [](const Segment& segment) {
    std::vector<std::uint8_t> bytes(segment.header_size() + segment.text.size());
    EmitHeader(segment, bytes);
    return bytes;
  };
  const Segment ack = Ack(peer, 2920, 777);
  const auto bytes = wire(ack);
  EXPECT_TRUE(IsBareAck(bytes));
  EXPECT_EQ(ReadBareAck(bytes).ack, ack.ack);
  EXPECT_EQ(ReadBareAck(bytes).window, 777);
  for (unsigned flags = 0; flags < 256; ++flags) {
    auto other = bytes;
    other[13] = static_cast<std::uint8_t>(flags);
    EXPECT_EQ(IsBareAck(other), flags == tcp_flag::kAck) << flags;
  }
  EXPECT_FALSE(IsBareAck(wire(peer.Make({.text = 1}))));
  EXPECT_FALSE(IsBareAck(wire(peer.Make({.options = {.timestamps = Timestamps{1, 2}}}))));
  EXPECT_FALSE(IsBareAck(Bytes(bytes).first(19)));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto other = bytes;
    other[i] ^= 1;
    EXPECT_EQ(AreAlike(bytes, other), i >= 8) << i;
  }
}

}  // namespace
}  // namespace slipway::tcp
