// SPDX-License-Identifier: Apache-2.0
//
// What arrives: acknowledgments in time, text out of order, PAWS, our window.
#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Acknowledgment, OfOneSegmentWaitsAndOfTheSecondDoesNot) {
  Peer peer;
  peer.Open();
  EXPECT_EQ(peer.Send({.seq = 1, .text = 100}).text.size(), 100u);
  EXPECT_FALSE(peer.Reply());
  const Time before = peer.now;
  const auto late = peer.WaitForReplies();
  ASSERT_THAT(late, SizeIs(1));
  EXPECT_EQ(late[0].segment.ack, kPeerIss + 101);
  EXPECT_LE(peer.now - before, milliseconds(42));
  peer.Send({.seq = 101, .text = 100});
  peer.Send({.seq = 201, .text = 100});
  const auto second = peer.Reply();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->segment.ack, kPeerIss + 301);
}

TEST(Acknowledgment, RidesOnTextWhereThereIsSome) {
  Peer peer;
  peer.Open();
  peer.Send({.seq = 1, .text = 100});
  PatternSource source(50, false);
  peer.host.Attach(peer.id, &source);
  const auto reply = peer.Reply();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->length, 50u);
  EXPECT_EQ(reply->segment.ack, kPeerIss + 101);
  EXPECT_THAT(peer.WaitForReplies(milliseconds(100)), IsEmpty());
}

TEST(OutOfOrder, TextIsHeldAnsweredAtOnceAndGivenWhenTheGapCloses) {
  Peer peer;
  peer.Open({.mss = 1460, .sack_permitted = true});
  peer.Send({.seq = 201, .text = 100});
  const auto duplicate = peer.Reply();
  ASSERT_TRUE(duplicate);
  EXPECT_EQ(duplicate->segment.ack, kPeerIss + 1);
  EXPECT_THAT(duplicate->segment.options.sack,
              ElementsAre(SackBlock{kPeerIss + 201, kPeerIss + 301}));
  peer.Send({.seq = 401, .text = 100});
  EXPECT_THAT(peer.Reply()->segment.options.sack,
              ElementsAre(SackBlock{kPeerIss + 401, kPeerIss + 501},
                          SackBlock{kPeerIss + 201, kPeerIss + 301}))
      << "the most recent first";
  EXPECT_EQ(peer.text, 0u);
  const Delivery d = peer.Send({.seq = 1, .text = 250});
  EXPECT_EQ(d.text.size(), 250u);
  EXPECT_EQ(peer.text, 300u) << "the rest of the second run follows, once";
  const auto filled = peer.Reply();
  ASSERT_TRUE(filled);
  EXPECT_EQ(filled->segment.ack, kPeerIss + 301);
  EXPECT_THAT(filled->segment.options.sack, ElementsAre(SackBlock{kPeerIss + 401, kPeerIss + 501}));
}

TEST(OutOfOrder, FinIsReachedOnlyThroughTheTextBeforeIt) {
  Peer peer;
  peer.Open();
  EXPECT_FALSE(peer.Send({.seq = 101, .flags = kFinAck, .text = 100}).finished);
  peer.Replies();
  const Delivery d = peer.Send({.seq = 1, .text = 100});
  EXPECT_TRUE(d.finished);
  EXPECT_EQ(peer.text, 200u);
  EXPECT_EQ(peer.state(), State::kCloseWait);
  EXPECT_EQ(peer.Reply()->segment.ack, kPeerIss + 202);
}

TEST(OutOfOrder, StoreIsBoundedForEachConnectionAndInAll) {
  Settings settings;
  settings.out_of_order_blocks_max = 10;
  settings.out_of_order_blocks_per_connection = 4;
  Peer peer(settings);
  peer.Open();
  int held = 0;
  for (int i = 0; i < 20; ++i) {
    held += peer.Send({.seq = 101 + 200 * i, .text = 100}).drop == Drop::kNone ? 1 : 0;
    peer.Replies();
  }
  EXPECT_EQ(held, 4);
  EXPECT_EQ(peer.host.out_of_order_blocks_free(), 6u);
  peer.host.Abort(peer.id);
  EXPECT_EQ(peer.host.out_of_order_blocks_free(), 10u);
}

TEST(OutOfOrder, TextStaysReadableWhenItsLastSegmentEndsTheConnection) {
  Peer peer;
  peer.Open();
  PatternSource none(0);
  peer.host.Attach(peer.id, &none);
  peer.Replies();
  peer.Send({.seq = 1, .ack = 2});
  peer.Send({.seq = 101, .ack = 2, .flags = kFinAck, .text = 100});
  const Delivery d = peer.Send({.seq = 1, .ack = 2, .text = 100});
  EXPECT_TRUE(d.closed && d.finished);
  EXPECT_EQ(peer.text, 200u);
  EXPECT_EQ(peer.host.time_waits(), 1u);
}

TEST(Paws, RefusesAnOldTimestampWithAnAckAndAMissingOneSilently) {
  Peer peer;
  peer.Open({.mss = 1460, .timestamps = Timestamps{1000, 0}});
  EXPECT_EQ(peer.Send({.seq = 1, .options = {.timestamps = Timestamps{999, 1}}, .text = 10}).drop,
            Drop::kTcpPaws);
  EXPECT_TRUE(peer.Reply());
  EXPECT_EQ(peer.Send({.seq = 1, .text = 10}).drop, Drop::kTcpTimestampMissing);
  EXPECT_FALSE(peer.Reply());
  EXPECT_EQ(peer.text, 0u);
  EXPECT_EQ(peer.Send({.seq = 1, .options = {.timestamps = Timestamps{1002, 1}}, .text = 10}).drop,
            Drop::kNone);
  EXPECT_EQ(peer.text, 10u);
  EXPECT_TRUE(peer.Send({.seq = 11, .flags = kRst}).reset) << "a RST needs no timestamp";
}

TEST(Paws, EchoesTheTimestampOfTheSegmentThatTheDelayedAckIsFor) {
  Peer peer;
  peer.Open({.mss = 1460, .timestamps = Timestamps{1000, 0}});
  peer.Send({.seq = 1, .options = {.timestamps = Timestamps{2000, 1}}, .text = 10});
  peer.Send({.seq = 11, .options = {.timestamps = Timestamps{2007, 1}}, .text = 10});
  EXPECT_EQ(peer.Reply()->segment.options.timestamps->echo, 2000u) << "the earliest unacknowledged";
  peer.Send({.seq = 101, .options = {.timestamps = Timestamps{2010, 1}}, .text = 10});
  EXPECT_EQ(peer.Reply()->segment.options.timestamps->echo, 2000u) << "not from out of order text";
}

TEST(Window, ShrinksAsTextArrivesWithoutRoomAndItsEdgeNeverMovesLeft) {
  Settings settings;
  settings.receive_window = 10'000;
  Peer peer(settings);
  peer.Open();
  peer.host.SetReceiveRoom(peer.id, 0);
  SeqNum edge{0};
  for (int i = 0; i < 6; ++i) {
    peer.Send({.seq = 1 + 1460 * i, .text = 1460});
    peer.Wait(milliseconds(50));
    for (const Outgoing& out : peer.Replies()) {
      const SeqNum next = out.segment.ack + out.segment.window;
      if (edge != SeqNum(0)) {
        EXPECT_TRUE(next.AtOrAfter(edge));
      }
      edge = next;
    }
  }
  EXPECT_EQ(edge, kPeerIss + 10'001);
  EXPECT_EQ(peer.Send({.seq = 1 + 6 * 1460, .text = 1460}).drop, Drop::kTcpOutOfWindow)
      << "1240 bytes fit, the rest does not";
  EXPECT_EQ(peer.text, 10'000u);
  peer.Replies();
  EXPECT_EQ(peer.Send({.seq = 10'001, .text = 1}).drop, Drop::kTcpOutOfWindow);
  EXPECT_EQ(peer.Reply()->segment.window, 0);
  peer.host.SetReceiveRoom(peer.id, 100);
  EXPECT_FALSE(peer.Reply()) << "a silly window is not offered";
  peer.host.SetReceiveRoom(peer.id, 10'000);
  const auto update = peer.Reply();
  ASSERT_TRUE(update);
  EXPECT_EQ(update->segment.window, 10'000);
}

TEST(Window, LetsAcknowledgmentsInWhileItIsClosed) {
  Settings settings;
  settings.receive_window = 100;
  Peer peer(settings);
  peer.Open();
  PatternSource source(1000, false);
  peer.host.Attach(peer.id, &source);
  peer.Replies();
  peer.host.SetReceiveRoom(peer.id, 0);
  peer.Send({.seq = 1, .text = 100});
  peer.Wait(milliseconds(50));
  peer.Replies();
  EXPECT_TRUE(peer.Send({.seq = 101, .ack = 501}).progressed);
  EXPECT_TRUE(peer.Send({.seq = 101, .ack = 1001, .text = 5}).progressed);
  EXPECT_EQ(peer.text, 100u);
  EXPECT_TRUE(peer.Reply());
}

TEST(Window, OfScaledUnitsIsRoundedUpRatherThanMovedLeft) {
  Settings settings;
  settings.receive_window = 1 << 20;
  settings.window_scale = 7;
  Peer peer(settings);
  peer.Open({.mss = 1460, .window_scale = 0});
  peer.host.SetReceiveRoom(peer.id, 0);
  peer.Send({.seq = 1, .text = 333});
  peer.Send({.seq = 334, .text = 333});
  const auto reply = peer.Reply();
  ASSERT_TRUE(reply);
  const std::uint32_t advertised = 667 + (std::uint32_t{reply->segment.window} << 7);
  EXPECT_GE(advertised, 65'536u);
  EXPECT_LT(advertised, 65'536u + 128u);
}

// As "rounded up" goes by the edge that was meant, and not by the last one that was told.
TEST(Window, OfScaledUnitsClosesForTextByteByByte) {
  Settings settings;
  settings.receive_window = 100;
  settings.window_scale = 2;
  Peer peer(settings);
  peer.Open({.mss = 1460, .window_scale = 0});
  peer.host.SetReceiveRoom(peer.id, 0);
  std::uint32_t window = 100;
  for (int i = 0; i < 200 && window != 0; ++i) {
    EXPECT_EQ(peer.Send({.seq = 1 + i, .text = 1}).drop, Drop::kNone);
    peer.Wait(milliseconds(50));
    for (const Outgoing& out : peer.Replies()) {
      window = std::uint32_t{out.segment.window} << 2;
      EXPECT_LE(out.segment.ack + window - (kPeerIss + 101), 3);
      EXPECT_GE(out.segment.ack + window - (kPeerIss + 101), 0);
    }
  }
  EXPECT_EQ(window, 0u);
  EXPECT_EQ(peer.text, 100u);
}

// What a connection takes that reads on and forgets.
TEST(Window, OfAnyRoomStaysOpen) {
  Peer peer;
  peer.Open({.mss = 1460, .window_scale = 0});
  peer.host.SetReceiveRoom(peer.id, 0xffffffff);
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(peer.Send({.seq = 1 + 1460 * i, .text = 1460}).drop, Drop::kNone);
    for (const Outgoing& out : peer.Replies()) EXPECT_EQ(out.segment.window, 0xffff);
  }
  EXPECT_EQ(peer.text, 60u * 1460u);
}

TEST(OldAcks, FarBelowTheWindowAreChallengedAndNewOnesOfTheFutureToo) {
  Peer peer;
  peer.Open({.mss = 1460}, 100);
  EXPECT_EQ(peer.Send({.ack = -200}).drop, Drop::kTcpAckTooOld);
  EXPECT_TRUE(peer.Reply());
  EXPECT_EQ(peer.Send({.ack = 2}).drop, Drop::kTcpAckUnacceptable);
  EXPECT_TRUE(peer.Reply());
  EXPECT_EQ(peer.Send({.ack = -50}).drop, Drop::kNone) << "merely old";
  EXPECT_FALSE(peer.Reply());
}

// Firmware that has all it wants resets, and says so by that segment alone.
TEST(Reset, TakesWhatItAcknowledgesWithIt) {
  for (const std::int64_t ack : {1, 1461, 2921, 2922}) {
    Peer peer;
    peer.Open();
    PatternSource source(2920, false);
    peer.host.Attach(peer.id, &source);
    ASSERT_THAT(peer.Replies(), SizeIs(2));
    const Delivery d = peer.Send({.ack = ack, .flags = {.rst = true, .ack = true}});
    EXPECT_TRUE(d.reset && d.closed) << ack;
    EXPECT_FALSE(d.progressed) << "nothing goes on";
    // One that acknowledges what was never sent is still a reset, and no acknowledgment.
    const std::uint64_t taken = ack == 2922 ? 0 : static_cast<std::uint64_t>(ack - 1);
    EXPECT_EQ(source.released(), taken);
    EXPECT_EQ(peer.Info().acknowledged, taken);
    EXPECT_EQ(peer.Info().outstanding, 2920 - taken);
    EXPECT_EQ(d.all_acknowledged, taken == 2920);
  }
}

TEST(Reset, WithoutAcknowledgmentOrPlaceAcknowledgesNothing) {
  Peer peer;
  peer.Open();
  PatternSource source(2920, false);
  peer.host.Attach(peer.id, &source);
  peer.Replies();
  const Delivery challenged =
      peer.Send({.seq = 2, .ack = 2921, .flags = {.rst = true, .ack = true}});
  EXPECT_EQ(challenged.drop, Drop::kTcpResetUnacceptable);
  EXPECT_FALSE(challenged.closed);
  EXPECT_EQ(source.released(), 0u);
  EXPECT_TRUE(peer.Send({.flags = kRst}).reset);
  EXPECT_EQ(source.released(), 0u);
}

TEST(Urgent, TextIsOrdinaryText) {
  Peer peer;
  peer.Open();
  EXPECT_EQ(peer.Send({.seq = 1, .flags = {.psh = true, .ack = true, .urg = true}, .text = 10})
                .text.size(),
            10u);
}

}  // namespace
}  // namespace slipway::tcp
