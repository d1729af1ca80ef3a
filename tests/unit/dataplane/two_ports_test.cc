// SPDX-License-Identifier: Apache-2.0
//
// One worker, two ports: what happens on one is no concern of the other's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

#include "tests/support/appliance.h"
#include "tests/support/station.h"
#include "tests/unit/dataplane/dhcp_frames.h"
#include "tests/unit/dataplane/worker_fixture.h"

namespace slipway::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Ends kFirst{.from = {{0x52, 0x54, 0, 0, 0, 9}},
                      .to = kApplianceMac,
                      .source = Ipv4Address(10, 77, 0, 9),
                      .destination = kApplianceAddress};
constexpr Ends kSecond{.from = {{0x52, 0x54, 0, 0, 0, 10}},
                       .to = kSecondMac,
                       .source = Ipv4Address(10, 78, 0, 9),
                       .destination = kSecondAddress};

class TwoPortsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { memory_ = new Memory; }
  static void TearDownTestSuite() {
    delete memory_;
    memory_ = nullptr;
  }

  void Start(const ApplianceOptions& options) {
    image_ = NewImage(*memory_, kImageSize, 1);
    appliance_ = std::make_unique<Appliance>(*memory_, options);
    appliance_->snapshots().Publish(NewSnapshot({image_}));
    for (const Time end = now_ + seconds(10); now_ < end; now_ += milliseconds(100)) {
      appliance_->Run(now_);
      Empty(appliance_->wire());
      Empty(appliance_->second_wire());
    }
  }
  void TearDown() override {
    EXPECT_TRUE(appliance_->StepsAddUp());
    appliance_->Stop(now_);
    appliance_->wire().Shutdown();
    appliance_->second_wire().Shutdown();
    appliance_.reset();
    EXPECT_EQ(memory_->in_use(), 0u);
  }

  static std::size_t Empty(VirtualWire& wire) {
    std::size_t count = 0;
    while (!wire.Take().empty()) ++count;
    return count;
  }
  // All that leaves by `wire` because `frame` came there.
  std::vector<Buffer> Ask(VirtualWire& wire, const Buffer& frame) {
    EXPECT_TRUE(wire.Deliver(frame));
    appliance_->Run(now_);
    return Sent(wire);
  }
  static std::vector<Buffer> Sent(VirtualWire& wire) {
    std::vector<Buffer> sent;
    for (Frame frame = wire.Take(); !frame.empty(); frame = wire.Take()) {
      frame.CopyTo(sent.emplace_back(frame.size()));
    }
    return sent;
  }
  // Nobody takes what leaves by this wire, until there is no room for a burst any more.
  void Fill(VirtualWire& wire) {
    const icmp::Message echo{.type = icmp::kEcho, .code = 0, .argument = 1, .body = {}};
    for (std::size_t i = 0; i < 64 + Link::kOutboxMax; ++i) {
      wire.Deliver(IcmpFrame(kFirst, echo));
      appliance_->Run(now_);
    }
  }
  // The appliance gets what the station says; nobody takes an answer.
  void Hear(Station& station, VirtualWire& wire) {
    while (const auto frame = station.Emit(now_)) wire.Deliver(*frame);
    appliance_->Run(now_);
  }
  // The longest IPv4 packet that came from it meanwhile is remembered.
  void Exchange(Station& station, VirtualWire& wire) {
    while (const auto frame = station.Emit(now_)) ASSERT_TRUE(wire.Deliver(*frame));
    appliance_->Run(now_);
    for (Frame frame = wire.Take(); !frame.empty(); frame = wire.Take()) {
      Buffer bytes(frame.size());
      frame.CopyTo(bytes);
      longest_ = std::max(longest_, bytes.size() - 14);
      station.Receive(bytes, now_);
    }
    if (station.Deadline() <= now_) station.Expire(now_);
  }
  template <class Done>
  bool Talk(Station& station, VirtualWire& wire, Done&& done) {
    for (const Time end = now_ + seconds(5); now_ < end && !done(); now_ += milliseconds(1)) {
      Exchange(station, wire);
    }
    return done();
  }
  // DHCP for both ports.
  std::unique_ptr<Snapshot> TwoNetworks() const {
    const auto network = [](std::uint16_t interface, Ipv4Address server, Ipv4Address pool) {
      dhcp::NetworkSettings settings;
      settings.name = interface == 0 ? "first" : "second";
      settings.prefix = Ipv4Prefix{server, 24};
      settings.attachment = dhcp::Attachment{interface, {}};
      settings.server_address = server;
      settings.pools = {{pool, pool}};
      settings.lease_without_boot_rule = true;
      return settings;
    };
    auto snapshot = NewSnapshot({image_});
    snapshot->dhcp = std::make_unique<const dhcp::Policy>(dhcp::PolicySettings{
        .networks = {network(0, kApplianceAddress, Ipv4Address(10, 77, 0, 100)),
                     network(1, kSecondAddress, Ipv4Address(10, 78, 0, 100))},
        .machines = {},
        .boot = {}});
    return snapshot;
  }
  static tcp::Settings SettingsFor(std::uint16_t mss) {
    tcp::Settings settings;
    settings.mss = mss;
    settings.connections_max = 4;
    return settings;
  }

  static Memory* memory_;
  std::shared_ptr<const MutableBytes> image_;
  std::unique_ptr<Appliance> appliance_;
  Time now_{seconds(1)};
  std::size_t longest_ = 0;
};

Memory* TwoPortsTest::memory_ = nullptr;

// Those who end while they stand aside leave that line only in their turn: more of them than it has
// places for may come meanwhile, as anybody can send a SYN and a reset.
TEST_F(TwoPortsTest, ConnectionsThatEndWhileAPortHasNoRoomDoNoHarm) {
  Start({.second_mtu = 1500});
  Fill(appliance_->wire());
  for (std::uint16_t i = 0; i < 200; ++i) {
    tcp::Segment segment{.source = Port(static_cast<std::uint16_t>(2000 + i)),
                         .destination = Port(80),
                         .seq = tcp::SeqNum(1000),
                         .flags = {.syn = true},
                         .window = 65535,
                         .options = {}};
    appliance_->wire().Deliver(TcpFrame(kFirst, segment));
    appliance_->Run(now_);
    segment.seq = tcp::SeqNum(1001);
    segment.flags = {.rst = true};
    appliance_->wire().Deliver(TcpFrame(kFirst, segment));
    appliance_->Run(now_);
  }
  // The other port serves, and this one does when it has room again.
  Station other(kSecond, SettingsFor(1460), 1);
  HttpClient client(kGet, kImageSize);
  other.Connect(Port(1024), Port(80), client, now_);
  EXPECT_TRUE(Talk(other, appliance_->second_wire(), [&] { return other.closed; }));
  EXPECT_GT(client.text.size(), kImageSize);
  Empty(appliance_->wire());
  appliance_->Run(now_);
  Empty(appliance_->wire());
  Station station(kFirst, SettingsFor(1460), 2);
  HttpClient again(kGet, kImageSize);
  station.Connect(Port(1024), Port(80), again, now_);
  EXPECT_TRUE(Talk(station, appliance_->wire(), [&] { return station.closed; }));
}

TEST_F(TwoPortsTest, TellsOfALinkAndAnnouncesItsAddressWhenItIsBack) {
  Start({.second_mtu = 1500});
  appliance_->Events();
  const auto after = [&](bool up) {
    appliance_->second_wire().SetLink(up);
    for (const Time end = now_ + seconds(5); now_ < end; now_ += milliseconds(100)) {
      appliance_->Run(now_);
    }
    return appliance_->Events();
  };
  for (const bool up : {false, true}) {
    const auto events = after(up);
    ASSERT_THAT(events, testing::SizeIs(1));
    EXPECT_EQ(events[0].kind, EventKind::kLinkChanged);
    EXPECT_EQ(events[0].number, 1) << "which port";
    EXPECT_EQ(events[0].extra, up ? 1 : 0);
    EXPECT_EQ(Empty(appliance_->wire()), 0u) << "the other port is not concerned";
    const std::size_t told = Empty(appliance_->second_wire());
    EXPECT_EQ(told > 0, up) << told << " frames";
  }
}

// Four machines whose port takes nothing wait for their answers.
TEST_F(TwoPortsTest, AFullPortDoesNotHoldUpTheOther) {
  Start({.second_mtu = 1500});
  VirtualWire& full = appliance_->wire();
  const auto boot_on_second = [&](std::uint16_t port) {
    Station station(kSecond, SettingsFor(1460), port);
    HttpClient client(kGet, kImageSize);
    const Time began = now_;
    station.Connect(Port(port), Port(80), client, now_);
    EXPECT_TRUE(Talk(station, appliance_->second_wire(), [&] { return station.closed; }));
    EXPECT_GT(client.text.size(), kImageSize);
    return now_ - began;
  };
  const Duration undisturbed = boot_on_second(1024);

  std::vector<std::unique_ptr<Station>> stuck;
  std::vector<std::unique_ptr<HttpClient>> waiting;
  for (std::uint16_t port = 1024; port < 1028; ++port) {
    stuck.push_back(std::make_unique<Station>(kFirst, SettingsFor(1460), port));
    waiting.push_back(std::make_unique<HttpClient>(kGet, kImageSize));
    stuck.back()->Connect(Port(port), Port(80), *waiting.back(), now_);
    ASSERT_TRUE(Talk(*stuck.back(), full, [&] { return stuck.back()->opened; }));
  }
  Fill(full);
  for (const auto& station : stuck) Hear(*station, full);
  EXPECT_EQ(boot_on_second(1025), undisturbed);
  for (const auto& client : waiting) EXPECT_TRUE(client->text.empty());

  // And who waited is served once there is room.
  Empty(full);
  for (const Time end = now_ + seconds(5); now_ < end; now_ += milliseconds(1)) {
    for (const auto& station : stuck) Hear(*station, full);
    for (Frame frame = full.Take(); !frame.empty(); frame = full.Take()) {
      Buffer bytes(frame.size());
      frame.CopyTo(bytes);
      if (const auto tcp = See(bytes).tcp)
        stuck[tcp->destination.value() - 1024]->Receive(bytes, now_);
    }
  }
  for (const auto& client : waiting) EXPECT_GT(client->text.size(), kImageSize);
}

TEST_F(TwoPortsTest, AConnectionThatEndsWhileItsPortIsFullLeavesNothing) {
  Start({.second_mtu = 1500});
  VirtualWire& full = appliance_->wire();
  Station stuck(kFirst, SettingsFor(1460), 1);
  HttpClient waiting(kGet, kImageSize);
  stuck.Connect(Port(1024), Port(80), waiting, now_);
  ASSERT_TRUE(Talk(stuck, full, [&] { return stuck.opened; }));
  Fill(full);
  Hear(stuck, full);
  stuck.host().Abort(stuck.connection());
  Hear(stuck, full);
  Empty(full);
  appliance_->Run(now_);

  Station next(kFirst, SettingsFor(1460), 3);
  HttpClient served(kGet, kImageSize);
  next.Connect(Port(1025), Port(80), served, now_);
  EXPECT_TRUE(Talk(next, full, [&] { return next.closed; }));
  EXPECT_GT(served.text.size(), kImageSize);
}

// A port does not answer for another's address, so a machine told of that one never boots.
TEST_F(TwoPortsTest, ABootNameHasTheAddressOfThePortThatIsAsked) {
  Start({.second_mtu = 1500});
  auto snapshot = NewSnapshot({image_});
  ASSERT_TRUE(snapshot->dns.Add("boot.test", kSecondAddress));
  appliance_->snapshots().Publish(std::move(snapshot));
  appliance_->Run(now_);
  struct Case {
    const Ends& ends;
    VirtualWire& wire;
  };
  for (const Case& each :
       {Case{kFirst, appliance_->wire()}, Case{kSecond, appliance_->second_wire()}}) {
    const auto sent =
        Ask(each.wire,
            UdpFrame(each.ends,
                     {.source = Port(4000), .destination = Port(53), .payload = DnsQuery("boot")}));
    ASSERT_THAT(sent, testing::SizeIs(1));
    const Bytes answer = See(sent[0]).udp->payload;
    EXPECT_EQ(answer[7], 1) << "answers";
    Reader address(answer.last(4));
    EXPECT_EQ(Ipv4Address(address.U32()), each.ends.destination);
  }
}

// A machine has its image and is silent from then on, so the connection is closed and then given
// up. What comes all the time comes by the second port, from another machine.
TEST_F(TwoPortsTest, ResetsAConnectionThatTimedOutAtItsOwnStation) {
  Start({.second_mtu = 1500});
  Station silent(kFirst, SettingsFor(1460), 1);
  HttpClient stays(kGet, 2 * kImageSize);
  silent.Connect(Port(1024), Port(80), stays, now_);
  ASSERT_TRUE(Talk(silent, appliance_->wire(), [&] { return stays.text.size() > kImageSize; }));
  Exchange(silent, appliance_->wire());
  const Buffer stray = TcpFrame(
      kSecond, {.source = Port(9), .destination = Port(80), .flags = {.ack = true}, .options = {}});
  std::vector<Buffer> resets;
  for (const Time end = now_ + seconds(1800); now_ < end && resets.empty();
       now_ += milliseconds(100)) {
    for (const Buffer& frame : Ask(appliance_->second_wire(), stray)) {
      const Seen seen = See(frame);
      EXPECT_TRUE(!seen.tcp || seen.ip->destination == kSecond.source) << "by the other port";
    }
    for (Buffer& frame : Sent(appliance_->wire())) {
      const Seen seen = See(frame);
      if (seen.tcp && seen.tcp->flags.rst) resets.push_back(std::move(frame));
    }
  }
  ASSERT_THAT(resets, testing::SizeIs(1));
  EXPECT_EQ(See(resets[0]).link.destination, kFirst.from);
  EXPECT_EQ(See(resets[0]).tcp->destination, Port(1024));
}

// Both machines' leases are on disk; the first one's port takes nothing.
TEST_F(TwoPortsTest, AFullPortDoesNotHoldBackTheAcksOfTheOther) {
  Start({.second_mtu = 1500});
  appliance_->snapshots().Publish(TwoNetworks());
  appliance_->Run(now_);
  VirtualWire& full = appliance_->wire();
  VirtualWire& free = appliance_->second_wire();
  const auto request = [&](VirtualWire& wire, const MacAddress& station, Ipv4Address server) {
    const auto offers =
        Ask(wire, DhcpFrame(DhcpMessage(DhcpMessageType::kDiscover, {}, kHttpVendor, {station})));
    EXPECT_THAT(offers, testing::SizeIs(1));
    return DhcpFrame(DhcpMessage(DhcpMessageType::kRequest, ReadDhcp(offers.at(0)).address,
                                 kHttpVendor, {station, server}));
  };
  const Buffer first = request(full, kFirst.from, kApplianceAddress);
  const Buffer second = request(free, kSecond.from, kSecondAddress);
  Fill(full);
  Fill(full);  // to the last frame
  full.Deliver(first);
  EXPECT_THAT(Ask(free, second), testing::IsEmpty()) << "not on disk yet";
  EXPECT_EQ(appliance_->MakeLeasesDurable(), 2u);
  appliance_->Run(now_);
  const auto acks = Sent(free);
  ASSERT_THAT(acks, testing::SizeIs(1));
  EXPECT_EQ(ReadDhcp(acks[0]).type, DhcpMessageType::kAck);

  // And the first has its own once there is room.
  bool acknowledged = false;
  for (int round = 0; round < 1000; ++round) {
    appliance_->RunOnce(now_);
    for (const Buffer& frame : Sent(full)) acknowledged |= See(frame).udp.has_value();
  }
  EXPECT_TRUE(acknowledged);
}

TEST_F(TwoPortsTest, SegmentsAreAsLongAsEachPortsOwnMtu) {
  Start({.mtu = 1500, .second_mtu = 576});
  struct Case {
    const Ends& ends;
    VirtualWire& wire;
    std::size_t mtu;
  };
  for (const Case& each :
       {Case{kFirst, appliance_->wire(), 1500}, Case{kSecond, appliance_->second_wire(), 576}}) {
    SCOPED_TRACE(each.mtu);
    Station station(each.ends, SettingsFor(1460), 1);
    HttpClient client(kGet, kImageSize);
    longest_ = 0;
    station.Connect(Port(1024), Port(80), client, now_);
    ASSERT_TRUE(Talk(station, each.wire, [&] { return station.opened; }));
    const auto offered = station.host().Info(station.connection()).peer.mss;
    EXPECT_EQ(offered, each.mtu - 40);
    EXPECT_TRUE(Talk(station, each.wire, [&] { return station.closed; }));
    EXPECT_GT(client.text.size(), kImageSize);
    EXPECT_EQ(longest_, each.mtu);
  }
}

}  // namespace
}  // namespace slipway::dataplane
