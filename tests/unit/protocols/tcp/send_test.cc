// SPDX-License-Identifier: Apache-2.0
//
// What leaves, when, and how much of it: windows, retransmission, recovery, probes, limits.
#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;
using testing::SizeIs;

std::uint64_t BytesOf(const std::vector<Outgoing>& all) {
  std::uint64_t bytes = 0;
  for (const Outgoing& out : all) bytes += out.length;
  return bytes;
}

TEST(Send, BeginsWithTenSegmentsAndGrowsByTwoForEachAck) {
  Peer peer;
  peer.Open();
  PatternSource source(1'000'000);
  peer.host.Attach(peer.id, &source);
  const auto first = peer.Replies();
  EXPECT_THAT(first, SizeIs(10));
  EXPECT_THAT(first, Each(Field(&Outgoing::length, 1460u)));
  EXPECT_EQ(first.back().offset, 9u * 1460);
  peer.Send({.ack = 1 + 2 * 1460});
  EXPECT_THAT(peer.Replies(), SizeIs(4));
}

int SegmentsOfTheNextTurn(Peer& peer) {
  int segments = 0;
  const auto id = peer.host.NextReady();
  while (id && peer.host.Emit(*id, peer.now)) ++segments;
  return segments;
}

TEST(Send, NeverLeavesMoreThanATurnBeforeTheNextConnectionsTurn) {
  Settings settings;
  settings.initial_window_segments = 40;
  for (const milliseconds round_trip : {milliseconds(0), milliseconds(1), milliseconds(2)}) {
    Peer peer(settings);
    peer.round_trip = round_trip;
    peer.Open();
    PatternSource source(1'000'000);
    peer.host.Attach(peer.id, &source);
    // The first window is not paced (RFC 6928), but somebody further away gets it in small turns.
    const int most = round_trip > milliseconds(1) ? 16 : 32;
    EXPECT_EQ(SegmentsOfTheNextTurn(peer), most) << round_trip.count();
    EXPECT_EQ(SegmentsOfTheNextTurn(peer), std::min(most, 40 - most));
    EXPECT_EQ(SegmentsOfTheNextTurn(peer), most == 32 ? 0 : 8);
    EXPECT_EQ(SegmentsOfTheNextTurn(peer), 0);
    EXPECT_FALSE(peer.host.NextReady());
  }
}

// Whoever lost something has short turns until all that was under way then has arrived.
TEST(Send, ALossShortensTurnsUntilItIsRepaired) {
  Settings settings;
  settings.initial_window_segments = 60;
  Peer peer(settings);
  peer.Open({.mss = 1460, .window_scale = 2});
  PatternSource source(1'000'000);
  peer.host.Attach(peer.id, &source);
  ASSERT_EQ(SegmentsOfTheNextTurn(peer), 32);
  ASSERT_EQ(SegmentsOfTheNextTurn(peer), 28);
  for (int duplicates = 0; duplicates < 59; ++duplicates) peer.Send({.ack = 1});
  EXPECT_EQ(SegmentsOfTheNextTurn(peer), 16) << "the first again, and fifteen new ones";
  while (SegmentsOfTheNextTurn(peer) != 0) {
  }
  // The window, which a repair leaves small, grows by two segments for each acknowledgment.
  int longest = 0;
  for (int acknowledgments = 0; acknowledgments < 15; ++acknowledgments) {
    const Info info = peer.Info();
    peer.Send({.ack = static_cast<std::int64_t>(1 + info.acknowledged + info.outstanding)});
    longest = std::max(longest, SegmentsOfTheNextTurn(peer));
  }
  EXPECT_GT(longest, 16);
  EXPECT_EQ(peer.Info().timeouts, 0u);
}

TEST(Send, SaysWithTheLastSegmentThatATurnIsOver) {
  Settings settings;
  settings.initial_window_segments = 36;
  Peer peer(settings);
  peer.Open();
  PatternSource source(1'000'000);
  peer.host.Attach(peer.id, &source);
  const auto id = peer.host.NextReady();
  ASSERT_TRUE(id);
  for (int i = 1; i <= 32; ++i) {
    const auto out = peer.host.Emit(*id, peer.now);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->source, &source);
    EXPECT_EQ(out->turn_over, i == 32) << i;
    EXPECT_EQ(peer.host.has_ready(), i == 32) << "in line again: " << i;
  }
  EXPECT_FALSE(peer.host.Emit(*id, peer.now)) << "whoever asks all the same";
  const auto rest = peer.Replies();
  ASSERT_THAT(rest, SizeIs(4));
  EXPECT_FALSE(rest.back().turn_over) << "the window ended it, not the turn";
}

TEST(Send, MakesSuperSegmentsOfWholeSegmentsForAPortThatSplitsThem) {
  Peer peer;
  peer.payload_max = 64'000;
  peer.Open();
  PatternSource source(12'000);
  peer.host.Attach(peer.id, &source);
  const auto all = peer.Replies();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].length, 12'000u) << "the end of the text may be a partial segment";
  EXPECT_EQ(all[0].mss, 1460);
  EXPECT_TRUE(all[0].segment.flags.fin && all[0].segment.flags.psh);

  Peer limited;
  limited.payload_max = 64'000;
  limited.Open({.mss = 1460}, 10'000);
  PatternSource more(100'000);
  limited.host.Attach(limited.id, &more);
  const auto cut = limited.Replies();
  ASSERT_FALSE(cut.empty());
  EXPECT_EQ(cut[0].length, 6u * 1460);
}

TEST(Send, ScalesThePeersWindowButNotTheOneInItsSyn) {
  Settings settings;
  settings.initial_window_segments = 100;
  Peer peer(settings);
  peer.Send({.seq = 0, .flags = kSyn, .window = 2920, .options = {.mss = 1460, .window_scale = 6}});
  peer.iss = peer.Reply()->segment.seq;
  peer.Send({.window = 100});
  EXPECT_EQ(peer.host.Info(peer.id).peer_window, 6400u);
  PatternSource source(100'000);
  peer.host.Attach(peer.id, &source);
  EXPECT_EQ(BytesOf(peer.Replies()), 4u * 1460) << "no silly 560 bytes behind them";
}

// The peer's second copy of its own lost text tells how full it is: its sequence number is older
// than the one that last told a window (RFC 9293 3.10.7.4), but its acknowledgment is newer.
TEST(Send, BelievesTheWindowOfWhateverAcknowledgesMore) {
  Peer peer;
  peer.Open({.mss = 1460}, 16'000);
  PatternSource source(100'000);
  peer.host.Attach(peer.id, &source);
  ASSERT_EQ(BytesOf(peer.Replies()), 14'600u);
  peer.Send({.seq = 1461, .window = 16'000, .text = 1460});
  peer.Replies();
  peer.Send({.seq = 1, .ack = 14'601, .window = 1400, .text = 1460});
  EXPECT_EQ(peer.host.Info(peer.id).peer_window, 1400u);
  EXPECT_LE(BytesOf(peer.Replies()), 1400u);
}

TEST(Send, KeepsToThePeersMssAndToOursAndToTheDefault) {
  for (const auto& [offer, expected] : {std::pair(std::optional<std::uint16_t>(1220), 1220),
                                        std::pair(std::optional<std::uint16_t>(9000), 1460),
                                        std::pair(std::optional<std::uint16_t>(), 536),
                                        std::pair(std::optional<std::uint16_t>(0), 216)}) {
    Peer peer;
    peer.Open({.mss = offer});
    EXPECT_EQ(peer.host.Info(peer.id).mss, expected);
  }
}

TEST(Send, EndsWithFinOnTheLastSegmentAndReleasesWhatIsAcknowledged) {
  Peer peer;
  peer.Open();
  PatternSource source(2000);
  peer.host.Attach(peer.id, &source);
  const auto all = peer.Replies();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_TRUE(all[1].segment.flags.fin);
  peer.Send({.ack = 1461});
  EXPECT_EQ(source.released(), 1460u);
  peer.Send({.ack = 2002});
  EXPECT_EQ(source.released(), 2000u);
  EXPECT_EQ(peer.state(), State::kFinWait2);
  EXPECT_EQ(peer.host.Info(peer.id).acknowledged, 2000u);
}

TEST(Send, SendsTheFinAloneWhenTheSourceFinishesLater) {
  Peer peer;
  peer.Open();
  PatternSource source(100, false);
  peer.host.Attach(peer.id, &source);
  EXPECT_FALSE(peer.Replies().at(0).segment.flags.fin);
  source.Grow(0, true);
  peer.host.Wake(peer.id);
  const auto fin = peer.Reply();
  ASSERT_TRUE(fin);
  EXPECT_TRUE(fin->segment.flags.fin);
  EXPECT_EQ(fin->length, 0u);
  EXPECT_EQ(peer.Offset(fin->segment.seq), 101);
}

Settings WithoutProbes() {
  Settings settings;
  settings.tail_loss_probe = false;
  return settings;
}

TEST(Timeout, SendsTheOldestAgainAndDoublesItsDelay) {
  Peer peer(WithoutProbes());
  peer.Open();
  PatternSource source(3000, false);
  peer.host.Attach(peer.id, &source);
  ASSERT_THAT(peer.Replies(), SizeIs(3));
  Duration last{};
  for (int i = 0; i < 5; ++i) {
    const Time before = peer.now;
    const auto again = peer.WaitForReplies();
    ASSERT_THAT(again, SizeIs(1)) << "one segment: the window collapsed";
    EXPECT_EQ(again[0].offset, 0u);
    EXPECT_TRUE(again[0].retransmission);
    const Duration waited = peer.now - before;
    if (i > 0) {
      EXPECT_NEAR(static_cast<double>(waited.count()), 2.0 * static_cast<double>(last.count()),
                  4e6);
    }
    last = waited;
  }
  // The acknowledgment of everything ends it: nothing is sent a second time needlessly.
  peer.Send({.ack = 3001});
  EXPECT_THAT(peer.Replies(), IsEmpty());
  EXPECT_EQ(peer.host.Info(peer.id).outstanding, 0u);
}

TEST(Timeout, WithoutEndMeansThatThePeerIsGone) {
  Settings settings = WithoutProbes();
  settings.data_retries = 3;
  Peer peer(settings);
  peer.Open();
  PatternSource source(3000, false);
  peer.host.Attach(peer.id, &source);
  peer.Replies();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(peer.WaitForReplies(), SizeIs(1));
  const auto last = peer.WaitForReplies();
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_TRUE(last[0].segment.flags.rst);
  EXPECT_THAT(peer.expired, ElementsAre(Expiry::kNoAnswer));
  EXPECT_EQ(peer.host.connections(), 0u);
}

TEST(Timeout, GoesOnInSlowStartFromWhereThePeerIs) {
  Peer peer(WithoutProbes());
  peer.Open();
  PatternSource source(14'600, false);
  peer.host.Attach(peer.id, &source);
  ASSERT_THAT(peer.Replies(), SizeIs(10));
  ASSERT_THAT(OffsetsOf(peer.WaitForReplies()), ElementsAre(0));
  // The peer held segments 2 to 4 already: it acknowledges them with the first.
  peer.Send({.ack = 1 + 4 * 1460});
  EXPECT_THAT(OffsetsOf(peer.Replies()), ElementsAre(4 * 1460, 5 * 1460, 6 * 1460));
}

// RFC 6582 section 3.2, with the losses of segments 1 and 4 of ten.
TEST(NewReno, RetransmitsOnTheThirdDuplicateAndOnEachPartialAck) {
  Peer peer;
  peer.Open();
  PatternSource source(1'000'000);
  peer.host.Attach(peer.id, &source);
  ASSERT_THAT(peer.Replies(), SizeIs(10));
  peer.Send({});
  EXPECT_THAT(OffsetsOf(peer.Replies()), ElementsAre(10 * 1460)) << "limited transmit";
  peer.Send({});
  EXPECT_THAT(OffsetsOf(peer.Replies()), ElementsAre(11 * 1460)) << "limited transmit";
  peer.Send({});
  const auto fast = peer.Replies();
  ASSERT_THAT(fast, SizeIs(1));
  EXPECT_EQ(fast[0].offset, 0u);
  EXPECT_TRUE(fast[0].retransmission);
  const Info info = peer.host.Info(peer.id);
  EXPECT_EQ(info.slow_start_threshold, 6u * 1460);
  EXPECT_EQ(info.congestion_window, 9u * 1460) << "ssthresh and three segments that left";
  for (int i = 0; i < 5; ++i) peer.Send({});
  EXPECT_THAT(OffsetsOf(peer.Replies()), ElementsAre(12 * 1460, 13 * 1460)) << "inflated to 14";
  peer.Send({.ack = 1 + 3 * 1460});
  const auto partial = peer.Replies();
  ASSERT_FALSE(partial.empty());
  EXPECT_EQ(partial[0].offset, 3u * 1460);
  peer.Send({.ack = 1 + 14 * 1460});
  EXPECT_LE(peer.host.Info(peer.id).congestion_window, 6u * 1460) << "deflated";
  EXPECT_EQ(peer.host.Info(peer.id).fast_recoveries, 1u);
}

TEST(NewReno, DoesNotTakeWindowUpdatesForDuplicates) {
  Peer peer;
  peer.Open();
  PatternSource source(14'600, false);
  peer.host.Attach(peer.id, &source);
  peer.Replies();
  for (std::uint16_t i = 0; i < 5; ++i) {
    peer.Send({.window = static_cast<std::uint16_t>(60'001 + i)});
  }
  EXPECT_THAT(peer.Replies(), IsEmpty());
}

TEST(Sack, SendsOnlyTheHolesAgain) {
  Settings settings;
  settings.initial_window_segments = 20;
  settings.turn_segments_max = 40;
  settings.paced_turn_segments_max = 40;
  Peer peer(settings);
  peer.round_trip = milliseconds(20);
  peer.Open({.mss = 1460, .sack_permitted = true});
  PatternSource source(20 * 1460, false);
  peer.host.Attach(peer.id, &source);
  ASSERT_THAT(peer.Replies(), SizeIs(20));
  peer.now += milliseconds(20);
  // Segments 2, 5 and 6 are lost.
  peer.Send({.ack = 1 + 2 * 1460, .options = peer.Sack({{3, 5}})});
  EXPECT_THAT(peer.Replies(), IsEmpty()) << "two segments above may be reordering";
  peer.Send({.ack = 1 + 2 * 1460, .options = peer.Sack({{7, 8}, {3, 5}})});
  EXPECT_THAT(OffsetsOf(peer.Replies()), ElementsAre(2 * 1460)) << "three above: lost";
  EXPECT_EQ(peer.host.Info(peer.id).fast_recoveries, 1u);
  std::vector<std::uint64_t> again;
  for (int last = 9; last <= 20; ++last) {
    peer.Send({.ack = 1 + 2 * 1460, .options = peer.Sack({{7, last}, {3, 5}})});
    for (const std::uint64_t offset : OffsetsOf(peer.Replies())) again.push_back(offset);
  }
  EXPECT_THAT(again, ElementsAre(5 * 1460, 6 * 1460)) << "each hole once, when the pipe has room";
  peer.Send({.ack = 1 + 20 * 1460});
  EXPECT_THAT(peer.Replies(), IsEmpty());
  EXPECT_EQ(peer.host.Info(peer.id).timeouts, 0u);
}

TEST(Sack, ForgetsWhatAPeerThatReneged) {
  Peer peer;
  peer.Open({.mss = 1460, .sack_permitted = true});
  PatternSource source(4 * 1460, false);
  peer.host.Attach(peer.id, &source);
  ASSERT_THAT(peer.Replies(), SizeIs(4));
  peer.Send({.options = peer.Sack({{1, 4}})});
  peer.Replies();
  peer.Send({.ack = 1 + 1460});  // acknowledges the hole alone: what it held is gone
  peer.Replies();
  const auto again = peer.WaitForReplies();
  EXPECT_THAT(OffsetsOf(again), ElementsAre(1460));
  peer.Send({.ack = 1 + 2 * 1460});
  EXPECT_THAT(OffsetsOf(peer.Replies()), ElementsAre(2 * 1460, 3 * 1460));
}

TEST(Sack, BlocksOfNonsenseChangeNothing) {
  Peer peer;
  peer.Open({.mss = 1460, .sack_permitted = true});
  PatternSource source(14'600, false);
  peer.host.Attach(peer.id, &source);
  peer.Replies();
  for (const auto& [start, end] : {std::pair(5, 5), std::pair(6, 5), std::pair(9, 11),
                                   std::pair(-3, 2), std::pair(100, 200)}) {
    peer.Send({.options = peer.Sack({{start, end}})});
  }
  EXPECT_THAT(peer.Replies(), IsEmpty());
  EXPECT_EQ(peer.host.Info(peer.id).fast_recoveries, 0u);
}

TEST(ZeroWindow, IsProbedWithOneByteAndDoublingDelayUntilItOpens) {
  Peer peer;
  peer.Open({.mss = 1460}, 0);
  PatternSource source(5000, false);
  peer.host.Attach(peer.id, &source);
  EXPECT_THAT(peer.Replies(), IsEmpty());
  Duration last{};
  for (int i = 0; i < 4; ++i) {
    const Time before = peer.now;
    const auto probe = peer.WaitForReplies();
    ASSERT_THAT(probe, SizeIs(1));
    EXPECT_EQ(probe[0].offset, 0u);
    EXPECT_EQ(probe[0].length, 1u);
    if (i > 0) {
      EXPECT_GT(peer.now - before, last * 3 / 2);
    }
    last = peer.now - before;
    peer.Send({.window = 0});
    EXPECT_THAT(peer.Replies(), IsEmpty());
  }
  EXPECT_EQ(peer.host.Info(peer.id).congestion_window, 14'600u) << "a closed window is no loss";
  peer.Send({.window = 60'000});
  EXPECT_EQ(BytesOf(peer.Replies()), 5000u);
}

TEST(ZeroWindow, ThatTakesTheProbesByteGoesOnBehindIt) {
  Peer peer;
  peer.Open({.mss = 1460}, 0);
  PatternSource source(5000, false);
  peer.host.Attach(peer.id, &source);
  peer.Replies();
  ASSERT_THAT(peer.WaitForReplies(), SizeIs(1));
  peer.Send({.ack = 2, .window = 60'000});
  const auto rest = peer.Replies();
  EXPECT_EQ(BytesOf(rest), 4999u);
  EXPECT_EQ(rest.at(0).offset, 1u);
}

TEST(ZeroWindow, HeldTooLongIsAStalledPeer) {
  Peer peer;
  peer.Open({.mss = 1460}, 0);
  PatternSource source(5000, false);
  peer.host.Attach(peer.id, &source);
  peer.Replies();
  for (int i = 0; i < 100 && peer.host.connections() != 0; ++i) {
    if (!peer.WaitForReplies().empty() && peer.host.connections() != 0) peer.Send({.window = 0});
    peer.Replies();
  }
  EXPECT_THAT(peer.expired, ElementsAre(Expiry::kStalled));
  EXPECT_NEAR(std::chrono::duration<double>(peer.now - At(seconds(1))).count(), 120.0, 1.0);
}

TEST(SillyWindow, IsLeftAloneUntilItIsWorthASegment) {
  Peer peer;
  peer.Open({.mss = 1460}, 3000);
  PatternSource source(100'000, false);
  peer.host.Attach(peer.id, &source);
  EXPECT_EQ(BytesOf(peer.Replies()), 2u * 1460) << "80 bytes more would be silly";
  peer.Send({.ack = 1 + 2 * 1460, .window = 400});
  EXPECT_THAT(peer.Replies(), IsEmpty());
  const auto forced = peer.WaitForReplies();
  ASSERT_THAT(forced, SizeIs(1)) << "but not for ever";
  EXPECT_EQ(forced[0].length, 400u);
}

TEST(SillyWindow, DoesNotHoldBackWhatGoesAgain) {
  Peer peer;
  peer.Open();
  PatternSource source(14'600);
  peer.host.Attach(peer.id, &source);
  ASSERT_EQ(BytesOf(peer.Replies()), 14'600u);
  peer.Send({.ack = 1 + 9 * 1460, .window = 700});  // it shrank; the tenth was lost
  EXPECT_THAT(peer.Replies(), IsEmpty());
  const auto again = peer.WaitForReplies();
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].offset, 9u * 1460);
  EXPECT_EQ(again[0].length, 700u);
}

TEST(PathMtu, MakesSegmentsSmallerAndSendsWhatWasLostAgain) {
  Peer peer;
  peer.Open();
  PatternSource source(2920, false);
  peer.host.Attach(peer.id, &source);
  ASSERT_THAT(peer.Replies(), SizeIs(2));
  peer.host.PathMtu(kServerTuple, 1400, peer.iss + 5000);
  EXPECT_THAT(peer.Replies(), IsEmpty()) << "quotes nothing in flight: forged";
  peer.host.PathMtu(kServerTuple, 1400, peer.iss + 1);
  const auto again = peer.Replies();
  EXPECT_THAT(OffsetsOf(again), ElementsAre(0, 1360, 2720));
  peer.host.PathMtu(kServerTuple, 68, peer.iss + 1);
  EXPECT_EQ(peer.host.Info(peer.id).mss, 216) << "not believed to the end";
  peer.host.PathMtu(kServerTuple, 1500, peer.iss + 1);
  EXPECT_EQ(peer.host.Info(peer.id).mss, 216) << "never larger";
}

// RFC 1122 4.2.3.9, RFC 5461: whatever the code, the connection goes on; what was said is
// remembered for as long as nothing contradicts it, and believed only about what is in flight.
TEST(Unreachable, IsASoftErrorThatIsRememberedUntilSomethingIsAcknowledged) {
  Peer peer;
  peer.Open();
  PatternSource source(5000, false);
  peer.host.Attach(peer.id, &source);
  ASSERT_THAT(peer.Replies(), SizeIs(4));
  peer.host.Unreachable(kServerTuple, peer.iss + 5001);
  peer.host.Unreachable(kServerTuple, peer.iss);
  FourTuple other = kServerTuple;
  other.remote_port = Port(9);
  peer.host.Unreachable(other, peer.iss + 1);
  EXPECT_FALSE(peer.Info().unreachable);
  peer.host.Unreachable(kServerTuple, peer.iss + 5000);
  EXPECT_TRUE(peer.Info().unreachable);
  EXPECT_EQ(peer.state(), State::kEstablished);
  peer.Send({.ack = 1461});
  EXPECT_FALSE(peer.Info().unreachable);
  peer.host.Unreachable(kServerTuple, peer.iss + 1461);
  std::optional<Expired> end;
  for (; !end; peer.now = std::max(peer.now, peer.host.Deadline())) {
    peer.Replies();
    end = peer.host.Expire(peer.now);
  }
  EXPECT_EQ(end->what, Expiry::kStalled);
  EXPECT_TRUE(peer.host.Info(end->connection).unreachable) << "when all was in vain it tells why";
}

TEST(PathMtu, OfARouterThatDoesNotSayItsMtuIsTheNextPlateau) {
  Peer peer;
  peer.Open();
  PatternSource source(2920, false);
  peer.host.Attach(peer.id, &source);
  peer.Replies();
  peer.host.PathMtu(kServerTuple, 0, peer.iss + 1);
  EXPECT_EQ(peer.host.Info(peer.id).mss, 1452);
}

TEST(Keepalive, AsksAnIdlePeerAndGivesUpOnASilentOne) {
  Settings settings;
  settings.keepalive_idle = seconds(10);
  settings.keepalive_interval = seconds(2);
  settings.keepalive_probes = 2;
  Peer peer(settings);
  peer.Open();
  const auto probe = peer.WaitForReplies();
  ASSERT_THAT(probe, SizeIs(1));
  EXPECT_EQ(peer.Offset(probe[0].segment.seq), 0) << "one below what the peer expects";
  peer.Send({});
  const Time answered = peer.now;
  ASSERT_THAT(peer.WaitForReplies(), SizeIs(1));
  EXPECT_GE(peer.now - answered, seconds(10)) << "an answer starts the count anew";
  ASSERT_THAT(peer.WaitForReplies(), SizeIs(1));
  peer.WaitForReplies();
  EXPECT_THAT(peer.expired, ElementsAre(Expiry::kKeepaliveFailed));
}

TEST(Idle, IsReportedAndLeftToTheService) {
  Peer peer;
  peer.Open();
  peer.Wait(seconds(80));
  EXPECT_THAT(peer.expired, ElementsAre(Expiry::kIdle));
  EXPECT_EQ(peer.state(), State::kEstablished);
}

TEST(RestartWindow, FollowsAPauseLongerThanTheTimeout) {
  Peer peer;
  peer.Open();
  PatternSource source(14'600, false);
  peer.host.Attach(peer.id, &source);
  peer.Replies();
  peer.Send({.ack = 14'601});
  for (int i = 0; i < 5; ++i) {
    source.Grow(peer.host.Info(peer.id).congestion_window, false);
    peer.host.Wake(peer.id);
    peer.now += milliseconds(10);
    for (const Outgoing& out : peer.Replies()) {
      peer.Send({.ack = static_cast<std::int64_t>(out.offset + out.length + 1)});
    }
  }
  EXPECT_GT(peer.host.Info(peer.id).congestion_window, 30'000u);
  peer.Wait(seconds(10));
  source.Grow(100'000, false);
  peer.host.Wake(peer.id);
  EXPECT_THAT(peer.Replies(), SizeIs(10));
}

}  // namespace
}  // namespace slipway::tcp
