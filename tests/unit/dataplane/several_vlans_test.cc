// SPDX-License-Identifier: Apache-2.0
//
// Several VLANs of one port: each is an interface of its own, with its own addresses, networks and
// ARP, and shares no more than the wire with the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "tests/unit/dataplane/dhcp_frames.h"
#include "tests/unit/dataplane/worker_fixture.h"

namespace slipway::dataplane {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr VlanId kTag{7};
constexpr VlanId kUntagged{};

// A machine of the network in kTag, whose server is kSecondAddress.
constexpr Ends kTagged{.from = {{0x52, 0x54, 0, 0, 0, 10}},
                       .to = kApplianceMac,
                       .source = Ipv4Address(10, 78, 0, 9),
                       .destination = kSecondAddress,
                       .vlan = kTag};

VlanId VlanOf(const Buffer& frame) { return See(frame).link.vlan.value_or(kUntagged); }

class SeveralVlansTest : public WorkerTest {
 protected:
  // Untagged frames and those of kTag, on one port.
  void StartBoth(unsigned workers = 1) {
    image_ = NewImage(*memory_, kImageSize, 1);
    appliance_ = std::make_unique<Appliance>(
        *memory_, ApplianceOptions{.workers = workers, .second_vlan = kTag});
    appliance_->snapshots().Publish(
        NewSnapshot({.image = image_, .tls = true, .second_vlan = kTag}));
  }
};

TEST_F(SeveralVlansTest, EachIsAnsweredUnderItsOwnAddressAndTag) {
  StartBoth();
  Settle();
  const auto untagged = Ask(WhoHas(kApplianceAddress));
  ASSERT_THAT(untagged, SizeIs(1));
  EXPECT_EQ(VlanOf(untagged[0]), kUntagged);
  const auto tagged = Ask(WhoHas(kSecondAddress, kTagged));
  ASSERT_THAT(tagged, SizeIs(1));
  EXPECT_EQ(VlanOf(tagged[0]), kTag);
  const auto echo = Ask(Echo(kTagged, Buffer(8)));
  ASSERT_THAT(echo, SizeIs(1));
  EXPECT_EQ(VlanOf(echo[0]), kTag);
  EXPECT_EQ(VlanOf(Ask(Echo(kMachine, Buffer(8))).at(0)), kUntagged);
}

// A firewall between two VLANs would be none if whoever is in one reached the address of the other.
TEST_F(SeveralVlansTest, NoneReachesTheAddressOfAnother) {
  StartBoth();
  Settle();
  EXPECT_THAT(Ask(WhoHas(kSecondAddress)), IsEmpty());
  EXPECT_THAT(Ask(WhoHas(kApplianceAddress, kTagged)), IsEmpty());
  Ends across = kTagged;
  across.destination = kApplianceAddress;
  EXPECT_THAT(Ask(Echo(across, Buffer(8))), IsEmpty());
  across = kMachine;
  across.destination = kSecondAddress;
  EXPECT_THAT(Ask(Echo(across, Buffer(8))), IsEmpty());
  EXPECT_EQ(appliance_->Dropped(Drop::kIpNotForUs), 2u);
  Ends foreign = kTagged;
  foreign.vlan = VlanId(8);
  EXPECT_THAT(Ask(Echo(foreign, Buffer(8))), IsEmpty());
  EXPECT_EQ(appliance_->Dropped(Drop::kVlanNotOurs), 1u);
}

TEST_F(SeveralVlansTest, EachHasAddressesOfItsOwnNetwork) {
  StartBoth();
  Settle();
  const Buffer discover = DhcpMessage(DhcpMessageType::kDiscover);
  const auto first = Ask(DhcpFrame(discover));
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(VlanOf(first[0]), kUntagged);
  EXPECT_TRUE((Ipv4Prefix{kApplianceAddress, 24}).Contains(ReadDhcp(first[0]).address));
  const auto second = Ask(DhcpFrame(discover, kTag));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(VlanOf(second[0]), kTag);
  EXPECT_TRUE((Ipv4Prefix{kSecondAddress, 24}).Contains(ReadDhcp(second[0]).address));
  // Nor does the ACK, which waits for the disk, forget where it belongs.
  EXPECT_THAT(Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kRequest, ReadDhcp(second[0]).address,
                                        kHttpVendor, {.server = kSecondAddress}),
                            kTag)),
              IsEmpty());
  EXPECT_EQ(appliance_->MakeLeasesDurable(), 1u);
  appliance_->Run(now_);
  const auto acks = appliance_->Sent();
  ASSERT_THAT(acks, SizeIs(1));
  EXPECT_EQ(ReadDhcp(acks[0]).type, DhcpMessageType::kAck);
  EXPECT_EQ(VlanOf(acks[0]), kTag);
  EXPECT_THAT(Ask(DhcpFrame(discover, VlanId(8))), IsEmpty());
}

TEST_F(SeveralVlansTest, MachinesOfBothDownloadAtOnce) {
  StartBoth();
  Settle();
  Station one(kMachine, MachineSettings(), 1);
  Station two(kTagged, MachineSettings(), 2);
  HttpClient first(kGet, kImageSize);
  HttpClient second(kGet, kImageSize, TLS1_3_VERSION);
  one.Connect(Port(1024), Port(80), first, now_);
  two.Connect(Port(1024), Port(443), second, now_);
  const auto say = [&](Station& station) {
    while (const auto frame = station.Emit(now_)) appliance_->wire().Deliver(*frame);
  };
  for (const Time end = now_ + std::chrono::seconds(60); now_ < end && !(one.closed && two.closed);
       now_ += std::chrono::milliseconds(1)) {
    say(one);
    say(two);
    appliance_->Run(now_);
    while (const auto frame = appliance_->Emit(now_)) {
      Station& whose = See(*frame).link.destination == kTagged.from ? two : one;
      EXPECT_EQ(VlanOf(*frame), &whose == &two ? kTag : kUntagged);
      whose.Receive(*frame, now_);
    }
    for (Station* each : {&one, &two}) {
      if (each->Deadline() <= now_) each->Expire(now_);
    }
  }
  TakeLast(one);
  TakeLast(two);
  ExpectImage(first);
  ExpectImage(second);
}

TEST_F(SeveralVlansTest, AnotherWorkersFramesKeepTheirVlan) {
  StartBoth(/*workers=*/2);
  Settle();
  // Software hands about half of them to the worker that has no queue.
  for (std::uint16_t port = 2000; port < 2008; ++port) {
    Station station(kTagged, MachineSettings(), port);
    Boot(station, Port(port), Port(80));
  }
  EXPECT_GT(appliance_->statistics(1).payload_bytes, 0u);
}

TEST_F(SeveralVlansTest, EachIsToldWhoWeAre) {
  StartBoth();
  std::set<std::pair<VlanId, Ipv4Address>> told;
  for (const Time end = now_ + std::chrono::seconds(10); now_ < end;
       now_ += std::chrono::milliseconds(100)) {
    appliance_->Run(now_);
    for (const Buffer& frame : appliance_->Sent()) {
      const Seen seen = See(frame);
      ASSERT_TRUE(seen.arp);
      told.emplace(VlanOf(frame), seen.arp->sender_ip);
    }
  }
  EXPECT_EQ(told, (std::set<std::pair<VlanId, Ipv4Address>>{{kUntagged, kApplianceAddress},
                                                            {kTag, kSecondAddress}}));
}

}  // namespace
}  // namespace slipway::dataplane
