// SPDX-License-Identifier: Apache-2.0
//
// A whole worker, by values: frames in, frames out, and nothing left over. Every test ends with
// the same three facts: the steps add up, no packet buffer is out, and no snapshot is held.
#include "dataplane/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "protocols/dhcp/message.h"
#include "protocols/wire/view.h"
#include "tests/unit/dataplane/one_machine.h"

namespace slipway::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WorkerTest : public OneMachineTest {
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
  template <class Done>
  void Talk(Station& station, Done&& done, Duration limit = seconds(60)) {
    OneMachineTest::Talk(station, done, limit, [] {});
    TakeLast(station);
  }
  void ExpectImage(const HttpClient& client, std::uint32_t seed = 1) const {
    Buffer wanted(kImageSize);
    SeededEntropy(seed).Fill(wanted);
    ASSERT_GT(client.text.size(), kImageSize);
    EXPECT_TRUE(AsText(client.text).starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(Equal(Bytes(client.text).last(kImageSize), wanted));
  }
  // A GET of the image from beginning to end.
  void Boot(Station& station, Port local, Port remote, int tls_version = 0) {
    HttpClient client(kGet, kImageSize, tls_version);
    station.Connect(local, remote, client, now_);
    Talk(station, [&] { return station.closed; });
    ExpectImage(client);
    EXPECT_FALSE(station.reset);
  }
};

Buffer WhoHas(Ipv4Address target, const Ends& ends = kMachine) {
  Ends to_all = ends;
  to_all.to = MacAddress::Broadcast();
  return ArpFrame(to_all, {.operation = arp::Operation::kRequest,
                           .sender_mac = ends.from,
                           .sender_ip = ends.source,
                           .target_mac = {},
                           .target_ip = target});
}

Buffer Echo(const Ends& ends, Bytes body) {
  return IcmpFrame(ends, {.type = icmp::kEcho, .code = 0, .argument = 0x12345678, .body = body});
}

Buffer DnsQuery(std::string_view label) {
  Buffer query = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  query.push_back(static_cast<std::uint8_t>(label.size()));
  query.insert(query.end(), label.begin(), label.end());
  for (const char c : std::string_view("\4test\0\0\1\0\1", 10)) {
    query.push_back(static_cast<std::uint8_t>(c));
  }
  return query;
}

// DISCOVER, or REQUEST for an address, of a client of this vendor class: UEFI's over HTTP where
// nothing else is said.
constexpr std::string_view kHttpVendor = "HTTPClient:Arch:00016:UNDI:003001";
Buffer DhcpMessage(DhcpMessageType type, Ipv4Address requested = {},
                   std::string_view vendor = kHttpVendor) {
  Buffer message(sizeof(DhcpHeader));
  MutableBytes room = message;
  DhcpHeader* header = Place<DhcpHeader>(room);
  header->op = kDhcpBootRequest;
  header->htype = 1;
  header->hlen = 6;
  header->xid = 0xabcd0123;
  header->flags = kDhcpBroadcastFlag;
  std::copy(kMachine.from.octets.begin(), kMachine.from.octets.end(), header->chaddr.begin());
  header->cookie = kDhcpMagicCookie;
  const auto add = [&](DhcpOption code, Bytes value) {
    message.push_back(static_cast<std::uint8_t>(code));
    message.push_back(static_cast<std::uint8_t>(value.size()));
    message.insert(message.end(), value.begin(), value.end());
  };
  const auto octets = [](Ipv4Address address) {
    const std::uint32_t v = address.value();
    return Buffer{static_cast<std::uint8_t>(v >> 24), static_cast<std::uint8_t>(v >> 16),
                  static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)};
  };
  add(DhcpOption::kMessageType, Buffer{static_cast<std::uint8_t>(type)});
  add(DhcpOption::kVendorClass, Buffer(vendor.begin(), vendor.end()));
  if (vendor == kHttpVendor) add(DhcpOption::kClientArchitecture, Buffer{0, 16});
  if (!requested.is_unspecified()) {
    add(DhcpOption::kRequestedAddress, octets(requested));
    add(DhcpOption::kServerIdentifier, octets(kApplianceAddress));
  }
  message.push_back(static_cast<std::uint8_t>(DhcpOption::kEnd));
  return message;
}

constexpr Ends kUnbooted{.from = kMachine.from,
                         .to = MacAddress::Broadcast(),
                         .source = Ipv4Address(),
                         .destination = Ipv4Address::Broadcast()};

Buffer DhcpFrame(Bytes message) {
  return UdpFrame(kUnbooted,
                  {.source = kDhcpClientPort, .destination = kDhcpServerPort, .payload = message});
}

struct DhcpReply {
  DhcpMessageType type;
  Ipv4Address address;
  std::string boot;
};
DhcpReply ReadDhcp(Bytes frame) {
  const Seen seen = See(frame);
  SLIPWAY_CHECK(seen.udp && seen.udp->source == kDhcpServerPort);
  dhcp::OptionScratch scratch;
  const auto message = dhcp::Parse(seen.udp->payload, scratch);
  SLIPWAY_CHECK(message.ok());
  return {message->type, message->yiaddr, std::string(AsText(message->file))};
}

TEST_F(WorkerTest, DropsNoAckWhenOneCommitFreesMoreThanTheWireTakes) {
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

TEST_F(WorkerTest, HoldsAnAckUntilTheLeaseIsOnDisk) {
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

// What an event's kind already says is not said again by its text.
TEST_F(WorkerTest, TellsOfAnOfferWhatBootsAndOfARefusalWhy) {
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

TEST_F(WorkerTest, PutsADhcpMessageInFragmentsTogether) {
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

// The machine's own segments, one by one.
tcp::Segment FromMachine(const tcp::Flags& flags, std::uint32_t seq, tcp::SeqNum ack = {}) {
  return {.source = Port(1024),
          .destination = Port(80),
          .seq = tcp::SeqNum(seq),
          .ack = ack,
          .flags = flags,
          .window = 65535,
          .options = {},
          .text = {}};
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

TEST_F(WorkerTest, TakesTheAcknowledgmentsOfABurstTogetherAndCountsEach) {
  Start();
  auto sent = Ask(TcpFrame(kMachine, FromMachine({.syn = true}, 100)));
  ASSERT_THAT(sent, SizeIs(1));
  const tcp::SeqNum first = See(sent[0]).tcp->seq + 1;
  tcp::Segment get = FromMachine({.psh = true, .ack = true}, 101, first);
  get.text = AsBytes(kGet);
  sent = Ask(TcpFrame(kMachine, get));
  ASSERT_THAT(sent, SizeIs(10));
  const std::uint32_t size = static_cast<std::uint32_t>(See(sent[0]).tcp->text.size());
  const std::uint32_t next = 101 + static_cast<std::uint32_t>(kGet.size());
  const auto delivered = [&] {
    return appliance_->statistics().steps[static_cast<std::size_t>(Step::kDeliver)];
  };
  const StepCounters before = delivered();
  for (std::uint32_t i = 1; i <= 5; ++i) {
    Buffer ack = TcpFrame(kMachine, FromMachine({.ack = true}, next, first + 2 * i * size));
    if (i == 3) ack[14 + 20 + 16] ^= 1;  // the checksum
    EXPECT_TRUE(appliance_->wire().Deliver(ack));
  }
  appliance_->Run(now_);
  EXPECT_EQ(delivered().in - before.in, 5u);
  EXPECT_EQ(delivered().out - before.out, 4u);
  EXPECT_EQ(appliance_->Dropped(Drop::kTcpChecksum), 1u);
  // All ten are acknowledged; the window grew by two segments for each but the last, before which
  // it was hardly used.
  EXPECT_THAT(appliance_->Sent(), SizeIs(16));
}

TEST_F(WorkerTest, ServesAnImageOverEitherTlsByteExact) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  Boot(station, Port(1024), Port(443), TLS1_2_VERSION);
  Boot(station, Port(1025), Port(443), TLS1_3_VERSION);
  EXPECT_EQ(appliance_->statistics().handshakes, 2u);
}

TEST_F(WorkerTest, CountsTheBurstsAndBytesOfItsPorts) {
  Start();
  const WorkerStatistics before = appliance_->statistics();
  const Buffer question = Echo(kMachine, Buffer(100));
  for (int i = 0; i < 4; ++i) appliance_->wire().Deliver(question);
  std::size_t bytes = 0;
  const auto sent = Ask(question);
  for (const Buffer& frame : sent) bytes += frame.size();
  appliance_->Run(now_ += milliseconds(200));  // counters are posted now and then
  const WorkerStatistics& after = appliance_->statistics();
  EXPECT_EQ(after.receive_bursts.frames - before.receive_bursts.frames, 5u);
  EXPECT_EQ(after.receive_bursts.counts[2] - before.receive_bursts.counts[2], 1u) << "4 to 7";
  EXPECT_EQ(after.received_bytes - before.received_bytes, 5 * question.size());
  ASSERT_THAT(sent, SizeIs(5));
  EXPECT_EQ(after.transmit_bursts.frames - before.transmit_bursts.frames, 5u);
  EXPECT_EQ(after.sent_bytes - before.sent_bytes, bytes);
  EXPECT_EQ(after.posted_nanoseconds, now_.time_since_epoch().count());
}

TEST_F(WorkerTest, TellsOfFramesThatWaitForTheRing) {
  Start({.wire = {.ring_frames = 4}});
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 4; ++j) EXPECT_TRUE(appliance_->wire().Deliver(WhoHas(kApplianceAddress)));
    appliance_->Run(now_);
  }
  // Four on the wire, one in the port's hands.
  appliance_->Run(now_ += milliseconds(200));
  EXPECT_EQ(appliance_->statistics().outbox_frames, 15u);
  EXPECT_EQ(appliance_->statistics().outbox_peak, 15u);
  EXPECT_GT(appliance_->statistics().transmit_ring_full, 0u);
  for (int i = 0; i < 200; ++i) {
    appliance_->Sent();
    appliance_->Run(now_);
  }
  appliance_->Run(now_ += milliseconds(200));
  EXPECT_EQ(appliance_->statistics().outbox_frames, 0u);
  appliance_->Run(now_ += milliseconds(200));
  EXPECT_EQ(appliance_->statistics().outbox_peak, 0u) << "since the post before";
}

TEST_F(WorkerTest, CountsEventsThatFindNoRoom) {
  Start();
  appliance_->Events();
  const Buffer query = UdpFrame(
      kMachine, {.source = Port(4000), .destination = Port(53), .payload = DnsQuery("boot")});
  for (int i = 0; i < 256; ++i) Ask(query);
  EXPECT_EQ(appliance_->statistics().events_lost, 0u);
  for (int i = 0; i < 10; ++i) Ask(query);
  EXPECT_EQ(appliance_->statistics().events_lost, 10u);
}

TEST_F(WorkerTest, CountsWhatItSeals) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  Boot(station, Port(1024), Port(80));
  EXPECT_EQ(appliance_->statistics().sealed_bytes, 0u);
  const std::uint64_t plain = appliance_->statistics().payload_bytes;
  Boot(station, Port(1025), Port(443), TLS1_3_VERSION);
  EXPECT_EQ(appliance_->statistics().sealed_bytes, appliance_->statistics().payload_bytes - plain);
  EXPECT_GT(appliance_->statistics().sealed_bytes, kImageSize);
}

TEST(BurstHistogram, CountsByPowersOfTwo) {
  BurstHistogram histogram;
  constexpr std::array<std::size_t, 12> kBursts = {0, 1, 2, 3, 4, 7, 8, 31, 32, 511, 512, 100'000};
  for (const std::size_t burst : kBursts) histogram.Add(burst);
  EXPECT_THAT(histogram.counts, testing::ElementsAre(1, 2, 2, 1, 1, 1, 0, 0, 1, 2));
  EXPECT_EQ(histogram.frames, 1u + 2 + 3 + 4 + 7 + 8 + 31 + 32 + 511 + 512 + 100'000);
}

TEST_F(WorkerTest, TellsTheStoryOfABoot) {
  Start();
  appliance_->Events();
  Station station(kMachine, MachineSettings(), 1);
  Boot(station, Port(1024), Port(443), TLS1_3_VERSION);
  std::vector<EventKind> kinds;
  for (const Event& event : appliance_->Events()) {
    if (event.kind != EventKind::kHttpProgress) kinds.push_back(event.kind);
    EXPECT_EQ(event.mac, kMachine.from) << Describe(event.kind).words;
  }
  EXPECT_THAT(kinds, testing::ElementsAre(EventKind::kTcpOpened, EventKind::kTlsOffered,
                                          EventKind::kTlsDone, EventKind::kHttpRequest,
                                          EventKind::kHttpComplete, EventKind::kTcpClosed));
}

TEST_F(WorkerTest, TellsHowThePeersTcpAndTlsAre) {
  Start();
  appliance_->Events();
  Station station(kMachine, MachineSettings(), 1);
  Boot(station, Port(1024), Port(443), TLS1_2_VERSION);
  std::map<EventKind, Event> told;
  for (const Event& event : appliance_->Events()) told.insert_or_assign(event.kind, event);
  EXPECT_EQ(told.at(EventKind::kTcpOpened).text(),
            "window=65536 scale=2 sack=1 timestamps=1 rtt_us=1000");
  const Event& offered = told.at(EventKind::kTlsOffered);
  EXPECT_EQ(offered.number, TLS1_2_VERSION);
  EXPECT_GT(offered.extra, 10);
  EXPECT_THAT(offered.text(), testing::ContainsRegex("^suites=c0[0-9a-f]+,[0-9a-f,]*[0-9a-f]$"));
  const Event& closed = told.at(EventKind::kTcpClosed);
  EXPECT_THAT(std::string(closed.text()),
              testing::MatchesRegex("acked=" + std::to_string(closed.number) +
                                    " rtt_us=1000 window=65[0-9][0-9][0-9]"));
}

TEST_F(WorkerTest, TellsWhoAskedWhereWeAreAndWhatDnsAnswered) {
  Start();
  appliance_->Events();
  Ask(WhoHas(kApplianceAddress));
  Ask(WhoHas(Ipv4Address(10, 77, 0, 2)));
  for (const char* name : {"boot", "other"}) {
    Ask(UdpFrame(kMachine,
                 {.source = Port(4000), .destination = Port(53), .payload = DnsQuery(name)}));
  }
  const auto events = appliance_->Events();
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events[0].kind, EventKind::kArpAsked);
  EXPECT_EQ(events[0].address, kMachine.source);
  EXPECT_EQ(events[0].text(), "10.77.0.1");
  EXPECT_EQ(events[1].number, 1) << "A";
  EXPECT_EQ(events[1].extra, 0);
  EXPECT_EQ(events[2].text(), "other.test");
  EXPECT_EQ(events[2].extra, 5) << "refused";
}

TEST_F(WorkerTest, TellsWhoseOfferWasTakenAndThroughWhichRelay) {
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

TEST_F(WorkerTest, TellsThatAnIpxeIsOne) {
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
  EXPECT_EQ(events[0].text(), "iPXE PXEClient:Arch:00007");
}

TEST_F(WorkerTest, TellsOfAWindowThatClosedAndStayedSo) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  HttpClient client(kGet, kImageSize);
  station.Connect(Port(1024), Port(80), client, now_);
  Talk(station, [&] { return client.text.size() > 10'000; });
  appliance_->Events();
  // It still takes what arrives in order, and opens its window no more.
  Talk(
      station,
      [&] {
        station.host().SetReceiveRoom(station.connection(), 0);
        return station.closed;
      },
      seconds(200));
  const auto events = appliance_->Events();
  const auto ended = std::ranges::find_if(events, [](const Event& event) {
    return event.kind == EventKind::kTcpClosed || event.kind == EventKind::kTcpTimedOut;
  });
  ASSERT_NE(ended, events.end());
  EXPECT_THAT(std::string(ended->text()),
              testing::MatchesRegex("because=HttpStalled acked=[0-9]+ rtt_us=[0-9]+ window=0 "
                                    "closures=[1-9] closed_ms=(1[0-9]|[5-9])[0-9]{4}"));
}

TEST_F(WorkerTest, CountsARequestForAFileThatIsNotThere) {
  Start();
  Station station(kMachine, MachineSettings(), 1);
  HttpClient client("GET /nothing.efi HTTP/1.1\r\nHost: boot.test\r\n\r\n", 1);
  station.Connect(Port(1024), Port(80), client, now_);
  Talk(station, [&] { return appliance_->Dropped(Drop::kHttpNotFound) == 1; });
  EXPECT_EQ(appliance_->Dropped(Drop::kHttpNotFound), 1u);
  EXPECT_TRUE(appliance_->StepsAddUp());
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

Buffer SynFrame(std::uint16_t port, const Ends& ends = kMachine) {
  return TcpFrame(ends, {.source = Port(port),
                         .destination = Port(80),
                         .seq = tcp::SeqNum(port * 1000U),
                         .flags = {.syn = true},
                         .window = 65535,
                         .options = {.mss = std::uint16_t{1460}}});
}

constexpr std::uint16_t kBacklog = 8;  // of tests' appliances

TEST_F(WorkerTest, TurnsTheSynsOfAFloodIntoTheirAnswersAndBootsAMachineBesideIt) {
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

TEST_F(WorkerTest, AFloodThatFillsTheWireTakesNoAnswerFromAMachineWithALease) {
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

TEST_F(WorkerTest, AnswersNoSynOfAFloodThatItWouldNotAnswerOtherwise) {
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

TEST_F(WorkerTest, AnswersAFloodOnItsVlan) {
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
  station.Connect(Port(1024), Port(80), client, now_);
  Talk(station, [&] { return client.text.size() > 10'000; });
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
  station.Connect(Port(1024), Port(80), client, now_);
  Talk(station, [&] { return client.text.size() > 10'000; });
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
    station.Connect(Port(1024), Port(80), client, now_);
    Talk(station, [&] { return client.text.size() > 10'000; });
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

TEST_F(WorkerTest, CountsWhatItHasNoBufferFor) {
  Start();
  std::vector<Frame> taken;
  appliance_->wire().Deliver(Echo(kMachine, Buffer(8)));
  for (Frame f = memory_->pool(0).Allocate(); !f.empty(); f = memory_->pool(0).Allocate()) {
    taken.push_back(std::move(f));
  }
  appliance_->Run(now_);
  EXPECT_THAT(appliance_->Sent(), IsEmpty());
  EXPECT_EQ(appliance_->Dropped(Drop::kNoBuffer), 1u);
  EXPECT_TRUE(appliance_->StepsAddUp());
  taken.clear();
  EXPECT_THAT(Ask(Echo(kMachine, Buffer(8))), SizeIs(1));
}

}  // namespace
}  // namespace slipway::dataplane
