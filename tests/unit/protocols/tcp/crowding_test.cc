// SPDX-License-Identifier: Apache-2.0
//
// What happens when all connections are taken: who holds the most gives way to who holds fewer.
#include <list>
#include <map>
#include <utility>

#include "protocols/tcp/holders.h"
#include "tests/unit/protocols/tcp/peer.h"

namespace slipway::tcp {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// As it would be said without lists: every step over all that is there.
class NaiveHolders {
 public:
  void Add(std::uint32_t address, std::uint32_t connection) {
    held_[address].push_back(connection);
    Changed(address);
  }
  void Remove(std::uint32_t connection) {
    for (auto& [address, connections] : held_) {
      if (std::erase(connections, connection) == 0) continue;
      Changed(address);
      return;
    }
  }
  std::size_t CountOf(std::uint32_t address) { return held_[address].size(); }
  std::size_t most() const {
    std::size_t most = 0;
    for (const auto& [address, connections] : held_) most = std::max(most, connections.size());
    return most;
  }
  std::vector<std::uint32_t> LookAtMost(std::size_t limit) {
    if (most() == 0) return {};
    std::list<std::uint32_t>& ring = *First();
    std::vector<std::uint32_t> seen;
    for (std::size_t i = std::min(limit, ring.size()); i-- > 0;) {
      seen.push_back(ring.front());
      ring.splice(ring.end(), ring, ring.begin());
    }
    return seen;
  }

 private:
  void Changed(std::uint32_t address) { changed_[address] = ++clock_; }
  std::list<std::uint32_t>* First() {
    std::list<std::uint32_t>* first = nullptr;
    std::uint64_t since = 0;
    for (auto& [address, connections] : held_) {
      if (connections.size() != most() || (first != nullptr && since < changed_[address])) continue;
      first = &connections;
      since = changed_[address];
    }
    return first;
  }

  std::map<std::uint32_t, std::list<std::uint32_t>> held_;
  std::map<std::uint32_t, std::uint64_t> changed_;  // when its count last did
  std::uint64_t clock_ = 0;
};

TEST(Holders, AreWhatCountingAllOfThemWouldFind) {
  constexpr std::uint32_t kConnections = 24;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SeededEntropy random(seed);
    Holders holders(kConnections, SipKey::From(random));
    NaiveHolders naive;
    std::vector<std::uint32_t> free;
    std::vector<std::uint32_t> used;
    for (std::uint32_t i = 0; i < kConnections; ++i) free.push_back(i);
    for (int step = 0; step < 400; ++step) {
      const bool add = used.empty() || (!free.empty() && random.Below(20) < 11);
      std::vector<std::uint32_t>& from = add ? free : used;
      const auto at = static_cast<std::ptrdiff_t>(random.Below(from.size()));
      const std::uint32_t connection = from[static_cast<std::size_t>(at)];
      from.erase(from.begin() + at);
      (add ? used : free).push_back(connection);
      const auto address = static_cast<std::uint32_t>(random.Below(5));
      if (add) {
        holders.Add(Ipv4Address(address), connection);
        naive.Add(address, connection);
      } else {
        holders.Remove(connection);
        naive.Remove(connection);
      }
      ASSERT_EQ(holders.most(), naive.most());
      for (std::uint32_t i = 0; i < 5; ++i) {
        ASSERT_EQ(holders.CountOf(Ipv4Address(i)), naive.CountOf(i));
      }
      if (random.Below(4) != 0) continue;
      const auto limit = static_cast<std::uint32_t>(random.Below(8));
      std::vector<std::uint32_t> seen;
      holders.LookAtMost(limit, [&](std::uint32_t index) { seen.push_back(index); });
      ASSERT_EQ(seen, naive.LookAtMost(limit)) << "seed " << seed << " step " << step;
    }
  }
}

// A host for eight, and peers of many addresses, whose numbers begin as kPeerIss.
class Crowd : public testing::Test {
 protected:
  static constexpr std::uint32_t kMax = 8;
  explicit Crowd(std::uint32_t connections_max = kMax) : peer_(For(connections_max)) {}
  static Settings For(std::uint32_t connections_max) {
    Settings settings;
    settings.connections_max = connections_max;
    return settings;
  }
  static FourTuple From(std::uint8_t address, std::uint16_t port) {
    FourTuple tuple = kServerTuple;
    tuple.remote_address = Ipv4Address(10, 9, 9, address);
    tuple.remote_port = Port(port);
    return tuple;
  }
  Delivery Send(const FourTuple& tuple, const Peer::Template& segment) {
    return peer_.host.Receive(peer_.Make(segment), tuple, peer_.now);
  }
  Delivery Syn(const FourTuple& tuple) { return Send(tuple, {.seq = 0, .flags = kSyn}); }
  // SYN, SYN-ACK, ACK; what the ACK brought about.
  Delivery Connect(const FourTuple& tuple) {
    if (const Delivery d = Syn(tuple); d.drop != Drop::kNone) return d;
    const auto syn_ack = peer_.Reply();
    EXPECT_TRUE(syn_ack && syn_ack->segment.flags.syn);
    peer_.iss = syn_ack->segment.seq;
    return Send(tuple, {});
  }
  // So many connections of one address, one each second.
  std::vector<ConnectionId> Fill(std::uint8_t address, std::uint16_t count) {
    std::vector<ConnectionId> ids;
    for (std::uint16_t i = 0; i < count; ++i) {
      const Delivery d = Connect(From(address, static_cast<std::uint16_t>(1000 + i)));
      EXPECT_TRUE(d.opened);
      ids.push_back(d.connection);
      numbers_.push_back(peer_.iss);
      peer_.Replies();
      peer_.now += seconds(1);
    }
    return ids;
  }
  // Who has to give way to a connection of this address.
  ConnectionId CrowdOut(std::uint8_t address, std::uint16_t port = 1000) {
    const Delivery d = Connect(From(address, port));
    EXPECT_TRUE(d.opened);
    peer_.host.Abort(d.crowded_out);
    peer_.Replies();
    return d.crowded_out;
  }

  Peer peer_;
  std::vector<SeqNum> numbers_;  // our initial ones, of those of Fill()
};

class LargeCrowd : public Crowd {
 protected:
  static constexpr std::uint32_t kLarge = 512;
  LargeCrowd() : Crowd(kLarge) {}
  // All taken: this address holds so many, and each other connection is another address's.
  Delivery FullWith(std::uint16_t held) {
    Fill(1, held);
    FourTuple other = From(0, 1000);
    for (std::uint32_t i = held; i < kLarge; ++i) {
      other.remote_address = Ipv4Address(10, 8, static_cast<std::uint8_t>(i / 256),
                                         static_cast<std::uint8_t>(i % 256));
      EXPECT_TRUE(Connect(other).opened) << i;
      peer_.Replies();
    }
    return Connect(From(2, 1000));
  }
};

// One station can have as many addresses as it likes; that must end nobody's boots.
TEST_F(LargeCrowd, WhoHoldsAFewKeepsThemWhoeverElseComes) {
  EXPECT_EQ(FullWith(8).drop, Drop::kTcpConnectionLimit);
  EXPECT_EQ(peer_.host.counters().crowded_out, 0u);
}

TEST_F(LargeCrowd, WhoHoldsMoreThanAFewGivesWay) {
  const Delivery d = FullWith(9);
  EXPECT_TRUE(d.opened);
  EXPECT_TRUE(d.crowded_out.valid());
}

TEST_F(Crowd, TheLongestIdleOfWhoHoldsAllGivesWayToWhoHoldsNone) {
  const auto ids = Fill(1, kMax);
  const Delivery d = Connect(From(2, 1000));
  EXPECT_TRUE(d.opened);
  EXPECT_EQ(d.crowded_out, ids[0]);
  EXPECT_EQ(peer_.host.Info(d.crowded_out).tuple, From(1, 1000)) << "its story can be told";
  peer_.host.Abort(d.crowded_out);
  EXPECT_EQ(peer_.host.connections(), kMax);
  EXPECT_EQ(peer_.host.counters().crowded_out, 1u);
  const auto reset = peer_.host.EmitStray(peer_.now);
  ASSERT_TRUE(reset);
  EXPECT_TRUE(reset->segment.flags.rst);
  EXPECT_EQ(reset->tuple, From(1, 1000));
  EXPECT_EQ(CrowdOut(3), ids[1]) << "and so on";
}

TEST_F(Crowd, WhatMovesTextIsNotIdle) {
  const auto ids = Fill(1, kMax);
  peer_.iss = numbers_[1];
  Send(From(1, 1001), {.text = 10});
  peer_.Replies();
  EXPECT_EQ(CrowdOut(2), ids[0]);
  EXPECT_EQ(CrowdOut(3), ids[2]);
}

TEST_F(Crowd, WhatIsHalfOpenGivesWayBeforeAnythingElse) {
  Fill(1, kMax - 1);
  const Delivery half = Syn(From(1, 3000));
  ASSERT_TRUE(half.connection.valid());
  peer_.Replies();
  EXPECT_EQ(CrowdOut(2), half.connection);
}

TEST_F(Crowd, ATableOfWhichEachHoldsOneIsLeftAsItIs) {
  for (std::uint8_t address = 1; address <= kMax; ++address) Fill(address, 1);
  EXPECT_EQ(Syn(From(100, 1000)).drop, Drop::kTcpConnectionLimit);
  EXPECT_THAT(peer_.Replies(), IsEmpty());
  EXPECT_EQ(peer_.host.counters().cookies_sent, 0u);
}

// Whoever would hold as many as the one that gave way changes nothing for the better.
TEST_F(Crowd, NobodyGivesWayToAPeerThatHoldsAsManyAsItWouldLeave) {
  Fill(1, 3);
  Fill(2, 3);
  Fill(3, 2);
  EXPECT_EQ(Syn(From(3, 2000)).drop, Drop::kTcpConnectionLimit) << "3, 3, 2: as even as can be";
  EXPECT_EQ(Syn(From(1, 2000)).drop, Drop::kTcpConnectionLimit);
  EXPECT_TRUE(CrowdOut(4).valid());
  EXPECT_TRUE(CrowdOut(5).valid());
  EXPECT_EQ(Syn(From(6, 2000)).drop, Drop::kNone) << "2, 2, 2, 1, 1";
}

TEST_F(Crowd, AMachineMayTakeMoreThanOneFromWhoHoldsAll) {
  Fill(1, kMax);
  for (std::uint16_t port = 1000; port < 1004; ++port) EXPECT_TRUE(CrowdOut(2, port).valid());
  EXPECT_EQ(Syn(From(2, 1004)).drop, Drop::kTcpConnectionLimit) << "four each";
}

// Anybody can write a SYN's source: it costs nobody anything until it was answered.
TEST_F(Crowd, ASynAloneTakesNothingFromAnybody) {
  Fill(1, kMax);
  for (std::uint16_t i = 0; i < 1000; ++i) {
    const Delivery d = Syn(From(static_cast<std::uint8_t>(2 + i % 200), i));
    EXPECT_EQ(d.drop, Drop::kNone);
    EXPECT_FALSE(d.connection.valid() || d.crowded_out.valid());
    EXPECT_THAT(peer_.Replies(), SizeIs(1));
  }
  peer_.iss = SeqNum(77);
  EXPECT_EQ(Send(From(2, 9999), {}).drop, Drop::kTcpCookieInvalid);
  EXPECT_EQ(peer_.host.connections(), kMax);
  EXPECT_EQ(peer_.host.counters().crowded_out, 0u);
}

TEST_F(Crowd, NobodyElseIsLetInWhileTheCallerMakesNoRoom) {
  Fill(1, kMax);
  EXPECT_TRUE(Connect(From(2, 1000)).crowded_out.valid());
  peer_.Replies();
  EXPECT_EQ(Connect(From(3, 1000)).drop, Drop::kTcpConnectionLimit);
  EXPECT_EQ(peer_.host.connections(), kMax + 1);
  EXPECT_FALSE(peer_.host.Connect(From(4, 1000), peer_.now));
}

}  // namespace
}  // namespace slipway::tcp
