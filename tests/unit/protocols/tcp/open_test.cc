// SPDX-License-Identifier: Apache-2.0
//
// How connections begin and end: opens of every kind, SYN cookies, resets, TIME-WAIT, limits.
#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Open, AnswersFirmwaresSynWithWhatItOfferedAndNothingElse) {
  Peer peer;
  peer.Send({.seq = 0, .flags = kSyn, .options = {.mss = 1460, .window_scale = 6}});
  const auto reply = peer.Reply();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->segment.flags, (Flags{.syn = true, .ack = true}));
  EXPECT_EQ(reply->segment.ack, kPeerIss + 1);
  EXPECT_EQ(reply->segment.options, (Options{.mss = 1460, .window_scale = 2}));
  EXPECT_EQ(reply->segment.window, 65535) << "never scaled in a SYN";
}

TEST(Open, OffersEverythingToAPeerThatOffersEverything) {
  Peer peer;
  peer.Send({.seq = 0,
             .flags = kSyn,
             .options = {.mss = 1460,
                         .window_scale = 9,
                         .sack_permitted = true,
                         .timestamps = Timestamps{77, 0}}});
  const auto reply = peer.Reply();
  ASSERT_TRUE(reply && reply->segment.options.timestamps);
  EXPECT_TRUE(reply->segment.options.sack_permitted);
  EXPECT_EQ(reply->segment.options.timestamps->echo, 77u);
}

TEST(Open, AnswersASynSeenAgainWithItsSynAckAgain) {
  Peer peer;
  peer.Send({.seq = 0, .flags = kSyn});
  const auto first = peer.Reply();
  EXPECT_EQ(peer.Send({.seq = 0, .flags = kSyn}).drop, Drop::kTcpOldDuplicate);
  const auto second = peer.Reply();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->segment.seq, first->segment.seq);
  EXPECT_TRUE(second->retransmission);
}

TEST(Open, SendsTheSynAckAgainWithDoublingDelayAndGivesUp) {
  Settings settings;
  settings.syn_retries = 3;
  Peer peer(settings);
  peer.Send({.seq = 0, .flags = kSyn});
  Time last = peer.now;
  ASSERT_THAT(peer.Replies(), SizeIs(1));
  for (const int expected : {1, 2, 4}) {
    ASSERT_THAT(peer.WaitForReplies(), SizeIs(1));
    EXPECT_NEAR(static_cast<double>((peer.now - last).count()), expected * 1e9, 4e6);
    last = peer.now;
  }
  EXPECT_THAT(peer.WaitForReplies(), IsEmpty());
  EXPECT_THAT(peer.expired, ElementsAre(Expiry::kNoHandshake));
  EXPECT_EQ(peer.host.connections(), 0u);
}

TEST(Open, ChoosesInitialSequenceNumbersThatDifferByTupleAndGrowByTheClock) {
  const auto iss = [](Port port, Duration at) {
    Peer peer;
    Segment syn = peer.Make({.seq = 0, .flags = kSyn});
    syn.source = port;
    FourTuple tuple = kServerTuple;
    tuple.remote_port = port;
    static_cast<void>(peer.host.Receive(syn, tuple, At(at)));
    peer.now = At(at);
    return peer.Reply()->segment.seq;
  };
  const SeqNum early = iss(Port(1024), seconds(1));
  EXPECT_EQ(iss(Port(1024), seconds(2)) - early, 250'000);
  EXPECT_GT(std::abs(iss(Port(1025), seconds(1)) - early), 1000);
}

TEST(Open, ToAClosedPortIsAnsweredByAReset) {
  Peer peer;
  FourTuple tuple = kServerTuple;
  tuple.local_port = Port(80);
  EXPECT_EQ(peer.host.Receive(peer.Make({.seq = 0, .flags = kSyn}), tuple, peer.now).drop,
            Drop::kTcpPortClosed);
  const auto reset = peer.Reply();
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->segment.flags, (Flags{.rst = true, .ack = true}));
  EXPECT_EQ(reset->segment.ack, kPeerIss + 1);
  static_cast<void>(peer.host.Receive(peer.Make({.seq = 0, .flags = kRst}), tuple, peer.now));
  EXPECT_FALSE(peer.Reply()) << "a reset is never answered";
}

TEST(Open, FromBothSidesAtOnceMeetsInOneConnection) {
  Wire wire;
  FourTuple back = kServerTuple;
  wire.client.id = *wire.client.host.Connect(kClientTuple, wire.now);
  wire.server.id = *wire.server.host.Connect(back, wire.now);
  wire.RunFor(seconds(1));
  EXPECT_TRUE(wire.client.opened && wire.server.opened);
  EXPECT_EQ(wire.client.host.Info(wire.client.id).state, State::kEstablished);
  EXPECT_EQ(wire.server.host.Info(wire.server.id).state, State::kEstablished);
  EXPECT_EQ(wire.server.host.connections(), 1u);
}

// RFC 7323 2.2: the window of a segment with SYN is never scaled, whatever state it finds.
TEST(Open, BelievesTheWindowOfASynAckAsItStandsAlsoFromBothSidesAtOnce) {
  const Options options{.mss = 1460, .window_scale = 2};
  Peer peer;
  peer.id = *peer.host.Connect(kServerTuple, peer.now);
  peer.iss = peer.Reply()->segment.seq;
  peer.Send({.seq = 0, .flags = kSyn, .window = 65535, .options = options});
  ASSERT_EQ(peer.state(), State::kSynReceived);
  peer.Replies();
  const Flags syn_ack{.syn = true, .ack = true};
  ASSERT_TRUE(peer.Send({.seq = 0, .flags = syn_ack, .window = 65535, .options = options}).opened);
  EXPECT_EQ(peer.Info().peer_window, 65535u);
  peer.Send({.window = 65535});
  EXPECT_EQ(peer.Info().peer_window, 4u * 65535);

  Peer called;
  called.id = *called.host.Connect(kServerTuple, called.now);
  called.iss = called.Reply()->segment.seq;
  ASSERT_TRUE(
      called.Send({.seq = 0, .flags = syn_ack, .window = 65535, .options = options}).opened);
  EXPECT_EQ(called.Info().peer_window, 65535u);
}

// RFC 5681 3.1 as RFC 6928 2 has it: one loss may be the wire's, two speak of congestion. RFC 6298
// 5.7: and the timeout that was too short for a SYN is not used for text.
TEST(Open, BeginsWithOneSegmentAfterMoreThanOneLostSynAckAndWithALongTimeoutAfterAny) {
  for (int lost = 0; lost <= 4; ++lost) {
    Peer peer;
    peer.Send({.seq = 0, .flags = kSyn});
    peer.iss = peer.Reply()->segment.seq;
    for (int i = 0; i < lost; ++i) ASSERT_THAT(peer.WaitForReplies(), SizeIs(1));
    ASSERT_TRUE(peer.Send({}).opened);
    EXPECT_EQ(peer.Info().congestion_window, (lost > 1 ? 1u : 10u) * 536) << lost;
    const Duration timeout = lost == 0 ? Duration(milliseconds(300)) : seconds(3);
    EXPECT_EQ(peer.Info().retransmission_timeout, timeout) << lost;
  }
}

TEST(Open, FromOurSideBeginsWithOneSegmentAfterMoreThanOneLostSyn) {
  for (int lost = 0; lost <= 2; ++lost) {
    Peer peer;
    peer.id = *peer.host.Connect(kServerTuple, peer.now);
    peer.iss = peer.Reply()->segment.seq;
    for (int i = 0; i < lost; ++i) ASSERT_THAT(peer.WaitForReplies(), SizeIs(1));
    ASSERT_TRUE(peer.Send({.seq = 0, .flags = {.syn = true, .ack = true}}).opened);
    EXPECT_EQ(peer.Info().congestion_window, (lost > 1 ? 1u : 10u) * 536) << lost;
    const Duration timeout = lost == 0 ? Duration(milliseconds(300)) : seconds(3);
    EXPECT_EQ(peer.Info().retransmission_timeout, timeout) << lost;
  }
}

// With timestamps the round trip is known although the SYN-ACK went twice: nothing to be careful
// of.
TEST(Open, MeasuresTheRoundTripOfASynAckThatWentAgainByItsTimestamp) {
  const Options options{.mss = 1460, .timestamps = Timestamps{.value = 50, .echo = 0}};
  Peer peer;
  peer.Send({.seq = 0, .flags = kSyn, .options = options});
  ASSERT_TRUE(peer.Reply());
  const auto again = peer.WaitForReplies();
  ASSERT_THAT(again, SizeIs(1));
  const Segment& syn_ack = again[0].segment;
  peer.iss = syn_ack.seq;
  peer.now += milliseconds(20);
  ASSERT_TRUE(
      peer.Send({.options = {.timestamps = Timestamps{.value = 51,
                                                      .echo = syn_ack.options.timestamps->value}}})
          .opened);
  EXPECT_EQ(peer.Info().smoothed_rtt, milliseconds(20));
  EXPECT_EQ(peer.Info().retransmission_timeout, milliseconds(300));
  EXPECT_EQ(peer.Info().congestion_window, 10u * 1448);
}

TEST(Open, ThatIsRefusedReportsTheReset) {
  Wire wire;
  FourTuple tuple = kClientTuple;
  tuple.remote_port = Port(81);
  wire.client.id = *wire.client.host.Connect(tuple, wire.now);
  wire.RunFor(seconds(1));
  EXPECT_TRUE(wire.client.closed && wire.client.reset && !wire.client.opened);
}

TEST(Open, IgnoresAnAckOfAnotherSynAndResetsIt) {
  Peer peer;
  peer.id = *peer.host.Connect(kServerTuple, peer.now);
  peer.iss = peer.Reply()->segment.seq;
  EXPECT_EQ(peer.Send({.seq = 0, .ack = 2, .flags = {.syn = true, .ack = true}}).drop,
            Drop::kTcpAckUnacceptable);
  const auto reset = peer.Reply();
  ASSERT_TRUE(reset && reset->segment.flags.rst);
  EXPECT_EQ(peer.Offset(reset->segment.seq), 2);
  EXPECT_EQ(peer.Send({.seq = 0, .ack = 2, .flags = {.rst = true, .ack = true}}).drop,
            Drop::kTcpAckUnacceptable);
  EXPECT_EQ(peer.state(), State::kSynSent);
  EXPECT_TRUE(peer.Send({.seq = 0, .ack = 1, .flags = {.syn = true, .ack = true}}).opened);
}

TEST(Cookies, ReplaceHalfOpenConnectionsAboveTheBacklogAndKeepFirmwaresOptions) {
  Settings settings;
  settings.syn_backlog_max = 0;
  Peer peer(settings);
  EXPECT_FALSE(peer.Send({.seq = 0, .flags = kSyn, .options = {.mss = 1460, .window_scale = 6}})
                   .connection.valid());
  EXPECT_EQ(peer.host.connections(), 0u);
  const auto cookie = peer.Reply();
  ASSERT_TRUE(cookie);
  EXPECT_EQ(cookie->segment.options, (Options{.mss = 1460, .window_scale = 2}));
  peer.iss = cookie->segment.seq;
  // The ACK may bring the request with it.
  const Delivery d = peer.Send({.window = 1000, .text = 100});
  EXPECT_TRUE(d.opened);
  EXPECT_EQ(d.text.size(), 100u);
  const Info info = peer.host.Info(peer.id);
  EXPECT_EQ(info.state, State::kEstablished);
  EXPECT_EQ(info.peer_window, 64'000u);
  EXPECT_EQ(info.mss, 1460);
  EXPECT_EQ(peer.host.counters().cookies_accepted, 1u);
}

TEST(Cookies, KeepTimestampsAndSackAsWell) {
  Settings settings;
  settings.syn_backlog_max = 0;
  Peer peer(settings);
  peer.Open(
      {.mss = 1460, .window_scale = 9, .sack_permitted = true, .timestamps = Timestamps{5, 0}});
  const Info info = peer.host.Info(peer.id);
  EXPECT_TRUE(info.sack && info.timestamps);
  EXPECT_EQ(info.mss, 1448);
}

TEST(Cookies, DoNotLetAGuessIn) {
  Settings settings;
  settings.syn_backlog_max = 0;
  Peer peer(settings);
  peer.Send({.seq = 0, .flags = kSyn});
  peer.iss = peer.Reply()->segment.seq;
  EXPECT_EQ(peer.Send({.ack = 2}).drop, Drop::kTcpCookieInvalid);
  const auto reset = peer.Reply();
  ASSERT_TRUE(reset && reset->segment.flags.rst);
  EXPECT_EQ(peer.Offset(reset->segment.seq), 2);
  EXPECT_EQ(peer.host.connections(), 0u);
}

TEST(Cookies, AreNotForWhomTheCallerKnows) {
  Settings settings;
  settings.syn_backlog_max = 0;
  settings.connections_max = 4;
  Peer peer(settings);
  const Segment syn = peer.Make({.seq = 0, .flags = kSyn, .options = {.mss = 1460}});
  const ConnectionId id = peer.host.ReceiveKnown(syn, kServerTuple, peer.now).connection;
  ASSERT_TRUE(id.valid());
  const auto answer = peer.Reply();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->segment.flags, (Flags{.syn = true, .ack = true}));
  EXPECT_EQ(peer.host.counters().cookies_sent, 0u);
  // Its own again, and others until three quarters of all are half open.
  EXPECT_EQ(peer.host.ReceiveKnown(syn, kServerTuple, peer.now).connection, id);
  FourTuple other = kServerTuple;
  other.remote_port = Port(2000);
  EXPECT_TRUE(peer.host.ReceiveKnown(syn, other, peer.now).connection.valid());
  other.remote_port = Port(2001);
  EXPECT_TRUE(peer.host.ReceiveKnown(syn, other, peer.now).connection.valid());
  other.remote_port = Port(2002);
  EXPECT_FALSE(peer.host.ReceiveKnown(syn, other, peer.now).connection.valid());
  EXPECT_EQ(peer.host.counters().cookies_sent, 1u);
  EXPECT_EQ(peer.host.connections(), 3u);
  // Nor where nobody listens.
  other.local_port = Port(9);
  EXPECT_EQ(peer.host.ReceiveKnown(syn, other, peer.now).drop, Drop::kTcpPortClosed);
}

TEST(Limits, AFloodOfSynsHoldsNoMoreThanTheBacklogAndNobodyIsLockedOut) {
  Settings settings;
  settings.connections_max = 64;
  settings.syn_backlog_max = 16;
  settings.stray_max = 8;
  Peer peer(settings);
  for (std::uint16_t i = 0; i < 1000; ++i) {
    FourTuple tuple = kServerTuple;
    tuple.remote_port = Port(static_cast<std::uint16_t>(2000 + i));
    static_cast<void>(peer.host.Receive(peer.Make({.seq = 0, .flags = kSyn}), tuple, peer.now));
  }
  EXPECT_EQ(peer.host.connections(), 16u);
  EXPECT_EQ(peer.host.counters().strays_lost, 984u - 8u);
  peer.Replies();
  peer.Open();
  EXPECT_EQ(peer.state(), State::kEstablished);
}

TEST(Limits, WhenEverySlotIsTakenTheNextSynIsDroppedByName) {
  Settings settings;
  settings.connections_max = 1;
  Peer peer(settings);
  peer.Open();
  FourTuple tuple = kServerTuple;
  tuple.remote_port = Port(9);
  EXPECT_EQ(peer.host.Receive(peer.Make({.seq = 0, .flags = kSyn}), tuple, peer.now).drop,
            Drop::kTcpConnectionLimit);
  const ConnectionId old = peer.id;
  peer.host.Abort(old);
  EXPECT_FALSE(peer.host.Alive(old));
  EXPECT_TRUE(
      peer.host.Receive(peer.Make({.seq = 0, .flags = kSyn}), tuple, peer.now).connection.valid());
  EXPECT_FALSE(peer.host.Alive(old)) << "the slot is used again, the name is not";
}

TEST(Reset, AfterTheLastByteWasAcknowledgedIsFirmwaresGoodBye) {
  Peer peer;
  peer.Open();
  PatternSource source(3000, false);
  peer.host.Attach(peer.id, &source);
  EXPECT_THAT(peer.Replies(), SizeIs(3));
  const Delivery d = peer.Send({.ack = 3001, .flags = kRst});
  EXPECT_TRUE(d.closed && d.reset);
  EXPECT_FALSE(d.all_acknowledged) << "a RST without ACK acknowledges nothing";

  Peer polite;
  polite.Open();
  PatternSource again(3000, false);
  polite.host.Attach(polite.id, &again);
  polite.Replies();
  EXPECT_TRUE(polite.Send({.ack = 3001}).progressed);
  const Delivery last = polite.Send({.flags = kRst});
  EXPECT_TRUE(last.closed && last.reset && last.all_acknowledged);
  EXPECT_EQ(polite.host.Info(polite.id).acknowledged, 3000u) << "readable until the next call";
  EXPECT_FALSE(polite.host.Alive(polite.id));
}

TEST(Reset, InsideTheWindowButNotAtItsEdgeIsChallenged) {
  Peer peer;
  peer.Open();
  EXPECT_EQ(peer.Send({.seq = 2, .flags = kRst}).drop, Drop::kTcpResetUnacceptable);
  const auto challenge = peer.Reply();
  ASSERT_TRUE(challenge);
  EXPECT_EQ(challenge->segment.ack, kPeerIss + 1);
  EXPECT_EQ(peer.Send({.seq = 70'000, .flags = kRst}).drop, Drop::kTcpOutOfWindow);
  EXPECT_FALSE(peer.Reply());
  EXPECT_EQ(peer.state(), State::kEstablished);
}

TEST(Challenges, StopAtTheLimitAndBeginAgainASecondLater) {
  Settings settings;
  settings.challenge_acks_per_second = 3;
  Peer peer(settings);
  peer.Open();
  for (int i = 0; i < 3; ++i) {
    peer.Send({.seq = 2, .flags = kSyn});
    EXPECT_TRUE(peer.Reply());
  }
  EXPECT_EQ(peer.Send({.seq = 2, .flags = kSyn}).drop, Drop::kTcpChallengeLimited);
  EXPECT_FALSE(peer.Reply());
  peer.Wait(seconds(1));
  EXPECT_EQ(peer.Send({.seq = 2, .flags = kSyn}).drop, Drop::kTcpSynInWindow);
  EXPECT_TRUE(peer.Reply());
}

// A machine that was reset comes back with the same ports (FIRMWARE): challenge, reset, open.
TEST(Challenges, LetAMachineThatRestartedInOnceItHasAnswered) {
  Peer peer;
  peer.Open();
  peer.Send({.seq = 100'000, .flags = kSyn});
  const auto challenge = peer.Reply();
  ASSERT_TRUE(challenge);
  const Delivery d = peer.Send({.seq = challenge->segment.ack - kPeerIss, .flags = kRst});
  EXPECT_TRUE(d.closed && d.reset);
  EXPECT_TRUE(peer.Send({.seq = 100'000, .flags = kSyn}).connection.valid());
  EXPECT_TRUE(peer.Reply()->segment.flags.syn);
}

// The same, reset before it had answered our SYN-ACK.
TEST(Challenges, LetAMachineThatRestartedInSynReceivedInOnceItHasAnswered) {
  Peer peer;
  ASSERT_TRUE(peer.Send({.flags = kSyn}).connection.valid());
  ASSERT_TRUE(peer.Reply());
  peer.Send({.seq = -100'000, .flags = kSyn});
  for (const auto& reply : peer.Replies()) {
    ASSERT_TRUE(reply.segment.flags.ack);
    peer.Send({.seq = reply.segment.ack - kPeerIss, .flags = kRst});
  }
  EXPECT_EQ(peer.host.connections(), 0u);
  peer.Wait(seconds(3));
  EXPECT_TRUE(peer.Send({.seq = -100'000, .flags = kSyn}).connection.valid());
  const auto syn_ack = peer.Reply();
  ASSERT_TRUE(syn_ack);
  EXPECT_EQ(syn_ack->segment.ack, kPeerIss - 100'000 + 1);
}

// Brings the host into TIME-WAIT: it finishes first.
void CloseFirst(Peer& peer, const Options& options = {}) {
  PatternSource none(0);
  peer.host.Attach(peer.id, &none);
  ASSERT_THAT(peer.Replies(), SizeIs(1));
  EXPECT_EQ(peer.state(), State::kFinWait1);
  peer.Send({.ack = 2, .options = options});
  const Delivery d = peer.Send({.ack = 2, .flags = kFinAck, .options = options});
  EXPECT_TRUE(d.closed && d.finished && d.all_acknowledged && !d.reset);
  const auto last = peer.Reply();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->segment.ack, kPeerIss + 2);
  EXPECT_EQ(peer.host.connections(), 0u);
  ASSERT_EQ(peer.host.time_waits(), 1u);
}

TEST(TimeWait, AcknowledgesTheFinAgainAndStaysAsLongAsItComes) {
  Peer peer;
  peer.Open();
  CloseFirst(peer);
  peer.Wait(seconds(59));
  EXPECT_EQ(peer.Send({.ack = 2, .flags = kFinAck}).drop, Drop::kTcpTimeWait);
  EXPECT_TRUE(peer.Reply());
  peer.Wait(seconds(59));
  EXPECT_EQ(peer.host.time_waits(), 1u) << "the FIN restarted it";
  peer.Wait(seconds(2));
  EXPECT_EQ(peer.host.time_waits(), 0u);
}

TEST(TimeWait, IsNotAssassinatedByAReset) {
  Peer peer;
  peer.Open();
  CloseFirst(peer);
  peer.Send({.seq = 2, .flags = kRst});
  EXPECT_EQ(peer.host.time_waits(), 1u);
  EXPECT_FALSE(peer.Reply());
}

// Firmware after a reset: same ports, a lower sequence number, no timestamps. It must be in with
// its first retry.
TEST(TimeWait, LetsAMachineThatRestartedInOnceItHasAnswered) {
  Peer peer;
  peer.Open();
  CloseFirst(peer);
  EXPECT_FALSE(peer.Send({.seq = -100'000, .flags = kSyn}).connection.valid());
  const auto ack = peer.Reply();
  ASSERT_TRUE(ack);
  EXPECT_EQ(peer.host.time_waits(), 1u);
  // RFC 9293 3.10.7.3: in SYN-SENT an unacceptable ACK is answered by <SEQ=SEG.ACK><CTL=RST>.
  const std::int32_t exact = ack->segment.ack - kPeerIss;
  peer.Send({.seq = exact + 1, .flags = kRst});
  EXPECT_EQ(peer.host.time_waits(), 1u) << "not the exact number";
  peer.Send({.seq = exact, .flags = kRst});
  EXPECT_EQ(peer.host.time_waits(), 0u);
  EXPECT_FALSE(peer.Reply());
  peer.Wait(seconds(3));
  EXPECT_TRUE(peer.Send({.seq = -100'000, .flags = kSyn}).connection.valid());
  EXPECT_TRUE(peer.Reply()->segment.flags.syn);
}

TEST(TimeWait, IsNotEndedByAResetAfterAnythingElse) {
  Peer peer;
  peer.Open();
  CloseFirst(peer);
  peer.Send({.seq = -100'000, .flags = kSyn});
  ASSERT_TRUE(peer.Reply());
  peer.Send({.ack = 2, .flags = kFinAck});
  const auto ack = peer.Reply();
  ASSERT_TRUE(ack);
  peer.Send({.seq = ack->segment.ack - kPeerIss, .flags = kRst});
  EXPECT_EQ(peer.host.time_waits(), 1u);
}

TEST(TimeWait, GivesWayToANewerSynWithALargerSequenceNumberOfOurOwn) {
  Peer peer;
  peer.Open();
  CloseFirst(peer);
  const SeqNum old = peer.iss;
  EXPECT_FALSE(peer.Send({.seq = 2, .flags = kSyn}).connection.valid());
  EXPECT_TRUE(peer.Reply()->segment.flags.ack) << "not newer: answered as an old segment";
  EXPECT_TRUE(peer.Send({.seq = 3, .flags = kSyn}).connection.valid());
  const auto syn_ack = peer.Reply();
  ASSERT_TRUE(syn_ack && syn_ack->segment.flags.syn);
  EXPECT_TRUE(syn_ack->segment.seq.After(old + 0xffff));
  EXPECT_EQ(peer.host.time_waits(), 0u);
  EXPECT_EQ(peer.host.counters().time_wait_reused, 1u);
}

TEST(TimeWait, GivesWayByTimestampWhereTheSequenceNumberIsSmaller) {
  Peer peer;
  peer.Open({.mss = 1460, .timestamps = Timestamps{1000, 0}});
  CloseFirst(peer, {.timestamps = Timestamps{1001, 1}});
  EXPECT_FALSE(
      peer.Send({.seq = -9000, .flags = kSyn, .options = {.timestamps = Timestamps{1001, 0}}})
          .connection.valid());
  peer.Replies();
  EXPECT_TRUE(
      peer.Send({.seq = -9000, .flags = kSyn, .options = {.timestamps = Timestamps{1002, 0}}})
          .connection.valid());
}

// All cases of RFC 6191 2, each with a sequence number below, at and above RCV.NXT. Where the old
// connection had no timestamps and the SYN has, it opens whatever its number (firmware first, then
// an operating system on the same port): what is left of the old one lacks them, and is refused.
TEST(TimeWait, GivesWayInTheCasesOfRfc6191AndInNoOther) {
  enum class Stamp : std::uint8_t { kNone, kOlder, kSame, kNewer };
  const struct {
    bool stamped;       // the old connection
    Stamp stamp;        // of the SYN
    const char* opens;  // below, at, above
    bool ours = true;   // timestamps are ours to agree on
  } kCases[] = {
      {true, Stamp::kNewer, "yyy"},         {true, Stamp::kSame, "nny"},
      {true, Stamp::kOlder, "nnn"},         {true, Stamp::kNone, "nny"},
      {false, Stamp::kNewer, "yyy"},        {false, Stamp::kNone, "nny"},
      {false, Stamp::kNewer, "nny", false}, {false, Stamp::kNone, "nny", false},
  };
  constexpr std::uint32_t kLast = 0xffffffff;  // of the old connection: what is newer wraps
  for (const auto& c : kCases) {
    for (int at = 0; at < 3; ++at) {
      Settings settings;
      settings.timestamps = c.ours;
      Peer peer(settings);
      Options open{.mss = 1460};
      Options close;
      if (c.stamped) {
        open.timestamps = Timestamps{.value = kLast - 1, .echo = 0};
        close.timestamps = Timestamps{.value = kLast, .echo = 1};
      }
      peer.Open(open);
      CloseFirst(peer, close);
      Options syn;
      if (c.stamp != Stamp::kNone) {
        syn.timestamps =
            Timestamps{.value = kLast + static_cast<std::uint32_t>(c.stamp) - 2, .echo = 0};
      }
      constexpr std::array<std::int64_t, 3> kSeqs = {-0x7fffff00, 2, 3};
      const auto d =
          peer.Send({.seq = kSeqs[static_cast<std::size_t>(at)], .flags = kSyn, .options = syn});
      EXPECT_EQ(d.connection.valid(), c.opens[at] == 'y')
          << c.stamped << static_cast<int>(c.stamp) << c.ours << at;
      const auto reply = peer.Reply();
      ASSERT_TRUE(reply) << "the others are answered as old segments";
      EXPECT_EQ(reply->segment.flags.syn, c.opens[at] == 'y');
    }
  }
}

TEST(TimeWait, KeepsTheYoungestWhenItsTableIsFull) {
  Settings settings;
  settings.time_wait_max = 2;
  Peer peer(settings);
  for (int i = 0; i < 4; ++i) {
    peer.Open();
    PatternSource none(0);
    peer.host.Attach(peer.id, &none);
    peer.Replies();
    peer.Send({.ack = 2, .flags = kFinAck});
    peer.Replies();
    EXPECT_EQ(peer.host.time_waits(), 1u);
    peer.Wait(seconds(61));
  }
  EXPECT_EQ(peer.host.Deadline(), kNever);
}

TEST(Close, FromBothSidesAtOnceEndsInTimeWaitOnBoth) {
  Wire wire;
  PatternSource a(500), b(500);
  wire.client.on_open = [&](End&) {};
  wire.Open();
  wire.RunFor(milliseconds(100));
  wire.Attach(wire.client, &a);
  wire.Attach(wire.server, &b);
  wire.RunFor(seconds(2));
  EXPECT_TRUE(wire.client.finished && wire.server.finished);
  EXPECT_EQ(wire.client.host.time_waits(), 1u);
  EXPECT_EQ(wire.server.host.time_waits(), 1u);
  EXPECT_EQ(wire.client.received.size() + wire.server.received.size(), 1000u);
}

TEST(Close, DiscardsLateTextAndResetsOnceOurOwnIsSafe) {
  Peer peer;
  peer.Open();
  PatternSource source(100);
  peer.host.Attach(peer.id, &source);
  peer.host.Close(peer.id);
  ASSERT_THAT(peer.Replies(), SizeIs(1));
  EXPECT_EQ(peer.Send({.text = 10}).drop, Drop::kTcpTextAfterClose);
  EXPECT_EQ(peer.text, 0u);
  const auto ack = peer.Reply();
  ASSERT_TRUE(ack && !ack->segment.flags.rst) << "a reset could cost the peer our last bytes";
  const Delivery d = peer.Send({.seq = 11, .ack = 102, .text = 10});
  EXPECT_TRUE(d.closed);
  const auto reset = peer.Reply();
  ASSERT_TRUE(reset && reset->segment.flags.rst);
}

TEST(Close, WaitsOnlySoLongForAPeerThatNeverFinishes) {
  Peer peer;
  peer.Open();
  peer.host.Close(peer.id);
  ASSERT_THAT(peer.Replies(), SizeIs(1));
  peer.Send({.ack = 2});
  EXPECT_EQ(peer.state(), State::kFinWait2);
  peer.Wait(seconds(61));
  EXPECT_THAT(peer.expired, ElementsAre(Expiry::kLinger));
  EXPECT_EQ(peer.host.connections(), 0u);
}

TEST(Abort, SendsAResetThatThePeerMustBelieve) {
  Peer peer;
  peer.Open();
  PatternSource source(100, false);
  peer.host.Attach(peer.id, &source);
  peer.Replies();
  peer.host.Abort(peer.id);
  const auto reset = peer.Reply();
  ASSERT_TRUE(reset && reset->segment.flags.rst);
  EXPECT_EQ(peer.Offset(reset->segment.seq), 101);
}

}  // namespace
}  // namespace slipway::tcp
