// SPDX-License-Identifier: Apache-2.0
//
// Explicit congestion notification by the words of RFC 3168 6.1: every way it is asked for and
// granted, which segments say ECT, how marks are echoed, and what an echo does to the window.
#include "protocols/tcp/ecn.h"

#include <vector>

#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Flags kAsks{.syn = true, .ece = true, .cwr = true};
constexpr Flags kEcho{.ack = true, .ece = true};
constexpr std::uint32_t kMss = 1460;

// Every value of the two flags and of the IPv4 header's field.
struct Question {
  bool ece;
  bool cwr;
  Ecn ecn;
};
std::vector<Question> EveryQuestion() {
  std::vector<Question> all;
  for (const bool ece : {false, true}) {
    for (const bool cwr : {false, true}) {
      for (unsigned ecn = 0; ecn < 4; ++ecn) {
        all.push_back({ece, cwr, EcnOf(static_cast<std::uint8_t>(ecn))});
      }
    }
  }
  return all;
}

class EcnPeer : public Peer {
 public:
  using Peer::Peer;

  // The handshake with a SYN that asks; `source` is attached.
  void Agree(ByteSource& source, const Options& options = {.mss = 1460}) {
    Send({.seq = 0, .flags = kAsks, .options = options});
    const auto syn_ack = Reply();
    ASSERT_TRUE(syn_ack &&
                syn_ack->segment.flags == (Flags{.syn = true, .ack = true, .ece = true}));
    EXPECT_EQ(syn_ack->segment.ecn, Ecn::kNotCapable) << "never on a SYN-ACK";
    iss = syn_ack->segment.seq;
    now += milliseconds(1);
    ASSERT_TRUE(Send({}).opened);
    host.Attach(id, &source);
  }
  std::uint64_t window() const { return Info().congestion_window; }
};

Settings Unpaced() {
  Settings settings;
  settings.pacing = false;
  settings.tail_loss_probe = false;
  return settings;
}

std::vector<Ecn> EcnsOf(const std::vector<Outgoing>& all) {
  std::vector<Ecn> ecns;
  for (const Outgoing& out : all) ecns.push_back(out.segment.ecn);
  return ecns;
}

// --- The question and its answer ------------------------------------------------------------

TEST(Ecn, IsGrantedToExactlyTheSynThatAsksByBothFlagsAndComesUnmarked) {
  for (const bool allowed : {false, true}) {
    for (const bool flooded : {false, true}) {  // by a cookie
      for (const Question& q : EveryQuestion()) {
        Settings settings;
        settings.ecn = allowed;
        if (flooded) settings.syn_backlog_max = 0;
        EcnPeer peer(settings);
        PatternSource source(5000);
        peer.Send({.seq = 0,
                   .flags = {.syn = true, .ece = q.ece, .cwr = q.cwr},
                   .options = {.mss = 1460},
                   .ecn = q.ecn});
        const bool granted = allowed && q.ece && q.cwr && q.ecn == Ecn::kNotCapable;
        const auto reply = peer.Reply();
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->segment.flags, (Flags{.syn = true, .ack = true, .ece = granted}));
        EXPECT_EQ(reply->segment.ecn, Ecn::kNotCapable);
        peer.iss = reply->segment.seq;
        ASSERT_TRUE(peer.Send({}).opened);
        EXPECT_EQ(peer.Info().ecn, granted);
        EXPECT_EQ(peer.host.counters().ecn_agreed, granted ? 1u : 0u);
        peer.host.Attach(peer.id, &source);
        const auto text = peer.Replies();
        ASSERT_EQ(text.size(), 4u);
        EXPECT_THAT(EcnsOf(text), Each(granted ? Ecn::kCapable0 : Ecn::kNotCapable));
      }
    }
  }
}

// A Host that calls: its SYN, and what it makes of an answer.
class Caller {
 public:
  explicit Caller(const Settings& settings) : settings_(settings), host(settings_, entropy_) {
    id = *host.Connect({kServerAddress, Port(443), kClientAddress, Port(1024)}, now);
  }
  std::vector<Outgoing> Replies() {
    std::vector<Outgoing> all;
    while (const auto next = host.NextReady()) {
      while (const auto out = host.Emit(*next, now)) all.push_back(*out);
    }
    return all;
  }
  void Send(const Flags& flags, SeqNum ack, Ecn ecn = Ecn::kNotCapable) {
    host.Receive({.source = Port(1024),
                  .destination = Port(443),
                  .seq = kPeerIss,
                  .ack = ack,
                  .flags = flags,
                  .ecn = ecn,
                  .window = 60000,
                  .options = {},
                  .text = {}},
                 kServerTuple, now);
  }

 private:
  Settings settings_;
  SeededEntropy entropy_{3};

 public:
  Host host;
  ConnectionId id;
  Time now = At(seconds(1));
};

Settings Asking(bool asks) {
  Settings settings = Unpaced();
  settings.ecn_asked = asks;
  return settings;
}

TEST(Ecn, OfOursIsOnWithExactlyTheSynAckThatGrantsIt) {
  for (const bool asks : {false, true}) {
    for (const Question& q : EveryQuestion()) {
      Caller caller(Asking(asks));
      PatternSource source(5000);
      caller.host.Attach(caller.id, &source);
      const auto syn = caller.Replies();
      ASSERT_EQ(syn.size(), 1u);
      EXPECT_EQ(syn[0].segment.flags, (Flags{.syn = true, .ece = asks, .cwr = asks}));
      EXPECT_EQ(syn[0].segment.ecn, Ecn::kNotCapable) << "never on a SYN";
      caller.Send({.syn = true, .ack = true, .ece = q.ece, .cwr = q.cwr}, syn[0].segment.seq + 1,
                  q.ecn);
      const bool on = asks && q.ece && !q.cwr && q.ecn == Ecn::kNotCapable;
      const Info info = caller.host.Info(caller.id);
      EXPECT_EQ(info.state, State::kEstablished);
      EXPECT_EQ(info.ecn, on);
      EXPECT_EQ(info.marks_answered, 0u) << "the ECE of a SYN-ACK is no echo";
      for (const Outgoing& out : caller.Replies()) {
        EXPECT_EQ(out.segment.ecn, on && out.length != 0 ? Ecn::kCapable0 : Ecn::kNotCapable);
        EXPECT_FALSE(out.segment.flags.ece || out.segment.flags.cwr);
      }
    }
  }
}

TEST(Ecn, IsNotAskedForAgainByASynThatHadToBeRepeated) {
  Caller caller(Asking(true));
  const auto first = caller.Replies();
  ASSERT_EQ(first.size(), 1u);
  std::vector<Outgoing> second;
  while (second.empty() && caller.now < At(seconds(5))) {
    caller.now = caller.host.Deadline();
    ASSERT_FALSE(caller.host.Expire(caller.now));
    second = caller.Replies();
  }
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].segment.flags, kSyn);
  // The answer is one to the first: its marks are echoed, but what we send says nothing.
  caller.Send({.syn = true, .ack = true, .ece = true}, first[0].segment.seq + 1);
  PatternSource source(3000);
  caller.host.Attach(caller.id, &source);
  EXPECT_THAT(EcnsOf(caller.Replies()), Each(Ecn::kNotCapable));
  EXPECT_TRUE(caller.host.Info(caller.id).ecn);
  EXPECT_FALSE(caller.host.Info(caller.id).ect);
}

TEST(Ecn, IsNotGrantedAgainByASynAckThatHadToBeRepeated) {
  EcnPeer peer(Unpaced());
  peer.Send({.seq = 0, .flags = kAsks, .options = {.mss = 1460}});
  const auto first = peer.Reply();
  ASSERT_TRUE(first && first->segment.flags.ece);
  const auto again = peer.WaitForReplies();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].segment.flags, (Flags{.syn = true, .ack = true}));
  peer.iss = again[0].segment.seq;
  ASSERT_TRUE(peer.Send({}).opened);
  PatternSource source(3000);
  peer.host.Attach(peer.id, &source);
  EXPECT_THAT(EcnsOf(peer.Replies()), Each(Ecn::kNotCapable));
  // The peer may have heard the first alone: what it marks as ECN-capable is echoed.
  peer.Send({.text = 10, .ecn = Ecn::kExperienced});
  const auto ack = peer.Replies();
  ASSERT_EQ(ack.size(), 1u);
  EXPECT_TRUE(ack[0].segment.flags.ece);
  // But an echo is no news to who sent nothing that could be marked.
  const std::uint64_t window = peer.window();
  peer.Send({.seq = 11, .ack = 1461, .flags = kEcho});
  EXPECT_GE(peer.window(), window);
}

TEST(Ecn, EndsWhereTheSynComesAgainWithoutTheQuestion) {
  for (const bool asked_first : {false, true}) {
    EcnPeer peer(Unpaced());
    peer.Send({.seq = 0, .flags = asked_first ? kAsks : kSyn, .options = {.mss = 1460}});
    const auto first = peer.Reply();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->segment.flags.ece, asked_first);
    peer.Send({.seq = 0, .flags = asked_first ? kSyn : kAsks, .options = {.mss = 1460}});
    const auto second = peer.Reply();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->segment.flags, (Flags{.syn = true, .ack = true}));
    peer.iss = second->segment.seq;
    ASSERT_TRUE(peer.Send({}).opened);
    EXPECT_FALSE(peer.Info().ecn);
    PatternSource source(3000);
    peer.host.Attach(peer.id, &source);
    EXPECT_THAT(EcnsOf(peer.Replies()), Each(Ecn::kNotCapable));
    peer.Send({.text = 10, .ecn = Ecn::kExperienced});
    for (const Outgoing& out : peer.Replies()) EXPECT_FALSE(out.segment.flags.ece);
  }
}

TEST(Ecn, IsOnAfterASimultaneousOpenOnlyAsFarAsBothHaveAskedAndNeitherHasNot) {
  for (const bool asks : {false, true}) {
    for (const Question& q : EveryQuestion()) {
      Caller caller(Asking(asks));
      const auto syn = caller.Replies();
      ASSERT_EQ(syn.size(), 1u);
      caller.Send({.syn = true, .ece = q.ece, .cwr = q.cwr}, SeqNum(), q.ecn);
      const auto answer = caller.Replies();
      ASSERT_EQ(answer.size(), 1u);
      // Its SYN goes again inside of the SYN-ACK, and what goes again does not ask.
      EXPECT_EQ(answer[0].segment.flags, (Flags{.syn = true, .ack = true}));
      caller.Send({.syn = true, .ack = true}, syn[0].segment.seq + 1);
      EXPECT_EQ(caller.host.Info(caller.id).state, State::kEstablished);
      EXPECT_FALSE(caller.host.Info(caller.id).ect);
      EXPECT_FALSE(caller.host.Info(caller.id).ecn) << "the other's SYN-ACK did not grant it";
    }
  }
}

// --- What says ECT --------------------------------------------------------------------------

// RFC 3168 6.1.1, 6.1.4 to 6.1.6: of a whole conversation over a wire that loses, reorders and
// marks, both ways, nothing but new text says ECT.
TEST(Ecn, IsSaidByNewTextAndByNothingElse) {
  for (const bool sack : {false, true}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Settings client = Asking(true);
      client.sack = client.timestamps = sack;
      Settings server;
      server.sack = server.timestamps = sack;
      Wire wire(seed, client, server);
      wire.link = {.loss = 0.02, .reorder = 0.02, .duplicate = 0.01};
      SeededEntropy marks(seed);
      wire.mark_if = [&](const Crossing&) { return marks.Below(20) == 0; };
      PatternSource asks(200'000);
      PatternSource serves(400'000);
      wire.client.on_open = [&](End& end) { wire.Attach(end, &asks); };
      wire.server.on_open = [&](End& end) { wire.Attach(end, &serves); };
      for (End* end : {&wire.client, &wire.server}) {
        end->on_finish = [](End& ended) { ended.host.Close(ended.id); };
      }
      wire.Open();
      wire.RunFor(seconds(300));
      ASSERT_EQ(wire.client.received.size(), 400'000u);
      ASSERT_EQ(wire.server.received.size(), 200'000u);
      std::array<std::optional<SeqNum>, 2> next;
      std::size_t said = 0;
      for (const Crossing& c : wire.log) {
        std::optional<SeqNum>& end = next[c.from_client ? 1 : 0];
        const SeqNum last = c.segment.seq + static_cast<std::uint32_t>(c.text_size) +
                            (c.segment.flags.syn ? 1U : 0U);
        if (c.segment.ecn != Ecn::kNotCapable) {
          ASSERT_EQ(c.segment.ecn, Ecn::kCapable0);
          ASSERT_GT(c.text_size, 0u);
          ASSERT_FALSE(c.segment.flags.syn);
          ASSERT_TRUE(end && c.segment.seq.AtOrAfter(*end)) << "sent before";
          ++said;
        } else if (c.text_size > 1 && end && !c.segment.flags.rst) {
          // All of the new, unless the handshake had to go without the question.
          ASSERT_TRUE(c.segment.seq.Before(*end) || said == 0) << "new text that does not say it";
        }
        if (c.segment.flags.cwr && !c.segment.flags.syn) {
          ASSERT_EQ(c.segment.ecn, Ecn::kCapable0) << "CWR stands on new text";
        }
        if (!end || last.After(*end)) end = last;
      }
    }
  }
}

TEST(Ecn, IsNotSaidByAProbeOfAClosedWindow) {
  EcnPeer peer(Unpaced());
  PatternSource source(100'000);
  peer.Agree(source);
  const auto first = peer.Replies();
  ASSERT_FALSE(first.empty());
  const auto sent = static_cast<std::int64_t>(first.size() * kMss);
  peer.Send({.ack = 1 + sent, .window = 0});
  ASSERT_THAT(peer.Replies(), IsEmpty());
  const auto probe = peer.WaitForReplies();
  ASSERT_EQ(probe.size(), 1u);
  EXPECT_EQ(probe[0].length, 1u);
  EXPECT_FALSE(probe[0].retransmission) << "it is new";
  EXPECT_EQ(probe[0].segment.ecn, Ecn::kNotCapable);
}

// --- Marks that arrive ----------------------------------------------------------------------

TEST(Ecn, EchoesAMarkUntilTheSenderSaysThatItHasReduced) {
  EcnPeer peer(Unpaced());
  PatternSource source(0, false);
  peer.Agree(source);
  std::int64_t at = 1;
  const auto send = [&](bool marked, bool cwr) {
    peer.Send({.seq = at,
               .flags = {.ack = true, .cwr = cwr},
               .text = 100,
               .ecn = marked ? Ecn::kExperienced : Ecn::kCapable0});
    at += 100;
    peer.Wait(milliseconds(50));  // the delayed acknowledgment
    const auto all = peer.Replies();
    EXPECT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].segment.ecn, Ecn::kNotCapable) << "never on an acknowledgment";
    return all[0].segment.flags.ece;
  };
  EXPECT_FALSE(send(false, false));
  EXPECT_TRUE(send(true, false));
  EXPECT_TRUE(send(false, false));
  EXPECT_TRUE(send(false, false));
  EXPECT_FALSE(send(false, true));
  EXPECT_FALSE(send(false, false));
  EXPECT_TRUE(send(true, false));
  EXPECT_TRUE(send(true, true)) << "reduced for the last mark, and marked anew";
  EXPECT_TRUE(send(false, false));
  EXPECT_FALSE(send(false, true));
  EXPECT_EQ(peer.Info().marks, 3u);
}

TEST(Ecn, TellsTheFirstMarkAtOnceAndLaterOnesWithTheAcknowledgmentThatIsDueAnyway) {
  EcnPeer peer(Unpaced());
  PatternSource source(0, false);
  peer.Agree(source);
  peer.Send({.seq = 1, .text = 100, .ecn = Ecn::kExperienced});
  EXPECT_EQ(peer.Replies().size(), 1u);
  peer.Send({.seq = 101, .text = 100, .ecn = Ecn::kExperienced});
  EXPECT_THAT(peer.Replies(), IsEmpty());
}

// RFC 3168 6.1.5: nobody outside of the window may slow us down.
TEST(Ecn, TakesNoMarkFromWhatIsOutsideOfTheWindow) {
  EcnPeer peer(Unpaced());
  PatternSource source(0, false);
  peer.Agree(source);
  peer.Send({.seq = 1, .text = 100});
  static_cast<void>(peer.Replies());
  peer.Send({.seq = 1, .text = 100, .ecn = Ecn::kExperienced});
  peer.Send({.seq = 1'000'000, .text = 100, .ecn = Ecn::kExperienced});
  EXPECT_EQ(peer.Info().marks, 0u);
  for (const Outgoing& out : peer.Replies()) EXPECT_FALSE(out.segment.flags.ece);
}

// --- Echoes that arrive ---------------------------------------------------------------------

// Lets the window grow to at least `bytes`, everything of it acknowledged; returns the position.
std::int64_t Grow(EcnPeer& peer, std::uint64_t bytes) {
  std::int64_t una = 1;
  while (peer.window() < bytes) {
    std::int64_t end = una;
    for (const Outgoing& out : peer.Replies()) {
      end = std::max(end, static_cast<std::int64_t>(out.offset + out.length + 1));
    }
    peer.now += milliseconds(1);
    for (; una < end; una = std::min<std::int64_t>(una + 2 * kMss, end)) {
      peer.Send({.ack = std::min<std::int64_t>(una + 2 * kMss, end)});
    }
  }
  return una;
}

struct Algorithm {
  bool cubic;
  double beta;
};

TEST(Ecn, AnEchoReducesOnceInAWindowByWhatALossWouldAndResendsNothing) {
  for (const Algorithm algorithm : {Algorithm{false, 0.5}, Algorithm{true, 0.7}}) {
    EcnPeer peer(Unpaced());
    PatternSource source(10'000'000);
    peer.Agree(source, {.mss = 1460, .sack_permitted = algorithm.cubic});
    const std::int64_t una = Grow(peer, 30'000);
    const auto flight = peer.Replies();
    ASSERT_GE(flight.size(), 16u);
    EXPECT_THAT(EcnsOf(flight), Each(Ecn::kCapable0));
    const auto outstanding = static_cast<double>(peer.Info().outstanding);
    peer.Send({.ack = una + kMss, .flags = kEcho});
    const std::uint64_t reduced = peer.window();
    EXPECT_NEAR(static_cast<double>(reduced), algorithm.beta * outstanding, 2.0 * kMss);
    EXPECT_EQ(peer.Info().slow_start_threshold, reduced);
    EXPECT_EQ(peer.Info().marks_answered, 1u);
    // Nothing new may leave into the smaller window, and no other echo of the same flight counts:
    // not one, and none of them lets the window grow.
    std::int64_t acked = una + kMss;
    const std::int64_t end = una + static_cast<std::int64_t>(outstanding);
    std::vector<Outgoing> fresh;
    while (acked < end) {
      acked = std::min<std::int64_t>(acked + 2 * kMss, end);
      peer.Send({.ack = acked, .flags = kEcho});
      EXPECT_EQ(peer.window(), reduced);
      for (const Outgoing& out : peer.Replies()) fresh.push_back(out);
    }
    EXPECT_EQ(peer.Info().marks_answered, 1u);
    // CWR on the first new segment alone.
    ASSERT_GT(fresh.size(), 2u);
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      EXPECT_FALSE(fresh[i].retransmission);
      EXPECT_EQ(fresh[i].segment.flags.cwr, i == 0) << i;
      EXPECT_EQ(fresh[i].segment.ecn, Ecn::kCapable0);
    }
    // What was sent since, echoed again, is the next window's.
    peer.Send({.ack = end + kMss, .flags = kEcho});
    EXPECT_EQ(peer.Info().marks_answered, 2u);
    EXPECT_LT(peer.window(), reduced);
    EXPECT_EQ(peer.Info().retransmissions, 0u);
    EXPECT_EQ(peer.Info().fast_recoveries, 0u);
  }
}

TEST(Ecn, AnEchoThatAcknowledgesEverythingLeavesTheSameShare) {
  for (const Algorithm algorithm : {Algorithm{false, 0.5}, Algorithm{true, 0.7}}) {
    EcnPeer peer(Unpaced());
    PatternSource source(10'000'000);
    peer.Agree(source, {.mss = 1460, .sack_permitted = algorithm.cubic});
    const std::int64_t una = Grow(peer, 30'000);
    static_cast<void>(peer.Replies());
    const auto outstanding = static_cast<std::int64_t>(peer.Info().outstanding);
    peer.Send({.ack = una + outstanding, .flags = kEcho});
    EXPECT_NEAR(static_cast<double>(peer.window()),
                algorithm.beta * static_cast<double>(outstanding), 2.0 * kMss);
  }
}

TEST(Ecn, CwrStandsOnOneSegmentAlsoWhereRunsAreAskedFor) {
  EcnPeer peer(Unpaced());
  peer.payload_max = 16 * kMss;
  PatternSource source(10'000'000);
  peer.Agree(source);
  const std::int64_t una = Grow(peer, 30'000);
  static_cast<void>(peer.Replies());
  const auto end = una + static_cast<std::int64_t>(peer.Info().outstanding);
  peer.Send({.ack = una + kMss, .flags = kEcho});
  peer.Send({.ack = end});
  const auto fresh = peer.Replies();
  ASSERT_GE(fresh.size(), 2u);
  EXPECT_EQ(fresh[0].length, kMss);
  EXPECT_TRUE(fresh[0].segment.flags.cwr);
  EXPECT_GT(fresh[1].length, kMss);
  EXPECT_FALSE(fresh[1].segment.flags.cwr);
}

TEST(Ecn, ALossInAWindowThatAnEchoHasReducedIsRepairedAndReducesNothingMore) {
  for (const bool sack : {false, true}) {
    EcnPeer peer(Unpaced());
    PatternSource source(10'000'000);
    peer.Agree(source, {.mss = 1460, .sack_permitted = sack});
    const std::int64_t una = Grow(peer, 30'000);
    const auto first = static_cast<int>((una - 1) / kMss);
    ASSERT_EQ((una - 1) % kMss, 0);
    ASSERT_GE(peer.Replies().size(), 10u);
    peer.Send({.ack = una, .flags = kEcho, .window = 59'000});
    const std::uint64_t reduced = peer.Info().slow_start_threshold;
    ASSERT_EQ(peer.Info().marks_answered, 1u);
    for (int i = 1; i <= 4; ++i) {
      peer.Send({.ack = una,
                 .flags = kEcho,
                 .window = 59'000,
                 .options = sack ? peer.Sack({{first + 1, first + 1 + i}}) : Options{}});
    }
    EXPECT_EQ(peer.Info().fast_recoveries, 1u);
    EXPECT_EQ(peer.Info().slow_start_threshold, reduced);
    const auto again = peer.Replies();
    ASSERT_FALSE(again.empty());
    EXPECT_TRUE(again[0].retransmission);
    EXPECT_EQ(again[0].segment.ecn, Ecn::kNotCapable);
    EXPECT_FALSE(again[0].segment.flags.cwr);
    EXPECT_EQ(peer.Info().marks_answered, 1u);
  }
}

TEST(Ecn, AnEchoDuringRecoveryFromALossReducesNothingAndTheLossIsToldByCwr) {
  EcnPeer peer(Unpaced());
  PatternSource source(10'000'000);
  peer.Agree(source, {.mss = 1460, .sack_permitted = true});
  const std::int64_t una = Grow(peer, 30'000);
  const auto first = static_cast<int>((una - 1) / kMss);
  static_cast<void>(peer.Replies());
  const auto end = una + static_cast<std::int64_t>(peer.Info().outstanding);
  peer.Send({.ack = una, .options = peer.Sack({{first + 1, first + 4}})});
  ASSERT_EQ(peer.Info().fast_recoveries, 1u);
  const std::uint64_t threshold = peer.Info().slow_start_threshold;
  static_cast<void>(peer.Replies());
  peer.Send({.ack = una, .flags = kEcho, .options = peer.Sack({{first + 1, first + 6}})});
  peer.Send({.ack = end, .flags = kEcho});
  EXPECT_EQ(peer.Info().marks_answered, 0u);
  EXPECT_EQ(peer.Info().slow_start_threshold, threshold);
  const auto fresh = peer.Replies();
  ASSERT_GE(fresh.size(), 2u);
  const auto cwr = [](const Outgoing& out) { return out.segment.flags.cwr; };
  EXPECT_LE(std::count_if(fresh.begin(), fresh.end(), cwr), 1);
}

TEST(Ecn, AfterATimeoutWhatGoesAgainIsBareOfItAndEchoesOfBeforeCountForNothing) {
  EcnPeer peer(Unpaced());
  PatternSource source(10'000'000);
  peer.Agree(source);
  const std::int64_t una = Grow(peer, 30'000);
  static_cast<void>(peer.Replies());
  const auto end = una + static_cast<std::int64_t>(peer.Info().outstanding);
  const auto again = peer.WaitForReplies();
  ASSERT_EQ(peer.Info().timeouts, 1u);
  ASSERT_FALSE(again.empty());
  EXPECT_TRUE(again[0].retransmission);
  EXPECT_EQ(again[0].segment.ecn, Ecn::kNotCapable);
  EXPECT_FALSE(again[0].segment.flags.cwr) << "not on what goes again";
  const std::uint64_t threshold = peer.Info().slow_start_threshold;
  peer.Send({.ack = end, .flags = kEcho});
  EXPECT_EQ(peer.Info().marks_answered, 0u);
  EXPECT_EQ(peer.Info().slow_start_threshold, threshold);
  const auto fresh = peer.Replies();
  ASSERT_FALSE(fresh.empty());
  EXPECT_TRUE(fresh[0].segment.flags.cwr);
  EXPECT_EQ(fresh[0].segment.ecn, Ecn::kCapable0);
}

TEST(Ecn, EchoesWithoutEndLeaveOneSegmentARoundTrip) {
  for (const bool cubic : {false, true}) {
    EcnPeer peer(Unpaced());
    PatternSource source(10'000'000);
    peer.Agree(source, {.mss = 1460, .sack_permitted = cubic});
    std::int64_t una = Grow(peer, 20'000);
    for (int round = 0; round < 20; ++round) {
      for (const Outgoing& out : peer.Replies()) {
        una = std::max(una, static_cast<std::int64_t>(out.offset + out.length + 1));
      }
      peer.now += milliseconds(1);
      peer.Send({.ack = una, .flags = kEcho});
    }
    EXPECT_EQ(peer.window(), kMss);
    EXPECT_EQ(peer.Replies().size(), 1u);
    peer.now += milliseconds(1);
    peer.Send({.ack = una + kMss});
    EXPECT_GT(peer.window(), kMss) << "and it grows as soon as there is none";
  }
}

}  // namespace
}  // namespace slipway::tcp
