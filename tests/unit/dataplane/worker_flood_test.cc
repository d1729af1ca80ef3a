// SPDX-License-Identifier: Apache-2.0
//
// SYN floods at a whole worker: answered from the path of their own, beside machines that boot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "tests/unit/dataplane/dhcp_frames.h"
#include "tests/unit/dataplane/worker_fixture.h"

namespace slipway::dataplane {
namespace {

using std::chrono::milliseconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Buffer SynFrame(std::uint16_t port, const Ends& ends = kMachine) {
  return TcpFrame(ends, {.source = Port(port),
                         .destination = Port(80),
                         .seq = tcp::SeqNum(port * 1000U),
                         .flags = {.syn = true},
                         .window = 65535,
                         .options = {.mss = std::uint16_t{1460}}});
}

constexpr std::uint16_t kBacklog = 8;  // of tests' appliances

struct Flood {
  std::size_t syns = 0;  // in each of twenty rounds a millisecond, as far as the wire has room
  bool takes_each_round = false;  // the wire, what its ring holds; else each millisecond
};

class WorkerFloodTest : public WorkerTest {
 protected:
  void DownloadBeside(const Flood& flood) {
    Ends stranger = kMachine;
    stranger.source = Ipv4Address(10, 77, 0, 10);
    std::uint16_t port = 2000;
    while (port < 2000 + kBacklog) Ask(SynFrame(port++, stranger));
    Station station(kMachine, MachineSettings(), 1);
    HttpClient client(kGet, kImageSize);
    BeginDownload(station, client);
    std::size_t answers = 0;
    const auto hear = [&] {
      for (const Buffer& frame : appliance_->Sent()) {
        const Seen seen = See(frame);
        if (seen.tcp && seen.ip->destination == stranger.source) ++answers;
        station.Receive(frame, now_);
      }
    };
    const Time begun = now_;
    for (const Time end = now_ + std::chrono::seconds(1); now_ < end && !station.closed;
         now_ += milliseconds(1)) {
      while (const auto frame = station.Emit(now_)) appliance_->wire().Deliver(*frame);
      for (int round = 0; round < 20; ++round) {
        for (std::size_t i = 0; i < flood.syns; ++i) {
          if (!appliance_->wire().Deliver(SynFrame(++port, stranger))) break;
        }
        appliance_->RunOnce(now_);
        if (flood.takes_each_round) hear();
      }
      hear();
      if (station.Deadline() <= now_) station.Expire(now_);
    }
    ExpectImage(client);
    EXPECT_TRUE(station.closed);
    EXPECT_LT(now_ - begun, milliseconds(50));  // a few round trips, without the flood
    EXPECT_GT(answers, 0U);
  }
};

TEST_F(WorkerFloodTest, TurnsTheSynsOfAFloodIntoTheirAnswersAndBootsAMachineBesideIt) {
  Start();
  for (std::uint16_t i = 0; i < kBacklog; ++i) {
    ASSERT_THAT(Ask(SynFrame(static_cast<std::uint16_t>(2000 + i))), SizeIs(1));
  }
  for (std::uint16_t port = 3000; port < 3100; ++port) {
    const auto sent = Ask(SynFrame(port));
    ASSERT_THAT(sent, SizeIs(1));
    const Seen seen = See(sent[0]);
    EXPECT_EQ(seen.link.destination, kMachine.from);
    EXPECT_EQ(seen.link.source, kApplianceMac);
    EXPECT_EQ(seen.ip->source, kApplianceAddress);
    EXPECT_EQ(seen.ip->destination, kMachine.source);
    EXPECT_TRUE(seen.ip->dont_fragment);
    EXPECT_EQ(seen.tcp->destination, Port(port));
    EXPECT_EQ(seen.tcp->ack, tcp::SeqNum(port * 1000U + 1));
    EXPECT_EQ(seen.tcp->flags, (tcp::Flags{.syn = true, .ack = true}));
    EXPECT_EQ(seen.tcp->options, (tcp::Options{.mss = 1460}));
  }
  appliance_->Run(now_ += milliseconds(200));  // counters are posted
  EXPECT_EQ(appliance_->statistics().connections, kBacklog);
  Ends other = kMachine;
  other.source = Ipv4Address(10, 77, 0, 10);
  Station station(other, MachineSettings(), 1);
  Boot(station, Port(1024), Port(80));
}

// With so many connections what a burst's SYNs are looked for in is fetched beforehand.
TEST_F(WorkerFloodTest, AFloodBesideManyConnectionsIsAnsweredInBurstsAsWell) {
  constexpr std::uint16_t kMany = 256;
  Start({.connections = 2 * kMany});
  tcp::SeqNum first;
  for (std::uint16_t i = 0; i < kMany; ++i) {
    const auto sent = Ask(SynFrame(static_cast<std::uint16_t>(2000 + i)));
    ASSERT_THAT(sent, SizeIs(1));
    if (i == 0) first = See(sent[0]).tcp->seq;
  }
  Ends stranger = kMachine;
  stranger.source = Ipv4Address(10, 77, 0, 10);
  std::vector<std::uint16_t> answered;
  for (std::uint16_t port = 3000; port < 3020; ++port) {
    appliance_->wire().Deliver(SynFrame(port, stranger));
  }
  appliance_->wire().Deliver(SynFrame(2000));  // a connection's own
  appliance_->RunOnce(now_);
  for (const Buffer& frame : appliance_->Sent()) {
    const Seen seen = See(frame);
    EXPECT_EQ(seen.tcp->flags, (tcp::Flags{.syn = true, .ack = true}));
    answered.push_back(seen.tcp->destination.value());
    if (answered.back() == 2000) {
      EXPECT_EQ(seen.tcp->seq, first) << "its connection's answer, no cookie";
    }
  }
  std::ranges::sort(answered);
  std::vector<std::uint16_t> expected{2000};
  for (std::uint16_t port = 3000; port < 3020; ++port) expected.push_back(port);
  EXPECT_EQ(answered, expected);
  appliance_->Run(now_ += milliseconds(200));  // counters are posted
  EXPECT_EQ(appliance_->statistics().connections, kMany);
}

TEST_F(WorkerFloodTest, AFloodThatFillsTheWireTakesNoAnswerFromAMachineWithALease) {
  Start();
  Ends leased = kMachine;
  leased.source = ReadDhcp(Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover))).at(0)).address;
  Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kRequest, leased.source)));
  appliance_->MakeLeasesDurable();
  Ends stranger = kMachine;
  stranger.source = Ipv4Address(10, 77, 0, 10);
  for (std::uint16_t port = 2000; port < 3000; ++port) {  // nobody takes the answers
    appliance_->wire().Deliver(SynFrame(port, stranger));
    appliance_->RunOnce(now_);
  }
  const std::uint64_t dropped = appliance_->Dropped(Drop::kTransmitRingFull);
  EXPECT_GT(dropped, 0U);
  appliance_->wire().Deliver(SynFrame(1024, leased));
  std::size_t answers = 0;
  for (int round = 0; round < 1000; ++round) {
    appliance_->RunOnce(now_);
    for (const Buffer& frame : appliance_->Sent()) {
      const Seen seen = See(frame);
      if (seen.tcp && seen.ip->destination == leased.source) ++answers;
    }
  }
  EXPECT_EQ(answers, 1U);
  EXPECT_EQ(appliance_->Dropped(Drop::kTransmitRingFull), dropped);
  EXPECT_TRUE(appliance_->StepsAddUp());
}

// Behind the address it was leased it would otherwise have one place less to wait at, and with it
// half of its patience.
TEST_F(WorkerFloodTest, AMachineWithALeaseWaitsForItsTurnAtTheSynAsItDoesWithoutAFlood) {
  Start({.admission = {.machines_at_once = 1}});
  Ends leased = kMachine;
  leased.source = ReadDhcp(Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover))).at(0)).address;
  Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kRequest, leased.source)));
  appliance_->MakeLeasesDurable();
  appliance_->Run(now_);
  ASSERT_THAT(appliance_->Sent(), SizeIs(1));  // the ACK
  Ends served = kMachine;
  served.from = {{0x52, 0x54, 0, 0, 0, 10}};
  served.source = Ipv4Address(10, 77, 0, 10);
  const auto syn_ack = Ask(SynFrame(1024, served));
  ASSERT_THAT(syn_ack, SizeIs(1));
  Ask(TcpFrame(served, {.source = Port(1024),
                        .destination = Port(80),
                        .seq = See(syn_ack[0]).tcp->ack,
                        .ack = See(syn_ack[0]).tcp->seq + 1,
                        .flags = {.ack = true},
                        .window = 65535,
                        .options = {}}));
  Ends stranger = kMachine;
  stranger.source = Ipv4Address(10, 77, 0, 11);
  for (std::uint16_t port = 2000; port < 2000 + 2 * kBacklog; ++port) {
    ASSERT_THAT(Ask(SynFrame(port, stranger)), SizeIs(1));
  }
  EXPECT_THAT(Ask(SynFrame(1024, leased)), IsEmpty());
  // Somebody else writes its address into a SYN of his: the machine's own stays.
  Ends forged = leased;
  forged.from = {{0x52, 0x54, 0, 0, 0, 99}};
  EXPECT_THAT(Ask(SynFrame(1025, forged)), IsEmpty());
  appliance_->Run(now_ += milliseconds(200));  // counters are posted
  EXPECT_EQ(appliance_->statistics().admission.waiting_at_syn, 1u);
  // Its turn comes with the end of the one before it, and it need not ask again.
  const auto sent = Ask(TcpFrame(served, {.source = Port(1024),
                                          .destination = Port(80),
                                          .seq = See(syn_ack[0]).tcp->ack,
                                          .ack = See(syn_ack[0]).tcp->seq + 1,
                                          .flags = {.rst = true},
                                          .window = 65535,
                                          .options = {}}));
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(See(sent[0]).link.destination, leased.from);
  EXPECT_EQ(See(sent[0]).ip->destination, leased.source);
  EXPECT_EQ(See(sent[0]).tcp->destination, Port(1024));
  EXPECT_EQ(See(sent[0]).tcp->flags, (tcp::Flags{.syn = true, .ack = true}));
  // That is no cookie: when it is lost it is sent again, while the machine waits for it.
  appliance_->Run(now_ += milliseconds(1100));
  const auto later = appliance_->Sent();
  const auto again = std::ranges::find_if(later, [&](const Buffer& frame) {
    return See(frame).tcp && See(frame).ip->destination == leased.source;
  });
  ASSERT_NE(again, later.end());
  EXPECT_EQ(*See(*again).tcp, *See(sent[0]).tcp);
}

// The wire takes what its ring holds each millisecond, and twenty times as many SYNs come.
TEST_F(WorkerFloodTest, AFloodThatWouldFillTheWireHardlyDelaysADownload) {
  Start();
  DownloadBeside({.syns = 64, .takes_each_round = false});
  EXPECT_GT(appliance_->Dropped(Drop::kTransmitRingFull), 0U);
}

// The wire takes whatever comes, and more SYNs come in a round than the outbox has room for.
TEST_F(WorkerFloodTest, AFloodThatTheWireCarriesHardlyDelaysADownload) {
  Start({.wire = {.ring_frames = 1024}});
  DownloadBeside({.syns = 500, .takes_each_round = true});
}

TEST_F(WorkerFloodTest, AnswersNoSynOfAFloodThatItWouldNotAnswerOtherwise) {
  Start();
  for (std::uint16_t i = 0; i < kBacklog; ++i) Ask(SynFrame(static_cast<std::uint16_t>(2000 + i)));
  Buffer wrong = SynFrame(3000);
  wrong[14 + 20 + 16] ^= 1;  // TCP's checksum
  EXPECT_THAT(Ask(wrong), IsEmpty());
  EXPECT_EQ(appliance_->Dropped(Drop::kTcpChecksum), 1u);
  wrong = SynFrame(3000);
  wrong[14 + 10] ^= 1;  // IPv4's
  EXPECT_THAT(Ask(wrong), IsEmpty());
  EXPECT_EQ(appliance_->Dropped(Drop::kIpHeaderChecksum), 1u);
  Ends to_all = kMachine;
  to_all.to = MacAddress::Broadcast();
  EXPECT_THAT(Ask(SynFrame(3000, to_all)), IsEmpty());
  Ends martian = kMachine;
  martian.source = Ipv4Address(127, 0, 0, 1);
  EXPECT_THAT(Ask(SynFrame(3000, martian)), IsEmpty());
  EXPECT_EQ(appliance_->Dropped(Drop::kIpMartianSource), 1u);
  // One of the eight, again: its own connection answers, with the same number as before.
  const auto again = Ask(SynFrame(2000));
  EXPECT_THAT(Ask(SynFrame(2000)).size() + again.size(), ::testing::Ge(1u));
  EXPECT_TRUE(appliance_->StepsAddUp());
}

TEST_F(WorkerFloodTest, AnswersAFloodOnItsVlan) {
  Start({.vlan = VlanId(7)});
  Ends tagged = kMachine;
  tagged.vlan = VlanId(7);
  for (std::uint16_t i = 0; i < 2 * kBacklog; ++i) {
    const auto sent = Ask(SynFrame(static_cast<std::uint16_t>(2000 + i), tagged));
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_EQ(See(sent[0]).link.vlan, VlanId(7));
  }
  EXPECT_THAT(Ask(SynFrame(4000)), IsEmpty());
  EXPECT_EQ(appliance_->Dropped(Drop::kVlanNotOurs), 1u);
}

class WorkerCrowdTest : public WorkerTest {
 protected:
  // A connection of `ends` to port 80 that asks for nothing; true when it was let in.
  bool Hold(std::uint16_t port, const Ends& ends = kMachine) {
    const auto sent = Ask(SynFrame(port, ends));
    if (sent.size() != 1 || !See(sent[0]).tcp->flags.syn) return false;
    const tcp::Segment syn_ack = *See(sent[0]).tcp;
    Ask(TcpFrame(ends, {.source = Port(port),
                        .destination = Port(80),
                        .seq = syn_ack.ack,
                        .ack = syn_ack.seq + 1,
                        .flags = {.ack = true},
                        .window = 65535,
                        .options = {}}));
    return true;
  }
};

constexpr std::uint16_t kConnections = 16;  // of tests' appliances

TEST_F(WorkerCrowdTest, OneMachineThatHoldsAllConnectionsKeepsNoOtherFromBooting) {
  Start();
  for (std::uint16_t i = 0; i < kConnections; ++i) {
    ASSERT_TRUE(Hold(static_cast<std::uint16_t>(2000 + i)));
    now_ += milliseconds(100);
    appliance_->Run(now_);
  }
  appliance_->Run(now_ += milliseconds(300));  // counters are posted
  ASSERT_EQ(appliance_->statistics().connections, kConnections);
  EXPECT_FALSE(Hold(3000)) << "its own next is refused";
  EXPECT_EQ(appliance_->Dropped(Drop::kTcpConnectionLimit), 1u);
  appliance_->Events();

  Ends other = kMachine;
  other.from = {{0x52, 0x54, 0, 0, 0, 10}};
  other.source = Ipv4Address(10, 77, 0, 10);
  Station station(other, MachineSettings(), 1);
  HttpClient client(kGet, kImageSize);
  station.Connect(Port(1024), Port(80), client, now_);
  std::vector<Event> told;
  Talk(station, [&] {
    for (const Event& event : appliance_->Events()) told.push_back(event);
    return station.closed;
  });
  ExpectImage(client);
  EXPECT_FALSE(station.reset);
  EXPECT_EQ(appliance_->Dropped(Drop::kTcpCrowdedOut), 1u);
  const auto crowded = std::ranges::find_if(told, [](const Event& event) {
    return event.text().find("because=TcpCrowdedOut") != std::string_view::npos;
  });
  ASSERT_NE(crowded, told.end());
  EXPECT_EQ(crowded->kind, EventKind::kTcpClosed);
  EXPECT_EQ(crowded->port, Port(2000)) << "the one that was idle the longest";
  EXPECT_EQ(crowded->mac, kMachine.from);
}

TEST_F(WorkerCrowdTest, TheOneThatGivesWayIsResetAtItsOwnStation) {
  Start();
  for (std::uint16_t i = 0; i < kConnections; ++i) {
    ASSERT_TRUE(Hold(static_cast<std::uint16_t>(2000 + i)));
  }
  Ends other = kMachine;
  other.from = {{0x52, 0x54, 0, 0, 0, 10}};
  other.source = Ipv4Address(10, 77, 0, 10);
  const auto syn_ack = Ask(SynFrame(1024, other));
  ASSERT_THAT(syn_ack, SizeIs(1));
  const tcp::Segment cookie = *See(syn_ack[0]).tcp;
  const auto sent = Ask(TcpFrame(other, {.source = Port(1024),
                                         .destination = Port(80),
                                         .seq = cookie.ack,
                                         .ack = cookie.seq + 1,
                                         .flags = {.ack = true},
                                         .window = 65535,
                                         .options = {}}));
  ASSERT_THAT(sent, SizeIs(1));
  const Seen reset = See(sent[0]);
  EXPECT_TRUE(reset.tcp->flags.rst);
  EXPECT_EQ(reset.link.destination, kMachine.from);
  EXPECT_EQ(reset.ip->destination, kMachine.source);
}

}  // namespace
}  // namespace slipway::dataplane
