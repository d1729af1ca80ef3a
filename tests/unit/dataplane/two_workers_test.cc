// SPDX-License-Identifier: Apache-2.0
//
// Two workers and one port that does not spread frames: what one of them learns, the other needs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <variant>

#include "dataplane/distribution.h"
#include "tests/unit/dataplane/dhcp_frames.h"
#include "tests/unit/dataplane/one_machine.h"

namespace slipway::dataplane {
namespace {

using std::chrono::milliseconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class TwoWorkersTest : public OneMachineTest {
 protected:
  static Buffer SynFrame(const Ends& ends, Port port) {
    tcp::Segment syn = FromMachine({.syn = true}, 100, {}, port);
    syn.options.mss = std::uint16_t{1460};
    return TcpFrame(ends, syn);
  }
  // A port of the machine whose connections are this worker's.
  static Port PortOf(unsigned worker, const Ends& ends) {
    std::uint16_t port = 2000;
    while (Owner(SynFrame(ends, Port(port)), 2) != worker) ++port;
    return Port(port);
  }
  // Connects and asks for the image; the first frames of it.
  std::vector<Buffer> Get(const Ends& ends, Port port) {
    const auto answer = Ask(SynFrame(ends, port));
    if (answer.size() != 1) return {};
    tcp::Segment get =
        FromMachine({.psh = true, .ack = true}, 101, See(answer[0]).tcp->seq + 1, port);
    get.text = AsBytes(kGet);
    return Ask(TcpFrame(ends, get));
  }
};

// RFC 1191 3: the router's message has no ports of its own; the connection is in what it quotes.
TEST_F(TwoWorkersTest, APathsMtuReachesTheConnectionsWorker) {
  constexpr std::uint16_t kMtu = 1000;
  constexpr std::size_t kQuoted = ipv4::kHeaderSize + 8;
  Start({.workers = 2});
  Ends router = kMachine;
  router.source = Ipv4Address(10, 77, 0, 254);
  for (const unsigned worker : {0U, 1U}) {
    const auto sent = Get(kMachine, PortOf(worker, kMachine));
    ASSERT_FALSE(sent.empty());
    EXPECT_EQ(See(sent[0]).tcp->text.size(), 1460u);
    const auto again = Ask(IcmpFrame(router, {.type = icmp::kDestinationUnreachable,
                                              .code = icmp::kFragmentationNeeded,
                                              .argument = kMtu,
                                              .body = Bytes(sent[0]).subspan(14, kQuoted)}));
    ASSERT_FALSE(again.empty()) << "worker " << worker;
    for (const Buffer& frame : again) {
      EXPECT_LE(See(frame).tcp->text.size(), kMtu - 40u) << "worker " << worker;
    }
    EXPECT_EQ(See(again[0]).tcp->text.size(), kMtu - 40u);
    EXPECT_EQ(See(again[0]).tcp->seq, See(sent[0]).tcp->seq);
  }
}

TEST_F(TwoWorkersTest, ALeaseGivesAMachineItsPlaceAtTheSynOfEitherWorker) {
  Start({.workers = 2, .admission = {.machines_at_once = 1}});
  for (const unsigned worker : {0U, 1U}) {
    Ends served = kMachine;
    served.source = Ipv4Address(10, 77, 0, 10);
    ASSERT_FALSE(Get(served, PortOf(worker, served)).empty());
  }
  Ends leased = kMachine;
  const auto offers = Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover)));
  ASSERT_THAT(offers, SizeIs(1));
  leased.source = ReadDhcp(offers[0]).address;
  Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kRequest, leased.source)));
  appliance_->MakeLeasesDurable();
  appliance_->Run(now_);
  ASSERT_THAT(appliance_->Sent(), SizeIs(1)) << "the ACK";
  for (const unsigned worker : {0U, 1U}) {
    EXPECT_THAT(Ask(SynFrame(leased, PortOf(worker, leased))), IsEmpty()) << "worker " << worker;
  }
  appliance_->Run(now_ += milliseconds(200));  // counters are posted now and then
  for (const unsigned worker : {0U, 1U}) {
    EXPECT_EQ(appliance_->statistics(worker).admission.waiting_at_syn, 1u) << "worker " << worker;
  }
}

TEST(HandoverTest, SaysHowManyHadNoRoomForANotice) {
  const auto handover = Handover::Create(3);
  ASSERT_TRUE(handover.ok());
  for (unsigned i = 0; i < Handover::kNoticesPerRing; ++i) {
    EXPECT_EQ((*handover)->Tell(0, LeaseNotice{kMachine.from, Ipv4Address(i)}), 0u);
  }
  EXPECT_EQ((*handover)->Tell(0, LeaseNotice{}), 2u);
  Notice notice;
  EXPECT_FALSE((*handover)->Hear(0, notice));
  for (unsigned i = 0; i < Handover::kNoticesPerRing; ++i) {
    ASSERT_TRUE((*handover)->Hear(2, notice));
    EXPECT_EQ(std::get<LeaseNotice>(notice).mac, kMachine.from);
    EXPECT_EQ(std::get<LeaseNotice>(notice).address, Ipv4Address(i));
  }
  EXPECT_FALSE((*handover)->Hear(2, notice));
  EXPECT_EQ((*handover)->Tell(0, LeaseNotice{}), 1u) << "the other has heard nothing yet";
}

}  // namespace
}  // namespace slipway::dataplane
