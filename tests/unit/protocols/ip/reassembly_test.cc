// SPDX-License-Identifier: Apache-2.0
#include "protocols/ip/reassembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace slipway::ip {
namespace {

constexpr Time kStart{};
constexpr std::size_t kUnit = 8;

struct Piece {
  std::size_t offset;
  std::size_t size;
  bool more;
};

std::vector<std::uint8_t> Numbered(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i ^ i >> 8);
  return bytes;
}

const std::vector<std::uint8_t> kWhole = Numbered(65535);

ipv4::Packet Fragment(const Piece& piece, std::uint16_t identification = 1,
                      Ipv4Address source = Ipv4Address(10, 0, 0, 2)) {
  return {.source = source,
          .destination = Ipv4Address(10, 0, 0, 1),
          .protocol = ipv4::kUdp,
          .identification = identification,
          .more_fragments = piece.more,
          .fragment_offset = static_cast<std::uint16_t>(piece.offset),
          .payload = Bytes(kWhole).subspan(piece.offset, piece.size)};
}

void ExpectWhole(const Reassembly::Outcome& outcome, std::size_t size) {
  ASSERT_TRUE(outcome.packet.has_value());
  EXPECT_EQ(outcome.drop, Drop::kNone);
  EXPECT_FALSE(outcome.packet->is_fragment());
  EXPECT_TRUE(Equal(outcome.packet->payload, Bytes(kWhole).first(size)));
}

TEST(Reassembly, AWholeDatagramPassesThrough) {
  Reassembly reassembly({});
  const ipv4::Packet packet = Fragment({0, 100, false});
  const auto outcome = reassembly.Receive(packet, kStart);
  EXPECT_EQ(outcome.packet, packet);
  EXPECT_EQ(reassembly.pending(), 0U);
}

TEST(Reassembly, EveryOrderOfFourFragmentsGivesTheSameDatagram) {
  const std::vector<Piece> pieces{{0, 16, true}, {16, 8, true}, {24, 24, true}, {48, 5, false}};
  std::vector<std::size_t> order(pieces.size());
  std::iota(order.begin(), order.end(), 0U);
  do {
    Reassembly reassembly({.datagrams_max = 1});
    for (std::size_t i = 0; i + 1 < order.size(); ++i) {
      const auto outcome = reassembly.Receive(Fragment(pieces[order[i]]), kStart);
      EXPECT_EQ(outcome.drop, Drop::kNone);
      EXPECT_FALSE(outcome.packet);
    }
    ExpectWhole(reassembly.Receive(Fragment(pieces[order.back()]), kStart), 53);
    EXPECT_EQ(reassembly.pending(), 0U);
  } while (std::ranges::next_permutation(order).found);
}

// Two fragments anywhere on a small grid, in either order, last or not: they are a whole datagram,
// wait for more, repeat each other, or are refused. Nothing in between.
TEST(Reassembly, EveryPairOfFragmentsOnASmallGridIsJudgedRight) {
  constexpr std::size_t kGrid = 5;
  int judged = 0;
  const auto for_each_piece = [](const auto& visit) {
    for (std::size_t begin = 0; begin < kGrid; ++begin) {
      for (std::size_t end = begin + 1; end <= kGrid; ++end) {
        for (const bool more : {false, true}) {
          visit(Piece{begin * kUnit, (end - begin) * kUnit, more});
        }
      }
    }
  };
  for_each_piece([&](const Piece& a) {
    for_each_piece([&](const Piece& b) {
      if ((a.offset == 0 && !a.more) || (b.offset == 0 && !b.more)) return;
      Reassembly reassembly({.datagrams_max = 1});
      ASSERT_EQ(reassembly.Receive(Fragment(a), kStart).drop, Drop::kNone);
      const auto outcome = reassembly.Receive(Fragment(b), kStart);
      const std::size_t a_end = a.offset + a.size;
      const std::size_t b_end = b.offset + b.size;
      const bool same = a.offset == b.offset && a.size == b.size && (a.more == b.more || b.more);
      const bool overlap = a.offset < b_end && b.offset < a_end;
      // One before the other, in whichever order they came.
      const Piece& low = a.offset < b.offset ? a : b;
      const Piece& high = a.offset < b.offset ? b : a;
      const bool whole = low.offset == 0 && low.size == high.offset && !high.more;
      SCOPED_TRACE(testing::Message() << a.offset << '+' << a.size << ' ' << a.more << ", "
                                      << b.offset << '+' << b.size << ' ' << b.more);
      if (same) {
        EXPECT_EQ(outcome.drop, Drop::kIpFragmentDuplicate);
      } else if (overlap) {
        EXPECT_EQ(outcome.drop, Drop::kIpFragmentOverlap);
      } else if (!low.more) {
        EXPECT_EQ(outcome.drop, Drop::kIpFragmentMalformed);
      } else if (whole) {
        ExpectWhole(outcome, std::max(a_end, b_end));
      } else {
        EXPECT_EQ(outcome.drop, Drop::kNone);
        EXPECT_FALSE(outcome.packet);
      }
      ++judged;
    });
  });
  EXPECT_EQ(judged, 25 * 25);
}

TEST(Reassembly, AnOverlapCondemnsAlsoWhatComesLater) {
  Reassembly reassembly({});
  EXPECT_EQ(reassembly.Receive(Fragment({0, 16, true}), kStart).drop, Drop::kNone);
  EXPECT_EQ(reassembly.Receive(Fragment({8, 16, true}), kStart).drop, Drop::kIpFragmentOverlap);
  EXPECT_EQ(reassembly.Receive(Fragment({16, 8, false}), kStart).drop, Drop::kIpFragmentOverlap);
  EXPECT_EQ(reassembly.Expire(kStart + std::chrono::seconds(30)), 1U);
  EXPECT_EQ(reassembly.Receive(Fragment({0, 16, true}), kStart).drop, Drop::kNone);
}

TEST(Reassembly, RefusesPingOfDeathAndImpossibleSizes) {
  for (const Piece& piece : {Piece{65528, 7, false}, Piece{65512, 8, false}, Piece{8, 7, true},
                             Piece{0, 1, true}, Piece{8, 0, false}, Piece{0, 0, true}}) {
    Reassembly reassembly({});
    EXPECT_EQ(reassembly.Receive(Fragment(piece), kStart).drop, Drop::kIpFragmentMalformed)
        << piece.offset << '+' << piece.size;
  }
}

TEST(Reassembly, TheLongestDatagramThereIsComesWholeInAnyOrder) {
  constexpr std::size_t kSize = 65515;
  std::vector<Piece> pieces;
  for (std::size_t offset = 0; offset < kSize; offset += 1480) {
    const std::size_t size = std::min<std::size_t>(1480, kSize - offset);
    pieces.push_back({offset, size, offset + size < kSize});
  }
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    std::ranges::shuffle(pieces, random);
    Reassembly reassembly({.datagrams_max = 1});
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
      ASSERT_FALSE(reassembly.Receive(Fragment(pieces[i]), kStart).packet) << "seed " << seed;
    }
    ExpectWhole(reassembly.Receive(Fragment(pieces.back()), kStart), kSize);
  }
}

TEST(Reassembly, KeepsDatagramsApartByEveryPartOfTheirKey) {
  ipv4::Packet other = Fragment({8, 4, false});
  const ipv4::Packet first = Fragment({0, 8, true});
  for (int field = 0; field < 4; ++field) {
    ipv4::Packet changed = other;
    if (field == 0) changed.source = Ipv4Address(10, 0, 0, 9);
    if (field == 1) changed.destination = Ipv4Address(10, 0, 0, 9);
    if (field == 2) changed.protocol = ipv4::kTcp;
    if (field == 3) changed.identification = 9;
    Reassembly reassembly({});
    reassembly.Receive(first, kStart);
    EXPECT_FALSE(reassembly.Receive(changed, kStart).packet) << field;
    EXPECT_EQ(reassembly.pending(), 2U);
    EXPECT_TRUE(reassembly.Receive(other, kStart).packet);
  }
}

TEST(Reassembly, TheFirstFragmentsHeaderAndOptionsAreTheDatagrams) {
  Reassembly reassembly({});
  std::vector<std::uint8_t> options{1, 1, 1, 0};
  ipv4::Packet first = Fragment({0, 8, true});
  first.options = options;
  first.ttl = 9;
  reassembly.Receive(Fragment({8, 4, false}), kStart);
  const auto outcome = reassembly.Receive(first, kStart);
  options[0] = 7;  // what was received is a copy
  ASSERT_TRUE(outcome.packet);
  EXPECT_EQ(outcome.packet->ttl, 9);
  EXPECT_EQ(outcome.packet->options[0], 1);
}

// RFC 3168 5.3, for every pair of fragments, in either order.
TEST(Reassembly, LosesNoCongestionMarkAndMarksNothingThatMustNotBe) {
  for (unsigned fields = 0; fields < 16; ++fields) {
    for (const bool last_first : {false, true}) {
      Reassembly reassembly({});
      ipv4::Packet first = Fragment({0, 8, true});
      ipv4::Packet last = Fragment({8, 4, false});
      const unsigned a = fields & 3;
      const unsigned b = fields >> 2;
      first.service = static_cast<std::uint8_t>(0xb8 | a);
      last.service = static_cast<std::uint8_t>(0xb8 | b);
      reassembly.Receive(last_first ? last : first, kStart);
      const auto outcome = reassembly.Receive(last_first ? first : last, kStart);
      EXPECT_EQ(reassembly.pending(), 0U);
      if ((a == 3 && b == 0) || (a == 0 && b == 3)) {
        EXPECT_EQ(outcome.drop, Drop::kIpFragmentMarked);
        continue;
      }
      ASSERT_TRUE(outcome.packet);
      EXPECT_EQ(outcome.packet->service, 0xb8 | (b == 3 ? 3 : a)) << a << ' ' << b;
    }
  }
}

TEST(Reassembly, IsBoundedInDatagramsSourcesAndFragments) {
  Reassembly reassembly({.datagrams_max = 8, .datagrams_per_source_max = 3, .fragments_max = 4});
  for (std::uint16_t id = 0; id < 3; ++id) {
    EXPECT_EQ(reassembly.Receive(Fragment({0, 8, true}, id), kStart).drop, Drop::kNone);
  }
  EXPECT_EQ(reassembly.Receive(Fragment({0, 8, true}, 3), kStart).drop, Drop::kIpFragmentTableFull);
  for (std::uint8_t host = 10; host < 15; ++host) {
    EXPECT_EQ(
        reassembly.Receive(Fragment({0, 8, true}, 1, Ipv4Address(10, 0, 0, host)), kStart).drop,
        Drop::kNone);
  }
  EXPECT_EQ(reassembly.Receive(Fragment({0, 8, true}, 1, Ipv4Address(10, 0, 0, 99)), kStart).drop,
            Drop::kIpFragmentTableFull);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(reassembly.Receive(Fragment({i * 16, 8, true}, 1), kStart).drop, Drop::kNone);
  }
  EXPECT_EQ(reassembly.Receive(Fragment({64, 8, true}, 1), kStart).drop, Drop::kIpFragmentTooMany);
}

TEST(Reassembly, GivesUpAfterThirtySecondsAndNotBefore) {
  Reassembly reassembly({});
  EXPECT_EQ(reassembly.Deadline(), kNever);
  reassembly.Receive(Fragment({0, 8, true}), kStart);
  const Time end = kStart + std::chrono::seconds(30);
  EXPECT_EQ(reassembly.Deadline(), end);
  EXPECT_EQ(reassembly.Expire(end - Duration(1)), 0U);
  EXPECT_EQ(reassembly.Expire(end), 1U);
  EXPECT_EQ(reassembly.pending(), 0U);
  EXPECT_FALSE(reassembly.Receive(Fragment({8, 8, false}), end).packet);
}

TEST(Reassembly, WhatIsDueNextIsFoundThoughTheFirstOneBecameWhole) {
  using std::chrono::seconds;
  Reassembly reassembly({});
  reassembly.Receive(Fragment({0, 8, true}, 1), kStart);
  reassembly.Receive(Fragment({0, 8, true}, 2), kStart + seconds(10));
  EXPECT_TRUE(reassembly.Receive(Fragment({8, 8, false}, 1), kStart + seconds(11)).packet);
  EXPECT_EQ(reassembly.Expire(kStart + seconds(30)), 0U);
  EXPECT_EQ(reassembly.Deadline(), kStart + seconds(40));
  EXPECT_EQ(reassembly.Expire(kStart + seconds(40)), 1U);
  EXPECT_EQ(reassembly.Deadline(), kNever);
}

}  // namespace
}  // namespace slipway::ip
