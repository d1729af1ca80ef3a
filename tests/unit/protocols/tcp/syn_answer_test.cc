// SPDX-License-Identifier: Apache-2.0
//
// The short way through a flood says exactly what the long one would have said.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

using Header = std::vector<std::uint8_t>;

// A SYN as it stands on the wire, with its checksum.
Header Wire(const Segment& segment) {
  Header bytes(segment.header_size());
  EmitHeader(segment, bytes);
  FillChecksum(bytes, {.source = kClientAddress, .destination = kServerAddress, .text = {}});
  return bytes;
}

Segment Syn(const Options& options, Port port = Port(443)) {
  return {.source = Port(1024),
          .destination = port,
          .seq = kPeerIss,
          .ack = {},
          .flags = kSyn,
          .window = 60'000,
          .options = options,
          .text = {}};
}

// What AnswerSyn makes of these bytes; empty where it declines, and then nothing was written.
Header Answer(Host& host, const Header& syn, Time now) {
  std::array<std::uint8_t, kTcpHeaderMax> room{};
  static_cast<void>(Copy(syn, room));
  const auto before = room;
  const std::size_t size = host.AnswerSyn(
      {.room = room, .size = syn.size(), .source = kClientAddress, .destination = kServerAddress},
      now);
  // The same where its hash was taken before.
  auto again = before;
  Reader ports(syn);
  const Port remote(ports.U16());
  const std::uint32_t hash =
      host.FetchSlot({kServerAddress, Port(ports.U16()), kClientAddress, remote});
  EXPECT_EQ(host.AnswerSyn({.room = again,
                            .size = syn.size(),
                            .source = kClientAddress,
                            .destination = kServerAddress,
                            .hash = hash},
                           now),
            size);
  EXPECT_EQ(again, room);
  if (size == 0) {
    EXPECT_EQ(room, before);
  }
  return {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size)};
}

Settings NoBacklog() {
  Settings settings;
  settings.syn_backlog_max = 0;
  return settings;
}

// Every option that is there or not, and values at their ends.
std::vector<Options> EveryOffer() {
  std::vector<Options> offers;
  for (const auto mss : {std::optional<std::uint16_t>(), std::optional<std::uint16_t>(1),
                         std::optional<std::uint16_t>(1220), std::optional<std::uint16_t>(65535)}) {
    for (const auto scale : {std::optional<std::uint8_t>(), std::optional<std::uint8_t>(0),
                             std::optional<std::uint8_t>(6), std::optional<std::uint8_t>(255)}) {
      for (const bool sack : {false, true}) {
        for (const bool timestamps : {false, true}) {
          Options options{.mss = mss, .window_scale = scale, .sack_permitted = sack};
          if (timestamps) options.timestamps = Timestamps{0xfedcba98, 0};
          offers.push_back(options);
        }
      }
    }
  }
  return offers;
}

TEST(SynAnswer, IsByteForByteWhatReceiveAndEmitStraySay) {
  for (const bool sack : {false, true}) {
    for (const bool timestamps : {false, true}) {
      Settings settings = NoBacklog();
      settings.sack = sack;
      settings.timestamps = timestamps;
      Peer peer(settings);
      unsigned number = 0;
      for (const Options& offer : EveryOffer()) {
        Segment syn = Syn(offer);
        syn.flags.ece = (++number & 1) != 0;
        syn.flags.cwr = (number & 2) != 0;
        const Header short_way = Answer(peer.host, Wire(syn), peer.now);
        peer.host.Receive(syn, kServerTuple, peer.now);
        const auto out = peer.host.EmitStray(peer.now);
        ASSERT_TRUE(out);
        Header long_way(out->segment.header_size());
        EmitHeader(out->segment, long_way);
        FillChecksum(long_way,
                     {.source = kServerAddress, .destination = kClientAddress, .text = {}});
        EXPECT_EQ(short_way, long_way);
        EXPECT_TRUE(Parse(short_way, kServerAddress, kClientAddress, ChecksumState::kVerify));
      }
    }
  }
}

TEST(SynAnswer, OpensTheConnectionItPromised) {
  Peer peer(NoBacklog());
  const Header answer = Answer(
      peer.host, Wire(Syn({.mss = 1460, .window_scale = 6, .sack_permitted = true})), peer.now);
  const auto segment = Parse(answer, kServerAddress, kClientAddress, ChecksumState::kVerify);
  ASSERT_TRUE(segment);
  peer.iss = segment->seq;
  const Delivery delivery = peer.Send({.window = 1000});
  EXPECT_TRUE(delivery.opened);
  const Info info = peer.host.Info(peer.id);
  EXPECT_EQ(info.peer_window, 64'000u);
  EXPECT_TRUE(info.sack);
  EXPECT_EQ(info.mss, 1460);
}

// Whoever overwrote the field of the SYN would overwrite marks as well (ecn.h).
TEST(SynAnswer, GrantsEcnToASynThatAsksAndCameUnmarked) {
  Peer peer(NoBacklog());
  for (unsigned bits = 0; bits < 16; ++bits) {
    Segment syn = Syn({.mss = 1460});
    syn.flags.ece = (bits & 4) != 0;
    syn.flags.cwr = (bits & 8) != 0;
    Header room = Wire(syn);
    const std::size_t size = room.size();
    room.resize(kTcpHeaderMax);
    const std::size_t answered =
        peer.host.AnswerSyn({.room = room,
                             .size = size,
                             .source = kClientAddress,
                             .destination = kServerAddress,
                             .ecn = EcnOf(static_cast<std::uint8_t>(bits))},
                            peer.now);
    ASSERT_NE(answered, 0u);
    const auto answer =
        Parse(Bytes(room).first(answered), kServerAddress, kClientAddress, ChecksumState::kVerify);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->flags, (Flags{.syn = true, .ack = true, .ece = bits == 12})) << bits;
  }
}

TEST(SynAnswer, DeclinesWhileTheBacklogHasRoom) {
  Settings settings;
  settings.syn_backlog_max = 1;
  Peer peer(settings);
  const Header syn = Wire(Syn({.mss = 1460}));
  EXPECT_TRUE(Answer(peer.host, syn, peer.now).empty());
  peer.Send({.seq = 0, .flags = kSyn});
  Segment other = Syn({.mss = 1460});
  other.source = Port(1025);
  EXPECT_FALSE(Answer(peer.host, Wire(other), peer.now).empty());
  // The connection that has the slot is asked itself.
  EXPECT_TRUE(Answer(peer.host, syn, peer.now).empty());
}

TEST(SynAnswer, DeclinesWhatIsNoLoneSynForAnOpenPort) {
  Peer peer(NoBacklog());
  EXPECT_TRUE(Answer(peer.host, Wire(Syn({}, Port(444))), peer.now).empty());
  for (unsigned flags = 0; flags < 256; ++flags) {
    Header bytes = Wire(Syn({.mss = 1460}));
    bytes[13] = static_cast<std::uint8_t>(flags);
    const bool lone = (flags & 0x3f) == tcp_flag::kSyn;  // ECE and CWR may stand beside it
    EXPECT_EQ(Answer(peer.host, bytes, peer.now).empty(), !lone) << flags;
  }
  Header with_text = Wire(Syn({.mss = 1460}));
  with_text.push_back('x');
  EXPECT_TRUE(Answer(peer.host, with_text, peer.now).empty());
}

TEST(SynAnswer, DeclinesHeadersCutShortAndOptionsThatRunOverTheEnd) {
  Peer peer(NoBacklog());
  const Header whole = Wire(Syn({.mss = 1460, .timestamps = Timestamps{1, 0}}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(Answer(peer.host,
                       {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}, peer.now)
                    .empty());
  }
  for (unsigned length = 0; length < 256; ++length) {
    Header bytes = whole;
    bytes[21] = static_cast<std::uint8_t>(length);  // of the first option
    const bool parses =
        Parse(bytes, kClientAddress, kServerAddress, ChecksumState::kKnownGood).ok();
    if (!parses) {
      EXPECT_TRUE(Answer(peer.host, bytes, peer.now).empty()) << length;
    }
  }
}

}  // namespace
}  // namespace slipway::tcp
