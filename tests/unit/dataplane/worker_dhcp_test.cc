// SPDX-License-Identifier: Apache-2.0
//
// DHCP through a whole worker: answers that wait for the disk, messages in pieces, what is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include "tests/unit/dataplane/dhcp_frames.h"
#include "tests/unit/dataplane/worker_fixture.h"

namespace slipway::dataplane {
namespace {

using std::chrono::milliseconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WorkerDhcpTest : public WorkerTest {
 protected:
  std::vector<Buffer> AskFragmented(const Ends& ends, ipv4::Packet packet, std::size_t cut) {
    const Bytes whole = packet.payload;
    packet.identification = 77;
    packet.payload = whole.first(cut);
    packet.more_fragments = true;
    EXPECT_THAT(Ask(IpFrame(ends, packet)), IsEmpty());
    packet.payload = whole.subspan(cut);
    packet.more_fragments = false;
    packet.fragment_offset = static_cast<std::uint16_t>(cut);
    return Ask(IpFrame(ends, packet));
  }
};

TEST_F(WorkerDhcpTest, DropsNoAckWhenOneCommitFreesMoreThanTheWireTakes) {
  constexpr std::size_t kAcks = 700;
  Start({.leases = 1024});
  const auto offers = Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover)));
  ASSERT_THAT(offers, SizeIs(1));
  const Buffer request =
      DhcpFrame(DhcpMessage(DhcpMessageType::kRequest, ReadDhcp(offers[0]).address));
  for (std::size_t i = 0; i < kAcks; ++i) EXPECT_THAT(Ask(request), IsEmpty());
  EXPECT_EQ(appliance_->MakeLeasesDurable(), kAcks);
  std::size_t acks = 0;
  for (int round = 0; round < 1000; ++round) {
    appliance_->RunOnce(now_);
    acks += appliance_->Sent().size();
  }
  EXPECT_EQ(acks, kAcks);
  EXPECT_EQ(appliance_->Dropped(Drop::kTransmitRingFull), 0u);
}

TEST_F(WorkerDhcpTest, KeepsAnOfferForWhichThereIsNoRoomUntilThereIs) {
  Start();
  while (appliance_->Dropped(Drop::kTransmitRingFull) == 0) {  // nobody takes the answers
    appliance_->wire().Deliver(WhoHas(kApplianceAddress));
    appliance_->RunOnce(now_);
  }
  appliance_->wire().Deliver(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover)));
  appliance_->RunOnce(now_);
  EXPECT_EQ(appliance_->Dropped(Drop::kTransmitRingFull), 1U);
  std::size_t offers = 0;
  for (int round = 0; round < 1000; ++round) {
    appliance_->RunOnce(now_);
    for (const Buffer& frame : appliance_->Sent()) {
      if (See(frame).ip) ++offers;
    }
  }
  EXPECT_EQ(offers, 1U);
}

TEST_F(WorkerDhcpTest, HoldsAnAckUntilTheLeaseIsOnDisk) {
  Start();
  const auto offers = Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover)));
  ASSERT_THAT(offers, SizeIs(1));
  const DhcpReply offer = ReadDhcp(offers[0]);
  EXPECT_EQ(offer.type, DhcpMessageType::kOffer);
  EXPECT_EQ(offer.boot, "http://boot.test/image.efi");
  EXPECT_TRUE(See(offers[0]).link.destination.is_broadcast());
  appliance_->MakeLeasesDurable();

  const Buffer request = DhcpFrame(DhcpMessage(DhcpMessageType::kRequest, offer.address));
  EXPECT_THAT(Ask(request), IsEmpty());
  now_ += milliseconds(100);
  appliance_->Run(now_);
  EXPECT_THAT(appliance_->Sent(), IsEmpty());
  EXPECT_EQ(appliance_->MakeLeasesDurable(), 1u);
  appliance_->Run(now_);
  const auto acks = appliance_->Sent();
  ASSERT_THAT(acks, SizeIs(1));
  EXPECT_EQ(ReadDhcp(acks[0]).type, DhcpMessageType::kAck);
  EXPECT_EQ(ReadDhcp(acks[0]).address, offer.address);
  std::vector<std::int64_t> leased;
  for (const Event& event : appliance_->Events()) {
    if (event.kind == EventKind::kDhcpAck) leased.push_back(event.number);
  }
  // What the client was told, not the second more that the server keeps it for.
  EXPECT_THAT(leased, testing::ElementsAre(3600));
}

// The journal is read by the wall clock, which NTP may set at any time.
TEST_F(WorkerDhcpTest, JournalsWhenALeaseEndsByTheWallClock) {
  Start();
  std::int64_t at_zero = kUnixNanosecondsAtZero;
  for (const Duration by : {Duration{}, Duration(std::chrono::hours(5)),
                            Duration(-std::chrono::hours(3)), Duration(milliseconds(1500))}) {
    appliance_->StepWallClock(by);
    at_zero += by.count();
    appliance_->Run(now_ += milliseconds(100));
    const auto offers = Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover)));
    ASSERT_THAT(offers, SizeIs(1));
    Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kRequest, ReadDhcp(offers[0]).address)));
    ASSERT_EQ(appliance_->MakeLeasesDurable(), 1u);
    const double ends = static_cast<double>(appliance_->journalled().expires_unix_seconds);
    const double told =
        1e-9 * static_cast<double>(at_zero + now_.time_since_epoch().count()) + 3600;
    EXPECT_GE(ends, told);
    EXPECT_LE(ends, told + 3);
    appliance_->Run(now_);
    appliance_->Sent();
  }
}

// What an event's kind already says is not said again by its text.
TEST_F(WorkerDhcpTest, TellsOfAnOfferWhatBootsAndOfARefusalWhy) {
  Start();
  ASSERT_THAT(Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover))), SizeIs(1));
  ASSERT_THAT(Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover, {}, "MSFT 5.0"))), SizeIs(1));
  ASSERT_THAT(Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kRequest, Ipv4Address(10, 9, 9, 9)))),
              SizeIs(1));
  std::vector<std::pair<EventKind, std::string>> told;
  for (const Event& event : appliance_->Events()) {
    if (event.kind == EventKind::kDhcpOffer || event.kind == EventKind::kDhcpNak) {
      told.emplace_back(event.kind, event.text());
    }
  }
  EXPECT_THAT(told, testing::ElementsAre(
                        testing::Pair(EventKind::kDhcpOffer, "http://boot.test/image.efi"),
                        testing::Pair(EventKind::kDhcpOffer, ""),
                        testing::Pair(EventKind::kDhcpNak, "address is not of this network")));
}

TEST_F(WorkerDhcpTest, PutsADhcpMessageInFragmentsTogether) {
  Start();
  const Buffer message = DhcpMessage(DhcpMessageType::kDiscover);
  Buffer datagram(message.size() + udp::kHeaderSize);
  udp::Emit({.source = kDhcpClientPort, .destination = kDhcpServerPort, .payload = message},
            {kUnbooted.source, kUnbooted.destination}, datagram);
  const auto offers = AskFragmented(kUnbooted,
                                    {.source = kUnbooted.source,
                                     .destination = kUnbooted.destination,
                                     .protocol = ipv4::kUdp,
                                     .options = {},
                                     .payload = datagram},
                                    160);
  ASSERT_THAT(offers, SizeIs(1));
  EXPECT_EQ(ReadDhcp(offers[0]).type, DhcpMessageType::kOffer);
}

TEST_F(WorkerDhcpTest, TellsWhoseOfferWasTakenAndThroughWhichRelay) {
  Start();
  appliance_->Events();
  Buffer request = DhcpMessage(DhcpMessageType::kRequest, Ipv4Address(10, 77, 0, 100));
  request[request.size() - 2] = 9;  // the last octet of the server's address
  Ask(DhcpFrame(request));
  Buffer relayed = DhcpMessage(DhcpMessageType::kDiscover);
  const Buffer relay = {10, 99, 0, 1};
  std::copy(relay.begin(), relay.end(), relayed.begin() + 24);  // giaddr
  Ask(DhcpFrame(relayed));
  const auto events = appliance_->Events();
  ASSERT_THAT(events, SizeIs(4));
  EXPECT_EQ(events[1].kind, EventKind::kDhcpIgnored);
  EXPECT_EQ(events[1].number, static_cast<std::int64_t>(Drop::kDhcpOtherServer));
  EXPECT_EQ(events[1].extra, Ipv4Address(10, 77, 0, 9).value());
  EXPECT_EQ(events[2].kind, EventKind::kDhcpDiscover);
  EXPECT_EQ(events[2].extra, Ipv4Address(10, 99, 0, 1).value());
  EXPECT_EQ(events[3].number, static_cast<std::int64_t>(Drop::kDhcpNoNetwork));
}

TEST_F(WorkerDhcpTest, TellsThatAnIpxeIsOne) {
  Start();
  Buffer discover = DhcpMessage(DhcpMessageType::kDiscover, {}, "PXEClient:Arch:00007");
  discover.pop_back();  // the end
  for (const char octet : std::string_view("\x4d\x04iPXE\xff")) {
    discover.push_back(static_cast<std::uint8_t>(octet));
  }
  appliance_->Events();
  Ask(DhcpFrame(discover));
  const auto events = appliance_->Events();
  ASSERT_FALSE(events.empty());
  ASSERT_EQ(events[0].kind, EventKind::kDhcpDiscover);
  EXPECT_THAT(std::string(events[0].text()),
              testing::MatchesRegex("iPXE PXEClient:Arch:00007 discover=[0-9a-f]+"));
}

// It is the last word, so that a vendor class of the same words is not taken for it.
TEST_F(WorkerDhcpTest, TellsTheFingerprintOfADiscoverHoweverLongItsVendorClass) {
  Start();
  const std::string longest = "HTTPClient:Arch:00016:UNDI:003001 discover=" + std::string(200, 'x');
  std::set<std::string> told;
  for (const std::size_t size :
       {std::size_t{33}, std::size_t{93}, std::size_t{94}, longest.size()}) {
    appliance_->Events();
    const std::string vendor = longest.substr(0, size);
    Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover, {}, vendor)));
    const auto events = appliance_->Events();
    ASSERT_FALSE(events.empty()) << size;
    const std::string text(events[0].text());
    const std::size_t at = text.rfind(" discover=");
    ASSERT_EQ(at, std::min<std::size_t>(size, 93)) << text;
    EXPECT_EQ(text.substr(0, at), vendor.substr(0, at));
    const std::string digits = text.substr(at + 10);
    EXPECT_THAT(digits, testing::MatchesRegex("[0-9a-f]+"));
    EXPECT_THAT(digits, testing::SizeIs(16));
    told.insert(digits);
  }
  EXPECT_EQ(told.size(), 4u) << "of all of the vendor class, not of what is shown of it";
  appliance_->Events();
  Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover, {}, "MSFT 5.0")));
  EXPECT_EQ(appliance_->Events().at(0).text(), "MSFT 5.0") << "it does not boot";
}

// What a worker reads at the beginning of a round, the test reads for it; between that and the
// current snapshot the control plane may free the old one and have its memory given out again.
TEST_F(WorkerDhcpTest, TakesASnapshotWhereTheOldOneWasForANewOne) {
  Start();
  const Snapshot* const old = appliance_->snapshots().Current();
  appliance_->snapshots().Publish(NewSnapshot({image_}));
  appliance_->snapshots().Quiescent(0);
  ASSERT_EQ(appliance_->snapshots().Collect(), 0u);
  std::vector<std::unique_ptr<Snapshot>> others;
  auto next = NewSnapshot({image_});
  while (next.get() != old && others.size() < 64) {
    others.push_back(std::exchange(next, NewSnapshot({image_})));
  }
  if (next.get() != old) GTEST_SKIP() << "this allocator gives no memory out again";
  next->dhcp.reset();
  appliance_->snapshots().Publish(std::move(next));
  EXPECT_THAT(Ask(DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover))), IsEmpty());
  EXPECT_EQ(appliance_->Dropped(Drop::kDhcpNoNetwork), 1u);
}

}  // namespace
}  // namespace slipway::dataplane
