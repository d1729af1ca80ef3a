// SPDX-License-Identifier: Apache-2.0
//
// A whole worker, by values: frames in, frames out, and nothing left over. Every test ends with
// the same three facts: the steps add up, no packet buffer is out, and no snapshot is held.
#include "dataplane/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/unit/dataplane/worker_fixture.h"

namespace slipway::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(WorkerTest, AnswersArpAheadOfEverythingElseInABurst) {
  Start();
  appliance_->wire().Deliver(Echo(kMachine, Buffer(8)));
  appliance_->wire().Deliver(Echo(kMachine, Buffer(8)));
  const auto sent = Ask(WhoHas(kApplianceAddress));
  ASSERT_THAT(sent, SizeIs(3));
  const Seen first = See(sent[0]);
  ASSERT_TRUE(first.arp);
  EXPECT_EQ(*first.arp, (arp::Packet{.operation = arp::Operation::kReply,
                                     .sender_mac = kApplianceMac,
                                     .sender_ip = kApplianceAddress,
                                     .target_mac = kMachine.from,
                                     .target_ip = kMachine.source}));
  EXPECT_EQ(first.link.destination, kMachine.from);
}

TEST_F(WorkerTest, TellsItsOwnAddressWhenItStarts) {
  image_ = NewImage(*memory_, kImageSize, 1);
  appliance_ = std::make_unique<Appliance>(*memory_, ApplianceOptions{});
  appliance_->snapshots().Publish(NewSnapshot({image_}));
  appliance_->Run(now_);
  now_ += seconds(5);
  appliance_->Run(now_);
  const auto sent = appliance_->Sent();
  ASSERT_FALSE(sent.empty());
  for (const Buffer& frame : sent) EXPECT_TRUE(See(frame).arp->is_announcement());
}

TEST_F(WorkerTest, AnswersDns) {
  Start();
  const auto sent = Ask(UdpFrame(
      kMachine, {.source = Port(4000), .destination = Port(53), .payload = DnsQuery("boot")}));
  ASSERT_THAT(sent, SizeIs(1));
  const Seen seen = See(sent[0]);
  ASSERT_TRUE(seen.udp);
  EXPECT_EQ(seen.udp->destination, Port(4000));
  EXPECT_EQ(seen.ip->source, kApplianceAddress);
  const Buffer address = {10, 77, 0, 1};
  EXPECT_TRUE(Equal(seen.udp->payload.last(4), address));
  const auto events = appliance_->Events();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().kind, EventKind::kDnsQuery);
  EXPECT_EQ(events.back().text(), "boot.test");
}

TEST_F(WorkerTest, AnswersAnEcho) {
  Start();
  const Buffer body = {1, 2, 3, 4, 5};
  const auto sent = Ask(Echo(kMachine, body));
  ASSERT_THAT(sent, SizeIs(1));
  const Seen seen = See(sent[0]);
  EXPECT_EQ(
      *seen.icmp,
      (icmp::Message{.type = icmp::kEchoReply, .code = 0, .argument = 0x12345678, .body = body}));
}

// RFC 1122 3.2.2.6: where an answer is not sent in fragments, it MUST be truncated and sent.
TEST_F(WorkerTest, CutsTheAnswerToAnEchoInFragmentsToTheMtu) {
  for (const std::uint16_t mtu : {std::uint16_t{1500}, std::uint16_t{600}}) {
    Start({.mtu = mtu});
    Buffer body(3000);
    SeededEntropy(1).Fill(body);
    const icmp::Message echo{.type = icmp::kEcho, .code = 0, .argument = 0x12345678, .body = body};
    Buffer message(echo.size());
    icmp::Emit(echo, message);
    std::vector<Buffer> sent;
    constexpr std::size_t kPiece = 544;
    for (std::size_t at = 0; at < message.size(); at += kPiece) {
      const std::size_t size = std::min(kPiece, message.size() - at);
      sent = Ask(IpFrame(kMachine, {.source = kMachine.source,
                                    .destination = kMachine.destination,
                                    .protocol = ipv4::kIcmp,
                                    .identification = 7,
                                    .more_fragments = at + size < message.size(),
                                    .fragment_offset = static_cast<std::uint16_t>(at),
                                    .options = {},
                                    .payload = Bytes(message).subspan(at, size)}));
    }
    ASSERT_THAT(sent, SizeIs(1)) << mtu;
    EXPECT_EQ(sent[0].size(), 14u + mtu);
    EXPECT_EQ(*See(sent[0]).icmp, (icmp::Message{.type = icmp::kEchoReply,
                                                 .code = 0,
                                                 .argument = 0x12345678,
                                                 .body = Bytes(body).first(mtu - 28u)}));
    TearDown();
  }
}

TEST_F(WorkerTest, TellsThatNobodyListensOnAPort) {
  Start();
  const auto udp = Ask(UdpFrame(
      kMachine, {.source = Port(9), .destination = Port(9), .payload = kMachine.from.octets}));
  ASSERT_THAT(udp, SizeIs(1));
  EXPECT_EQ(See(udp[0]).icmp->type, icmp::kDestinationUnreachable);
  EXPECT_EQ(See(udp[0]).icmp->code, icmp::kPortUnreachable);
  EXPECT_EQ(appliance_->Dropped(Drop::kUdpPortClosed), 1u);

  const auto tcp = Ask(TcpFrame(
      kMachine,
      {.source = Port(9), .destination = Port(22), .flags = {.syn = true}, .options = {}}));
  ASSERT_THAT(tcp, SizeIs(1));
  EXPECT_TRUE(See(tcp[0]).tcp->flags.rst);
}

TEST_F(WorkerTest, NeverAnswersMartiansBroadcastsOrOthersFrames) {
  Start();
  for (const Ipv4Address source :
       {Ipv4Address(127, 0, 0, 1), Ipv4Address(224, 0, 0, 1), Ipv4Address::Broadcast(),
        Ipv4Address(240, 0, 0, 1), kApplianceAddress, Ipv4Address(10, 77, 0, 255)}) {
    Ends martian = kMachine;
    martian.source = source;
    EXPECT_THAT(Ask(Echo(martian, Buffer(8))), IsEmpty()) << source.ToString();
    EXPECT_THAT(
        Ask(TcpFrame(
            martian,
            {.source = Port(9), .destination = Port(80), .flags = {.syn = true}, .options = {}})),
        IsEmpty())
        << source.ToString();
  }
  for (const Ipv4Address to : {Ipv4Address::Broadcast(), Ipv4Address(10, 77, 0, 255)}) {
    Ends all = kMachine;
    all.to = MacAddress::Broadcast();
    all.destination = to;
    EXPECT_THAT(Ask(Echo(all, Buffer(8))), IsEmpty());
    EXPECT_THAT(Ask(UdpFrame(all, {.source = Port(9), .destination = Port(9), .payload = {}})),
                IsEmpty());
    EXPECT_THAT(
        Ask(UdpFrame(all,
                     {.source = Port(9), .destination = Port(53), .payload = DnsQuery("boot")})),
        IsEmpty());
    EXPECT_THAT(
        Ask(TcpFrame(
            all,
            {.source = Port(9), .destination = Port(80), .flags = {.syn = true}, .options = {}})),
        IsEmpty());
  }
  Ends other = kMachine;
  other.to = {{0x02, 0, 0, 0, 0, 99}};
  EXPECT_THAT(Ask(Echo(other, Buffer(8))), IsEmpty());
  other = kMachine;
  other.destination = Ipv4Address(10, 77, 0, 2);
  EXPECT_THAT(Ask(Echo(other, Buffer(8))), IsEmpty());
  EXPECT_THAT(Ask(WhoHas(Ipv4Address(10, 77, 0, 2))), IsEmpty());
}

TEST_F(WorkerTest, ServesAnImageOverHttpByteExact) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  Boot(station, Port(1024), Port(80));
  // All but what shares a segment with the response's header goes without a copy.
  EXPECT_GT(appliance_->statistics().borrowed_bytes, kImageSize - 1460);
  Talk(
      station, [] { return false; }, seconds(1));  // counters are posted now and then
  EXPECT_EQ(appliance_->statistics().connections, 0u);
  EXPECT_EQ(appliance_->statistics().connections_opened, 1u);
}

// In the IPv4 header as well: in that of the SYN, of text, of an acknowledgment that is marked.
TEST_F(WorkerTest, SpeaksEcnWithAPeerThatAsksForIt) {
  Start();
  auto sent = Ask(TcpFrame(kMachine, FromMachine({.syn = true, .ece = true, .cwr = true}, 100)));
  ASSERT_THAT(sent, SizeIs(1));
  const Seen syn_ack = See(sent[0]);
  EXPECT_EQ(syn_ack.tcp->flags, (tcp::Flags{.syn = true, .ack = true, .ece = true}));
  EXPECT_EQ(syn_ack.ip->service, 0);
  const tcp::SeqNum first = syn_ack.tcp->seq + 1;
  tcp::Segment get = FromMachine({.psh = true, .ack = true}, 101, first);
  get.text = AsBytes(kGet);
  get.ecn = Ecn::kExperienced;
  sent = Ask(TcpFrame(kMachine, get));
  ASSERT_GT(sent.size(), 5u);
  std::uint32_t text = 0;
  for (const Buffer& frame : sent) {
    const Seen seen = See(frame);
    EXPECT_EQ(seen.ip->service, seen.tcp->text.empty() ? 0 : 2) << "ECT(0) on new text alone";
    EXPECT_TRUE(seen.tcp->flags.ece) << "its mark is echoed";
    text += static_cast<std::uint32_t>(seen.tcp->text.size());
  }
  const std::uint32_t next = 101 + static_cast<std::uint32_t>(kGet.size());
  sent = Ask(TcpFrame(kMachine, FromMachine({.ack = true, .ece = true}, next, first + text)));
  ASSERT_GT(sent.size(), 1u);
  EXPECT_TRUE(See(sent[0]).tcp->flags.cwr);
  EXPECT_FALSE(See(sent[1]).tcp->flags.cwr);
  EXPECT_THAT(Ask(TcpFrame(kMachine, FromMachine({.rst = true}, next))), IsEmpty());
  appliance_->Run(now_ += milliseconds(200));  // counters are posted now and then
  EXPECT_EQ(appliance_->statistics().ecn_connections, 1u);
  EXPECT_EQ(appliance_->statistics().ecn_marks, 1u);
  EXPECT_EQ(appliance_->statistics().ecn_reductions, 1u);
}

TEST_F(WorkerTest, ServesAnImageOverEitherTlsByteExact) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  Boot(station, Port(1024), Port(443), TLS1_2_VERSION);
  Boot(station, Port(1025), Port(443), TLS1_3_VERSION);
  EXPECT_EQ(appliance_->statistics().handshakes, 2u);
}

TEST_F(WorkerTest, RefusesTlsWhereThereIsNoCertificate) {
  Start({}, /*tls=*/false);
  Station station(kMachine, MachineSettings(), 1);
  HttpClient client(kGet, 1);
  station.Connect(Port(1024), Port(443), client, now_);
  Talk(station, [&] { return station.closed; });
  EXPECT_TRUE(station.reset);
}

TEST_F(WorkerTest, BootsOnItsVlanAndIsSilentOnOthers) {
  Start({.vlan = VlanId(7)});
  Ends tagged = kMachine;
  tagged.vlan = VlanId(7);
  EXPECT_THAT(Ask(Echo(kMachine, Buffer(8))), IsEmpty());
  tagged.vlan = VlanId(8);
  EXPECT_THAT(Ask(Echo(tagged, Buffer(8))), IsEmpty());
  EXPECT_EQ(appliance_->Dropped(Drop::kVlanNotOurs), 2u);
  tagged.vlan = VlanId(7);
  const auto sent = Ask(Echo(tagged, Buffer(8)));
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(See(sent[0]).link.vlan, VlanId(7));
  EXPECT_EQ(See(Ask(WhoHas(kApplianceAddress, tagged)).at(0)).link.vlan, VlanId(7));
  Station station(tagged, MachineSettings(), 1);
  Boot(station, Port(1024), Port(80));
}

TEST_F(WorkerTest, TakesBlankChecksumsOfAVirtualPeerAndNoWrongOnes) {
  Start();
  const tcp::Segment syn{
      .source = Port(1024), .destination = Port(80), .flags = {.syn = true}, .options = {}};
  constexpr std::size_t kChecksum = 14 + 20 + 16;
  Buffer blank = TcpFrame(kMachine, syn);
  tcp::FillPseudoHeaderSum(MutableBytes(blank).subspan(34, 20),
                           tcp::PseudoHeaderSum(kMachine.source, kMachine.destination, 20));
  ASSERT_NE(blank, TcpFrame(kMachine, syn));
  EXPECT_THAT(Ask(blank), IsEmpty()) << "without a mark it is just wrong";
  EXPECT_EQ(appliance_->Dropped(Drop::kTcpChecksum), 1u);

  Frame marked = memory_->pool(0).Allocate();
  ASSERT_TRUE(marked.AppendCopy(blank));
  marked.buffers()->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
  ASSERT_TRUE(appliance_->wire().DeliverFrame(std::move(marked)));
  appliance_->Run(now_);
  const auto sent = appliance_->Sent();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_TRUE(See(sent[0]).tcp->flags.syn);

  Buffer wrong = TcpFrame(kMachine, syn);
  wrong[kChecksum] ^= 1;
  EXPECT_THAT(Ask(wrong), IsEmpty());
}

TEST_F(WorkerTest, KeepsTheOldVersionForAnOpenConnectionAndFreesItAfterwards) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  HttpClient client(kGet, kImageSize);
  BeginDownload(station, client);
  const std::weak_ptr<const MutableBytes> old = image_;
  image_ = NewImage(*memory_, kImageSize, 2);
  appliance_->snapshots().Publish(NewSnapshot({image_}));
  appliance_->Run(now_);
  EXPECT_EQ(appliance_->snapshots().Collect(), 1u);
  EXPECT_FALSE(old.expired());

  Talk(station, [&] { return station.closed; });
  ExpectImage(client, 1);
  now_ += seconds(1);
  appliance_->Run(now_);
  EXPECT_EQ(appliance_->snapshots().Collect(), 0u);
  EXPECT_TRUE(old.expired());

  HttpClient later(kGet, kImageSize);
  station.Connect(Port(1025), Port(80), later, now_);
  Talk(station, [&] { return station.closed; });
  ExpectImage(later, 2);
}

TEST_F(WorkerTest, TwoWorkersHandOverWhatBelongsToTheOther) {
  Start({.workers = 2});
  Station station(kMachine, MachineSettings(), 1);
  for (std::uint16_t port = 1024; port < 1032; ++port) Boot(station, Port(port), Port(80));
  EXPECT_GT(appliance_->statistics(0).connections_opened, 0u);
  EXPECT_GT(appliance_->statistics(1).connections_opened, 0u);
  EXPECT_EQ(
      appliance_->statistics(0).connections_opened + appliance_->statistics(1).connections_opened,
      8u);
}

TEST_F(WorkerTest, ForgetsAPeerThatResets) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  HttpClient client(kGet, kImageSize);
  BeginDownload(station, client);
  appliance_->Events();
  station.host().Abort(station.connection());
  Talk(
      station, [] { return false; }, seconds(1));
  EXPECT_EQ(appliance_->statistics().connections, 0u);
  const auto events = appliance_->Events();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().kind, EventKind::kTcpReset);
}

TEST_F(WorkerTest, ServesAMachineThatRestartsWithTheSamePort) {
  Start();
  {
    Station station(kMachine, MachineSettings(), 1);
    HttpClient client(kGet, kImageSize);
    BeginDownload(station, client);
  }  // its power is cut
  now_ += seconds(2);
  Station again(kMachine, MachineSettings(), 2);
  Boot(again, Port(1024), Port(80));
}

TEST_F(WorkerTest, ResetsEachConnectionAtItsOwnStationWhenItStops) {
  Start();
  Ends other = kMachine;
  other.from = {{0x52, 0x54, 0, 0, 0, 10}};
  other.source = Ipv4Address(10, 77, 0, 10);
  Station one(kMachine, MachineSettings(), 1);
  Station two(other, MachineSettings(), 2);
  HttpClient first(kGet, kImageSize);
  HttpClient second(kGet, kImageSize);
  one.Connect(Port(1024), Port(80), first, now_);
  Talk(one, [&] { return !first.text.empty(); });
  two.Connect(Port(1024), Port(80), second, now_);
  Talk(two, [&] { return !second.text.empty(); });
  appliance_->Run(now_);
  appliance_->Sent();
  appliance_->Stop(now_);
  int resets = 0;
  for (const Buffer& frame : appliance_->Sent()) {
    const Seen seen = See(frame);
    if (!seen.tcp || !seen.tcp->flags.rst) continue;
    ++resets;
    EXPECT_EQ(seen.link.destination,
              seen.ip->destination == kMachine.source ? kMachine.from : other.from);
  }
  EXPECT_EQ(resets, 2);
}

}  // namespace
}  // namespace slipway::dataplane
