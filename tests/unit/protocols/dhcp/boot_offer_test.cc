// SPDX-License-Identifier: Apache-2.0
//
// What each kind of client is offered, through relays too, and proxyDHCP.
#include <gtest/gtest.h>

#include "tests/unit/protocols/dhcp/bench.h"
#include "tests/unit/protocols/dhcp/edk2_reader.h"

namespace slipway::dhcp {
namespace {

using ::slipway::testing::ReadAsFirmware;
using Octets = std::vector<std::uint8_t>;

constexpr auto kDiscover = DhcpMessageType::kDiscover;
constexpr Ipv4Address kRelay(10, 88, 0, 1);

// The test policy, and a network behind a relay.
PolicySettings Relayed() {
  PolicySettings settings = TestSettings();
  NetworkSettings far = settings.networks[0];
  far.name = "far";
  far.prefix = *Ipv4Prefix::Parse("10.88.0.0/24");
  far.attachment.reset();
  far.gateway = kRelay;
  far.pools = {{Ipv4Address(10, 88, 0, 10), Ipv4Address(10, 88, 0, 20)}};
  settings.networks.push_back(far);
  return settings;
}

PolicySettings Proxy() {
  PolicySettings settings = TestSettings();
  settings.networks[0].mode = ServiceMode::kProxy;
  settings.networks[0].pools.clear();
  return settings;
}

TEST(HttpOffer, EveryArchitectureGetsItsOwnUri) {
  PolicySettings settings = TestSettings();
  settings.boot.clear();
  for (const ArchitectureName& architecture : kHttpArchitectures) {
    settings.boot.push_back({.kind = ClientKind::kHttp,
                             .architecture = architecture.code,
                             .uri = "https://10.77.0.1/" + std::to_string(architecture.code)});
  }
  for (const ArchitectureName& architecture : kHttpArchitectures) {
    Bench bench(settings);
    bench.Hear(Said(kDiscover).Http(architecture.code));
    const auto offer = ReadAsFirmware(bench.bytes);
    EXPECT_EQ(offer.complaint, "") << architecture.name;
    EXPECT_EQ(offer.uri, "https://10.77.0.1/" + std::to_string(architecture.code));
  }
  Bench bench(settings);
  EXPECT_EQ(bench.Hear(Said(kDiscover).Http(0x99)).drop, Drop::kDhcpNoBootRule);
  EXPECT_EQ(bench.server.lease_count(), 0U) << "and it takes no address from the pool";
}

// The firmware's NUL must never destroy anything, whatever stands around the URI.
TEST(HttpOffer, IsWholeForEveryLengthOfUriAndRelayOption) {
  for (std::size_t length = 20; length <= 254; ++length) {
    PolicySettings settings = Relayed();
    settings.boot = {
        {.kind = ClientKind::kHttp, .uri = "https://10.77.0.1/" + std::string(length - 18, 'a')}};
    for (const std::size_t relay_size : {0U, 8U, 200U}) {
      Bench bench(settings);
      Said said = Said(kDiscover).Http();
      if (relay_size != 0) {
        Octets relay(relay_size, 'r');
        relay[0] = 1;
        relay[1] = static_cast<std::uint8_t>(relay_size - 2);
        said.Giaddr(kRelay).Option(82, relay);
      }
      const Outcome outcome = bench.Hear(said);
      ASSERT_TRUE(outcome.reply) << length;
      const auto offer = ReadAsFirmware(bench.bytes);
      EXPECT_EQ(offer.complaint, "") << length << " with a relay option of " << relay_size;
      EXPECT_LE(bench.bytes.size() + 28, 1472U);
      EXPECT_EQ(offer.uri, settings.boot[0].uri);
      EXPECT_EQ(offer.order.back(), relay_size == 0 ? 67 : 82);
    }
  }
}

TEST(Offer, DoesNotFitAClientThatTakesOnlyTheMinimum) {
  PolicySettings settings = TestSettings();
  settings.boot = {
      {.kind = ClientKind::kIpxe, .uri = "https://10.77.0.1/" + std::string(500, 'a')}};
  Bench bench(settings);
  EXPECT_EQ(bench.Hear(Said(kDiscover).Text(77, "iPXE")).drop, Drop::kDhcpReplyTooLong);
  bench.Hear(Said(kDiscover).Ipxe());
  EXPECT_EQ(AsText(bench.Answer().options[DhcpOption::kBootFile]), settings.boot[0].uri)
      << "in pieces (RFC 3396), where there is room";
}

TEST(BootRule, TheMachineComesBeforeTheNetworkAndThatBeforeAll) {
  PolicySettings settings = TestSettings();
  const auto rule = [](const char* uri) { return BootRule{.kind = ClientKind::kHttp, .uri = uri}; };
  settings.networks[0].boot = {rule("https://10.77.0.1/network")};
  const Uuid uuid = *Uuid::Parse("00112233-4455-6677-8899-aabbccddeeff");
  settings.machines = {{.name = "by-mac", .mac = MacOf(2), .boot = {rule("https://10.77.0.1/mac")}},
                       {.name = "by-uuid", .uuid = uuid, .boot = {rule("https://10.77.0.1/uuid")}}};
  Bench bench(settings);
  bench.Hear(Said(kDiscover, MacOf(1)).Http());
  EXPECT_EQ(ReadAsFirmware(bench.bytes).uri, "https://10.77.0.1/network");
  bench.Hear(Said(kDiscover, MacOf(2)).Http());
  EXPECT_EQ(ReadAsFirmware(bench.bytes).uri, "https://10.77.0.1/mac");
  Octets smbios(17);
  for (std::size_t i = 0; i < 16; ++i) smbios[i + 1] = uuid.octets[Uuid::kSmbiosOrder[i]];
  const Outcome outcome = bench.Hear(Said(kDiscover, MacOf(2)).Http().Option(97, smbios));
  EXPECT_EQ(ReadAsFirmware(bench.bytes).uri, "https://10.77.0.1/uuid") << "UUID before MAC";
  EXPECT_EQ(outcome.client.uuid, uuid);
  EXPECT_EQ(outcome.boot->uri, "https://10.77.0.1/uuid");
  EXPECT_EQ(ReadAsFirmware(bench.bytes).options[97], std::string(smbios.begin(), smbios.end()));
}

TEST(Policy, UnknownMachinesAreTreatedAsItSays) {
  for (const auto mode :
       {UnknownMachines::kServe, UnknownMachines::kBootClientsOnly, UnknownMachines::kIgnore}) {
    PolicySettings settings = TestSettings();
    settings.networks[0].unknown_machines = mode;
    settings.machines = {{.name = "known", .mac = MacOf(2)},
                         {.name = "banned", .mac = MacOf(3), .ignore = true}};
    Bench bench(settings);
    EXPECT_TRUE(bench.Hear(Said(kDiscover, MacOf(2))).reply);
    EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(3))).drop, Drop::kDhcpUnknownMachine);
    const Drop plain = bench.Hear(Said(kDiscover, MacOf(1))).drop;
    const Drop http = bench.Hear(Said(kDiscover, MacOf(1)).Http()).drop;
    EXPECT_EQ(plain, mode == UnknownMachines::kServe             ? Drop::kNone
                     : mode == UnknownMachines::kBootClientsOnly ? Drop::kDhcpNotABootClient
                                                                 : Drop::kDhcpUnknownMachine);
    EXPECT_EQ(http, mode == UnknownMachines::kIgnore ? Drop::kDhcpUnknownMachine : Drop::kNone);
  }
}

TEST(Reservation, GoesWithTheMachineThroughTheStagesOfItsBoot) {
  PolicySettings settings = TestSettings();
  const Ipv4Address reserved(10, 77, 0, 7), inside(10, 77, 0, 101);
  settings.machines = {{.name = "m1", .mac = MacOf(1), .addresses = {reserved}, .host_name = "m1"},
                       {.name = "id", .client_identifier = {0, 'i', 'd'}, .addresses = {inside}}};
  Bench bench(settings);
  EXPECT_EQ(bench.Boot(1), reserved);
  // The OS of the same machine names itself by a DUID and still gets the machine's address.
  const Octets duid{255, 1, 2, 3, 4, 0, 2, 9, 9};
  bench.Hear(Said(kDiscover, MacOf(1)).Option(61, duid).Option(55, {12}));
  EXPECT_EQ(bench.Yiaddr(), reserved);
  EXPECT_EQ(AsText(bench.Answer().options[DhcpOption::kHostName]), "m1");
  EXPECT_TRUE(Equal(bench.Answer().options[DhcpOption::kClientIdentifier], duid)) << "RFC 6842";
  bench.Hear(bench.Ask(reserved, 1).Option(61, duid));
  EXPECT_EQ(bench.Type(), DhcpMessageType::kAck);
  // A reserved address inside a pool is not for others.
  for (unsigned machine = 10; machine < 19; ++machine) EXPECT_NE(bench.Boot(machine), inside);
  EXPECT_EQ(bench.Hear(Said(kDiscover, MacOf(30))).drop, Drop::kDhcpPoolEmpty);
  bench.Hear(bench.Ask(inside, 30));
  EXPECT_EQ(bench.Type(), DhcpMessageType::kNak);
  bench.Hear(Said(kDiscover, MacOf(31)).Option(61, {0, 'i', 'd'}));
  EXPECT_EQ(bench.Yiaddr(), inside);
}

TEST(Identity, IsTheClientIdentifierUnlessTheNetworkSaysOtherwise) {
  for (const bool match : {true, false}) {
    PolicySettings settings = TestSettings();
    settings.networks[0].match_client_identifier = match;
    Bench bench(settings);
    EXPECT_EQ(bench.Boot(1), kFirst);
    bench.Hear(Said(kDiscover).Option(61, {1, 0x52, 0x54, 0, 0, 0, 1}));
    EXPECT_EQ(bench.Yiaddr(), kFirst) << "type 1 and the MAC is the same as none: iPXE";
    bench.Hear(Said(kDiscover).Option(61, {255, 1, 2, 3}));
    EXPECT_EQ(bench.Yiaddr() == kFirst, !match);
  }
  Bench bench;
  EXPECT_EQ(bench.Hear(Said(kDiscover).Option(61, Octets(65, 7))).drop,
            Drop::kDhcpClientIdentifierTooLong);
}

TEST(Relay, TheAnswerGoesToItWithOption82LastAndVerbatim) {
  Bench bench(Relayed());
  const Octets relay{1, 3, 'e', 't', 'h', 2, 2, 0, 9};
  const Outcome offered = bench.Hear(Said(kDiscover).Giaddr(kRelay).Option(82, relay));
  ASSERT_TRUE(offered.reply);
  EXPECT_EQ(bench.Yiaddr(), Ipv4Address(10, 88, 0, 10)) << "of the relay's network";
  EXPECT_EQ(offered.reply->destination, kRelay);
  EXPECT_EQ(offered.reply->destination_port, kDhcpServerPort);
  EXPECT_EQ(offered.reply->destination_mac, std::nullopt);
  EXPECT_EQ(bench.Answer().giaddr, kRelay);
  EXPECT_TRUE(Equal(bench.Answer().options[DhcpOption::kRelayAgent], relay));
  const Outcome refused = bench.Hear(Said(DhcpMessageType::kRequest)
                                         .Giaddr(kRelay)
                                         .Option(82, relay)
                                         .Address(54, kServer)
                                         .Address(50, kFirst));
  EXPECT_EQ(bench.Type(), DhcpMessageType::kNak);
  EXPECT_EQ(refused.reply->destination, kRelay);
  EXPECT_TRUE(bench.Answer().wants_broadcast()) << "RFC 2131 4.3.2";
  EXPECT_EQ(bench.Hear(Said(kDiscover).Giaddr(Ipv4Address(9, 9, 9, 9))).drop, Drop::kDhcpNoNetwork);
}

TEST(Relay, LinkSelectionChoosesTheNetworkAndTheOverrideIsOurName) {
  Bench bench(Relayed());
  const Ipv4Address elsewhere(192, 0, 2, 1);
  const Octets relay{5, 4, 10, 88, 0, 0, 11, 4, 10, 88, 0, 1};
  const Outcome offered = bench.Hear(Said(kDiscover).Giaddr(elsewhere).Option(82, relay));
  ASSERT_TRUE(offered.reply) << Describe(offered.drop).sentence;
  EXPECT_EQ(offered.reply->destination, elsewhere) << "the answer still goes to giaddr";
  EXPECT_EQ(bench.Yiaddr(), Ipv4Address(10, 88, 0, 10));
  EXPECT_EQ(bench.Answer().options.Address(DhcpOption::kServerIdentifier), kRelay);
  const Said request = Said(DhcpMessageType::kRequest)
                           .Giaddr(elsewhere)
                           .Address(50, Ipv4Address(10, 88, 0, 10))
                           .Address(54, kRelay)
                           .Option(82, relay);
  EXPECT_EQ(bench.Hear(request).decision, Decision::kAcknowledged);
}

TEST(Relay, AUnicastRenewalThroughARouterFindsItsNetworkByCiaddr) {
  Bench bench(Relayed());
  bench.Hear(Said(kDiscover).Giaddr(kRelay));
  const Ipv4Address address = bench.Yiaddr();
  bench.Hear(
      Said(DhcpMessageType::kRequest).Giaddr(kRelay).Address(54, kServer).Address(50, address));
  const Outcome renewed = bench.Hear(Said(DhcpMessageType::kRequest).Ciaddr(address),
                                     {.source = address, .destination = kServer});
  EXPECT_EQ(renewed.decision, Decision::kRenewed);
  EXPECT_EQ(renewed.reply->destination, address);
  EXPECT_EQ(renewed.reply->destination_mac, std::nullopt) << "a router knows the way";
}

TEST(Parameters, ComeInTheClientsOrderAndRoutesIncludeTheDefault) {
  PolicySettings settings = TestSettings();
  settings.networks[0].routes = {{*Ipv4Prefix::Parse("10.0.0.0/9"), Ipv4Address(10, 77, 0, 3)}};
  settings.networks[0].mtu = 9000;
  settings.networks[0].options = {{.code = 42, .value = {1, 2, 3, 4}},
                                  {.code = 150, .value = {5}, .always = true}};
  Bench bench(settings);
  bench.Hear(Said(kDiscover).Option(55, {121, 42, 15, 26, 3}));
  std::vector<int> order;
  for (std::size_t at = 240; bench.bytes[at] != 255; at += 2U + bench.bytes[at + 1]) {
    order.push_back(bench.bytes[at]);
  }
  EXPECT_EQ(order, (std::vector<int>{53, 54, 51, 58, 59, 1, 121, 42, 15, 26, 3, 150}));
  const Octets routes{9, 10, 0, 10, 77, 0, 3, 0, 10, 77, 0, 254};
  EXPECT_TRUE(Equal(bench.Answer().options[DhcpOption::kClasslessRoutes], routes));
}

TEST(Proxy, OffersTheUriWithoutAnAddressAndLeavesAddressesToTheOther) {
  Bench bench(Proxy());
  const Outcome offered = bench.Hear(Said(kDiscover).Http().Broadcast());
  EXPECT_EQ(offered.decision, Decision::kProxyOffered);
  EXPECT_EQ(offered.reply->destination, Ipv4Address::Broadcast());
  const auto offer = ReadAsFirmware(bench.bytes);
  EXPECT_EQ(offer.complaint, "");
  EXPECT_EQ(offer.address, 0U);
  EXPECT_EQ(offer.uri, "https://boot.rig.test/x64.efi");
  EXPECT_EQ(offer.options.count(51), 0U);
  EXPECT_EQ(bench.Hear(Said(kDiscover)).drop, Drop::kDhcpNotABootClient);
  EXPECT_EQ(bench.Hear(Said(kDiscover).Http(0x99)).drop, Drop::kDhcpNoBootRule);
  for (const auto type : {DhcpMessageType::kRequest, DhcpMessageType::kInform,
                          DhcpMessageType::kRelease, DhcpMessageType::kDecline}) {
    const Outcome outcome = bench.Hear(Said(type).Http().Address(54, kServer).Address(50, kFirst));
    EXPECT_EQ(outcome.drop, Drop::kDhcpOtherServer);
    EXPECT_FALSE(outcome.reply);
  }
  EXPECT_EQ(bench.server.lease_count(), 0U);
}

TEST(Proxy, ServesPxeAtPort4011) {
  Bench bench(Proxy());
  EXPECT_EQ(bench.Hear(Said(kDiscover).Pxe()).decision, Decision::kProxyOffered);
  EXPECT_EQ(AsText(bench.Answer().options[DhcpOption::kVendorClass]), "PXEClient");
  EXPECT_EQ(bench.Yiaddr(), kNobody);
  const Ipv4Address client(10, 77, 0, 55);
  const Received in{.source = client,
                    .destination = kServer,
                    .source_port = Port(4321),
                    .destination_port = kPxeServerPort};
  for (const auto type : {DhcpMessageType::kRequest, DhcpMessageType::kInform}) {
    const Outcome answered = bench.Hear(Said(type).Pxe().Ciaddr(client), in);
    EXPECT_EQ(answered.decision, Decision::kProxyAcknowledged);
    EXPECT_EQ(answered.reply->destination, client);
    EXPECT_EQ(answered.reply->destination_port, Port(4321));
    EXPECT_EQ(answered.reply->source_port, kPxeServerPort);
    EXPECT_EQ(bench.Type(), DhcpMessageType::kAck);
    EXPECT_EQ(bench.Yiaddr(), kNobody);
    EXPECT_EQ(AsText(bench.Answer().file), "ipxe.efi");
    EXPECT_FALSE(answered.change);
  }
  EXPECT_EQ(bench.Hear(Said(kDiscover).Pxe(), in).drop, Drop::kDhcpTypeUnexpected);
}

// PXE 2.1, 2.2.3: by broadcast to the DHCP server's port, or to us at 4011.
TEST(Proxy, AnswersBootServerDiscoveryWithTheItemAskedFor) {
  const Ipv4Address client(10, 77, 0, 55);
  const Octets bootstrap{71, 4, 0, 0, 0, 0, 255};
  const auto ask = [&](const Octets& vendor) {
    return Said(DhcpMessageType::kRequest).Pxe().Ciaddr(client).Option(43, vendor);
  };
  const Received everybody{.source = client, .source_port = kDhcpClientPort};
  const Received us{.source = client,
                    .destination = kServer,
                    .source_port = Port(4011),
                    .destination_port = kPxeServerPort};
  for (const PolicySettings& settings : {Proxy(), TestSettings()}) {
    Bench bench(settings);
    for (const Received& in : {everybody, us}) {
      const Outcome answered = bench.Hear(ask(bootstrap), in);
      ASSERT_EQ(answered.decision, Decision::kProxyAcknowledged) << Describe(answered.drop).name;
      EXPECT_EQ(answered.reply->destination, client);
      EXPECT_EQ(answered.reply->destination_mac, MacOf(1));
      EXPECT_EQ(answered.reply->source_port, in.destination_port);
      EXPECT_EQ(answered.reply->destination_port, in.source_port);
      EXPECT_EQ(bench.Yiaddr(), kNobody);
      EXPECT_TRUE(Equal(bench.Answer().options[DhcpOption::kVendorSpecific], bootstrap));
      EXPECT_EQ(AsText(bench.Answer().file), "ipxe.efi");
      EXPECT_FALSE(answered.change);
    }
    // Another server's item: only who names us by unicast means us.
    const Octets other{6, 1, 3, 0, 71, 4, 0, 9, 0, 0, 255};
    EXPECT_EQ(bench.Hear(ask(other), everybody).drop, Drop::kDhcpOtherServer);
    EXPECT_EQ(bench.Hear(ask(other), us).decision, Decision::kProxyAcknowledged);
    const Octets item{71, 4, 0, 9, 0, 0, 255};
    EXPECT_TRUE(Equal(bench.Answer().options[DhcpOption::kVendorSpecific], item));
    // Further layers and credentials: there are none.
    EXPECT_EQ(bench.Hear(ask({71, 4, 0, 0, 0x80, 0, 255}), us).drop, Drop::kDhcpNoBootRule);
    EXPECT_EQ(bench.Hear(ask({71, 4, 0, 0, 0, 1, 255}), us).drop, Drop::kDhcpNoBootRule);
    EXPECT_EQ(bench.server.lease_count(), 0U);
  }
}

TEST(Proxy, TakesOnlyAWholeBootItemForBootServerDiscovery) {
  const Ipv4Address client(10, 77, 0, 55);
  const Octets item{71, 4, 0, 0, 0, 0};
  for (const Octets& damaged : {Octets{}, Octets{71}, Octets{71, 4, 0, 0, 0},
                                Octets{71, 3, 0, 0, 0}, Octets{71, 5, 0, 0, 0, 0, 0},
                                Octets{255, 71, 4, 0, 0, 0, 0}, Octets{9, 7, 71, 4, 0, 0, 0, 0}}) {
    Bench bench(Proxy());
    EXPECT_EQ(
        bench.Hear(Said(DhcpMessageType::kRequest).Pxe().Ciaddr(client).Option(43, damaged)).drop,
        Drop::kDhcpOtherServer);
  }
  // A REQUEST that takes an address from somebody, and those who are no PXE clients.
  Bench bench(Proxy());
  EXPECT_EQ(bench
                .Hear(Said(DhcpMessageType::kRequest)
                          .Pxe()
                          .Address(54, Ipv4Address(10, 77, 0, 2))
                          .Option(43, item))
                .drop,
            Drop::kDhcpOtherServer);
  EXPECT_EQ(bench.Hear(Said(DhcpMessageType::kRequest).Http().Ciaddr(client).Option(43, item)).drop,
            Drop::kDhcpOtherServer);
  // Where addresses are ours, an ordinary renewal stays one.
  Bench full;
  full.Boot(1);
  const Outcome renewed = full.Hear(Said(DhcpMessageType::kRequest).Pxe().Ciaddr(kFirst));
  EXPECT_EQ(renewed.decision, Decision::kRenewed);
}

TEST(Proxy, AnswersBootServerDiscoveryThroughTheRelayItCameBy) {
  PolicySettings settings = Relayed();
  settings.networks[1].mode = ServiceMode::kProxy;
  settings.networks[1].pools.clear();
  Bench bench(settings);
  const Outcome answered = bench.Hear(Said(DhcpMessageType::kRequest)
                                          .Pxe()
                                          .Ciaddr(Ipv4Address(10, 88, 0, 55))
                                          .Giaddr(kRelay)
                                          .Option(43, {71, 4, 0, 0, 0, 0, 255}));
  ASSERT_EQ(answered.decision, Decision::kProxyAcknowledged) << Describe(answered.drop).name;
  EXPECT_EQ(answered.reply->destination, kRelay);
  EXPECT_EQ(answered.reply->destination_port, kDhcpServerPort);
}

TEST(Ipxe, IsToldNotToWaitForAProxy) {
  Bench bench;
  bench.Hear(Said(kDiscover).Ipxe());
  const Octets no_proxy{0xb0, 1, 1};
  EXPECT_TRUE(Equal(bench.Answer().options[DhcpOption::kIpxe], no_proxy));
  EXPECT_EQ(AsText(bench.Answer().file), "https://boot.rig.test/boot.ipxe");
}

}  // namespace
}  // namespace slipway::dhcp
