// SPDX-License-Identifier: Apache-2.0
//
// TCP's parts alone, each against a slow and obvious model or the RFC's own numbers: segments on
// the wire, scoreboard, out-of-order store, tuple table, SYN cookies, RTT, congestion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/unit/protocols/tcp/wire.h"

namespace slipway::tcp {
namespace {

using testing::ElementsAre;

Segment RandomSegment(SeededEntropy& random, Bytes text) {
  Segment s{.source = Port(static_cast<std::uint16_t>(random.Next32())),
            .destination = Port(static_cast<std::uint16_t>(random.Next32())),
            .seq = SeqNum(random.Next32()),
            .ack = SeqNum(random.Next32()),
            .window = static_cast<std::uint16_t>(random.Next32())};
  const std::uint32_t bits = random.Next32();
  s.flags = {.fin = (bits & 1) != 0,
             .psh = (bits & 4) != 0,
             .ack = (bits & 8) != 0,
             .urg = (bits & 16) != 0,
             .ece = (bits & 32) != 0,
             .cwr = (bits & 64) != 0};
  if ((bits & 3) == 0) s.flags.syn = true;
  if (!s.flags.syn) s.flags.rst = (bits & 128) != 0;
  if ((bits & 0x100) != 0) s.options.mss = static_cast<std::uint16_t>(random.Next32());
  if ((bits & 0x200) != 0) s.options.window_scale = static_cast<std::uint8_t>(random.Below(15));
  s.options.sack_permitted = (bits & 0x400) != 0;
  if ((bits & 0x800) != 0) s.options.timestamps = Timestamps{random.Next32(), random.Next32()};
  while (s.options.size() + 12 <= 40 && (random.Next32() & 1) != 0) {
    s.options.sack.Add({SeqNum(random.Next32()), SeqNum(random.Next32())});
    if (s.options.size() > 32) break;
  }
  s.text = text.first(random.Below(text.size() + 1));
  return s;
}

std::vector<std::uint8_t> WireOf(const Segment& segment) {
  std::vector<std::uint8_t> bytes(segment.header_size());
  EXPECT_EQ(EmitHeader(segment, bytes), bytes.size());
  FillChecksum(bytes,
               {.source = kClientAddress, .destination = kServerAddress, .text = segment.text});
  bytes.insert(bytes.end(), segment.text.begin(), segment.text.end());
  return bytes;
}

TEST(Segment, IsParsedAsItWasEmittedWithEveryOption) {
  SeededEntropy random(11);
  std::vector<std::uint8_t> text(1460);
  random.Fill(text);
  for (int i = 0; i < 20'000; ++i) {
    const Segment segment = RandomSegment(random, text);
    const auto bytes = WireOf(segment);
    ASSERT_EQ(bytes.size() % 4, segment.text.size() % 4);
    const auto parsed = Parse(bytes, kClientAddress, kServerAddress, ChecksumState::kVerify);
    ASSERT_TRUE(parsed.ok()) << Describe(parsed.drop()).name;
    ASSERT_EQ(*parsed, segment) << "round " << i;
  }
}

TEST(Segment, WithAnyBitFlippedIsRefusedUnlessThePortVouchesForIt) {
  SeededEntropy random(12);
  std::vector<std::uint8_t> text(64);
  auto bytes = WireOf(RandomSegment(random, text));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_FALSE(Parse(bytes, kClientAddress, kServerAddress, ChecksumState::kVerify).ok()) << bit;
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  bytes[16] ^= 1;  // the checksum itself
  EXPECT_TRUE(Parse(bytes, kClientAddress, kServerAddress, ChecksumState::kKnownGood).ok());
}

TEST(Segment, CutShortAnywhereInItsHeaderIsTruncated) {
  const auto bytes = WireOf({.flags = {.syn = true}, .options = {.mss = 1460, .window_scale = 7}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(
        Parse(Bytes(bytes).first(size), kClientAddress, kServerAddress, ChecksumState::kKnownGood)
            .drop(),
        Drop::kTcpTruncated);
  }
}

TEST(Segment, WithHostileOptionsIsRefusedOrReadWithoutThem) {
  const auto with = [](std::vector<std::uint8_t> options) {
    auto bytes = WireOf({.flags = {.ack = true}});
    options.resize(8);
    bytes[12] = 0x70;
    bytes.insert(bytes.end(), options.begin(), options.end());
    return Parse(bytes, kClientAddress, kServerAddress, ChecksumState::kKnownGood);
  };
  EXPECT_EQ(with({tcp_option::kMss, 0}).drop(), Drop::kTcpOptionMalformed);
  EXPECT_EQ(with({tcp_option::kMss, 1}).drop(), Drop::kTcpOptionMalformed);
  EXPECT_EQ(with({tcp_option::kMss, 9}).drop(), Drop::kTcpOptionMalformed);
  EXPECT_EQ(with({1, 1, 1, 1, 1, 1, 1, tcp_option::kMss}).drop(), Drop::kTcpOptionMalformed);
  EXPECT_EQ(with({tcp_option::kMss, 3, 5})->options, Options{});
  EXPECT_EQ(with({tcp_option::kSack, 5, 1, 2, 3})->options, Options{});
  EXPECT_EQ(with({254, 8})->options, Options{});
  EXPECT_EQ(with({tcp_option::kEnd, tcp_option::kMss, 0})->options, Options{});
}

TEST(Segment, WithSynAndFinOrRstIsRefused) {
  for (const Flags flags : {Flags{.fin = true, .syn = true}, Flags{.syn = true, .rst = true}}) {
    const auto bytes = WireOf({.flags = flags});
    EXPECT_EQ(Parse(bytes, kClientAddress, kServerAddress, ChecksumState::kVerify).drop(),
              Drop::kTcpFlagsInvalid);
  }
}

TEST(Segment, ForAPortThatFinishesChecksumsCarriesThePseudoHeadersSum) {
  const Segment segment{.source = Port(1), .destination = Port(2), .flags = {.ack = true}};
  const std::vector<std::uint8_t> text = {1, 2, 3, 4, 5};
  std::vector<std::uint8_t> bytes(20);
  EmitHeader(segment, bytes);
  FillPseudoHeaderSum(bytes, PseudoHeaderSum(kClientAddress, kServerAddress, 25));
  bytes.insert(bytes.end(), text.begin(), text.end());
  // What a port does: the complement of the sum over everything, checksum field included.
  const std::uint16_t finished = ChecksumOf(bytes);
  bytes[16] = static_cast<std::uint8_t>(finished >> 8);
  bytes[17] = static_cast<std::uint8_t>(finished);
  EXPECT_TRUE(Parse(bytes, kClientAddress, kServerAddress, ChecksumState::kVerify).ok());
}

TEST(OutOfOrderStore, AgreesWithAMapOfBytesAndGivesEveryBlockBack) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    SeededEntropy random(seed);
    OutOfOrderStore store(40, 30);
    OutOfOrderStore::Queue queue;
    const SeqNum base(0xfffff000);  // wraps on the way
    std::map<std::uint32_t, std::uint8_t> held;
    std::uint32_t next = 0;
    for (int step = 0; step < 60; ++step) {
      const auto at = next + static_cast<std::uint32_t>(random.Below(6000)) + 1;
      std::vector<std::uint8_t> text(random.Below(2500));
      random.Fill(text);
      if (store.Insert(queue, base + at, text)) {
        for (std::uint32_t i = 0; i < text.size(); ++i) held.emplace(at + i, text[i]);
      } else {
        break;  // partly kept: the model below would have to know where the blocks ended
      }
      if (random.Below(3) == 0) {  // the gap up to the first held byte arrives
        const std::uint32_t first = held.empty() ? next : held.begin()->first;
        next = std::max(next, first);
        const SeqNum end = store.ContiguousEnd(queue, base + next);
        std::uint32_t expected_end = next;
        while (held.contains(expected_end)) ++expected_end;
        ASSERT_EQ(end, base + expected_end);
        SeqNum taken = base + next;
        for (Bytes run = store.TakeFront(queue, taken, end); !run.empty();
             run = store.TakeFront(queue, taken, end)) {
          for (const std::uint8_t byte : run) {
            ASSERT_EQ(byte, held.at(static_cast<std::uint32_t>(taken - base)));
            taken = taken + 1;
          }
        }
        ASSERT_EQ(taken, end);
        next = expected_end;
        held.erase(held.begin(), held.lower_bound(next));
      }
      for (const SackBlock& block : store.Blocks(queue, base + next, base + at)) {
        for (SeqNum i = block.start; i != block.end; i = i + 1) {
          ASSERT_TRUE(held.contains(static_cast<std::uint32_t>(i - base)));
        }
      }
    }
    store.Clear(queue);
    EXPECT_EQ(store.free_blocks(), 40u);
  }
}

TEST(TupleTable, AgreesWithAMapThroughInsertionsAndErasures) {
  SeededEntropy random(5);
  TupleTable table(64, {1, 2});
  std::vector<FourTuple> slab(64);
  std::map<std::uint32_t, std::uint32_t> model;  // remote address -> index
  const auto tuple = [](std::uint32_t n) {
    return FourTuple{kServerAddress, Port(443), Ipv4Address(n), Port(1024)};
  };
  for (int step = 0; step < 20'000; ++step) {
    const auto n = static_cast<std::uint32_t>(random.Below(100));
    const auto found = table.Find(tuple(n), [&](std::uint32_t i) { return slab[i] == tuple(n); });
    ASSERT_EQ(found.has_value(), model.contains(n));
    if (found) {
      ASSERT_EQ(*found, model[n]);
      table.Erase(tuple(n), *found);
      model.erase(n);
    } else if (model.size() < 64) {
      std::uint32_t index = 0;
      while (std::ranges::any_of(model, [&](const auto& m) { return m.second == index; })) ++index;
      slab[index] = tuple(n);
      table.Insert(tuple(n), index);
      model[n] = index;
    }
    ASSERT_EQ(table.size(), model.size());
  }
}

TEST(SynCookies, CarryEveryOfferThatFirmwareMakes) {
  SeededEntropy entropy(1);
  SynCookies cookies(entropy);
  constexpr std::uint16_t kOffers[] = {0, 536, 1219, 1220, 1440, 1459, 1460, 9000};
  for (const std::uint16_t mss : kOffers) {
    for (int scale = -1; scale <= 14; ++scale) {
      for (int bits = 0; bits < 4; ++bits) {
        CookieOptions offered{
            .mss = mss, .sack_permitted = (bits & 1) != 0, .ecn = (bits & 2) != 0};
        if (scale >= 0) offered.window_scale = static_cast<std::uint8_t>(scale);
        const SeqNum cookie = cookies.Make(kServerTuple, SeqNum(99), offered, At(seconds(1)));
        EXPECT_EQ(cookies.Check(kServerTuple, SeqNum(99), cookie, At(seconds(2))),
                  SynCookies::Rounded(offered));
      }
    }
  }
}

TEST(SynCookies, AreBelievedOnlyForTheirTupleNumberAndTime) {
  SeededEntropy entropy(1);
  SynCookies cookies(entropy);
  const CookieOptions offered{.mss = 1460, .window_scale = 6};
  const SeqNum cookie = cookies.Make(kServerTuple, SeqNum(99), offered, At(seconds(10)));
  FourTuple other = kServerTuple;
  other.remote_port = Port(1025);
  EXPECT_FALSE(cookies.Check(other, SeqNum(99), cookie, At(seconds(11))));
  EXPECT_FALSE(cookies.Check(kServerTuple, SeqNum(98), cookie, At(seconds(11))));
  EXPECT_TRUE(cookies.Check(kServerTuple, SeqNum(99), cookie, At(seconds(127))));
  EXPECT_FALSE(cookies.Check(kServerTuple, SeqNum(99), cookie, At(seconds(129))));
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    EXPECT_FALSE(cookies.Check(kServerTuple, SeqNum(99), SeqNum(cookie.value() ^ 1u << bit),
                               At(seconds(11))));
  }
}

TEST(SynCookies, OfAnyKindAreRefusedWhereNoneWasMade) {
  SeededEntropy entropy(1);
  SynCookies cookies(entropy);
  for (std::uint32_t guess = 0; guess < 1000; ++guess) {
    EXPECT_FALSE(cookies.Check(kServerTuple, SeqNum(1), SeqNum(guess * 4'294'967), At(seconds(1))));
  }
}

TEST(Rtt, FollowsTheFormulasOfRfc6298) {
  Settings settings;
  settings.rto_min = milliseconds(1);
  Rtt rtt;
  EXPECT_EQ(rtt.Timeout(settings), seconds(1));
  rtt.Sample(milliseconds(100));
  EXPECT_EQ(rtt.smoothed(), milliseconds(100));
  EXPECT_EQ(rtt.Timeout(settings), milliseconds(300));  // R + 4 * R/2
  rtt.Sample(milliseconds(180));
  // RTTVAR = 3/4 * 50 + 1/4 * 80 = 57.5; SRTT = 7/8 * 100 + 1/8 * 180 = 110.
  EXPECT_EQ(rtt.smoothed(), milliseconds(110));
  EXPECT_EQ(rtt.Timeout(settings), milliseconds(340));
  rtt.BackOff();
  rtt.BackOff();
  EXPECT_EQ(rtt.Timeout(settings), milliseconds(1360));
  for (int i = 0; i < 100; ++i) rtt.BackOff();
  EXPECT_EQ(rtt.Timeout(settings), settings.rto_max);
  rtt.Sample(milliseconds(110));
  EXPECT_LT(rtt.Timeout(settings), milliseconds(400)) << "a sample ends the backoff";
}

TEST(SeqNum, ComparesAcrossTheWrap) {
  EXPECT_TRUE(SeqNum(0xfffffff0).Before(SeqNum(16)));
  EXPECT_TRUE(SeqNum(16).After(SeqNum(0xfffffff0)));
  EXPECT_TRUE(SeqNum(5).InWindow(SeqNum(0xfffffffe), 8));
  EXPECT_FALSE(SeqNum(6).InWindow(SeqNum(0xfffffffe), 8));
}

}  // namespace
}  // namespace slipway::tcp
