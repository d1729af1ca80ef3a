// SPDX-License-Identifier: Apache-2.0
//
// What is sent again is counted by segments, as it leaves, also where a run of them leaves as one.
#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

TEST(Retransmissions, AreCountedBySegmentsWhileTheConnectionLasts) {
  Settings settings;
  settings.tail_loss_probe = false;
  Peer peer(settings);
  peer.payload_max = 16 * 1460;
  peer.Open();
  PatternSource source(1'000'000);
  peer.host.Attach(peer.id, &source);
  ASSERT_EQ(peer.Info().outstanding, 0u);
  static_cast<void>(peer.Replies());
  ASSERT_EQ(peer.Info().outstanding, 10u * 1460);
  ASSERT_FALSE(peer.WaitForReplies().empty());
  ASSERT_EQ(peer.Info().timeouts, 1u);
  EXPECT_EQ(peer.host.counters().retransmissions, 1u);
  // The first comes, so the rest was lost: F-RTO sends new text, and then the old in a run.
  peer.Send({.ack = 1 + 1460});
  static_cast<void>(peer.Replies());
  peer.Send({.ack = 1 + 1460});
  std::uint64_t again = 1;
  for (const Outgoing& out : peer.Replies()) {
    if (out.retransmission) again += (out.length + 1459) / 1460;
  }
  EXPECT_GT(again, 2u);
  EXPECT_EQ(peer.host.counters().retransmissions, again);
  EXPECT_EQ(peer.Info().retransmissions, again);
}

TEST(TimeoutsAndTailProbes, AreCountedOnceTheConnectionHasEnded) {
  Peer peer;
  peer.Open();
  PatternSource source(4'000);
  peer.host.Attach(peer.id, &source);
  static_cast<void>(peer.Replies());
  for (int i = 0; i < 4; ++i) static_cast<void>(peer.WaitForReplies());
  const Info info = peer.Info();
  ASSERT_EQ(info.tail_probes, 1u);
  ASSERT_EQ(info.timeouts, 3u);
  EXPECT_EQ(peer.host.counters().tail_probes, 0u);
  EXPECT_TRUE(peer.Send({.flags = kRst}).closed);
  EXPECT_EQ(peer.host.counters().tail_probes, 1u);
  EXPECT_EQ(peer.host.counters().timeouts, 3u);
}

}  // namespace
}  // namespace slipway::tcp
