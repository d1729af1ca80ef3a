// SPDX-License-Identifier: Apache-2.0
//
// Policy: every mistake is found and named, and lookups find what the settings say.
#include "protocols/dhcp/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/protocols/dhcp/bench.h"

namespace slipway::dhcp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Mistake {
  const char* sentence;
  std::function<void(PolicySettings&)> make;
};

PolicySettings WithMachine(MachineSettings machine) {
  PolicySettings settings = TestSettings();
  settings.machines = {std::move(machine)};
  return settings;
}

const Mistake kMistakes[] = {
    {"outside 10.77.0.0/24",
     [](auto& s) { s.networks[0].server_address = Ipv4Address(10, 78, 0, 1); }},
    {"is not a host's", [](auto& s) { s.networks[0].server_address = Ipv4Address(127, 0, 0, 1); }},
    {"gateway 10.78.0.1 is outside",
     [](auto& s) { s.networks[0].gateway = Ipv4Address(10, 78, 0, 1); }},
    {"leaves 10.77.0.0/24",
     [](auto& s) {
       s.networks[0].pools = {{kFirst, Ipv4Address(10, 77, 1, 0)}};
     }},
    {"ends before it begins",
     [](auto& s) {
       s.networks[0].pools = {{kLast, kFirst}};
     }},
    {"overlaps the one before it",
     [](auto& s) {
       s.networks[0].pools = {{kFirst, kLast}, {kLast, kLast}};
     }},
    {"takes no pools", [](auto& s) { s.networks[0].mode = ServiceMode::kProxy; }},
    {"lease times", [](auto& s) { s.networks[0].lease_time = std::chrono::hours(25); }},
    {"offer time", [](auto& s) { s.networks[0].offer_time = std::chrono::seconds(0); }},
    {"quarantine", [](auto& s) { s.networks[0].quarantine_time = std::chrono::seconds(0); }},
    {"MTU below 576", [](auto& s) { s.networks[0].mtu = std::uint16_t{100}; }},
    {"option 53 is the server's own", [](auto& s) { s.networks[0].options = {{.code = 53}}; }},
    {"exceeds 512 bytes",
     [](auto& s) {
       s.networks[0].options = {{.code = 43, .value = std::vector<std::uint8_t>(513)}};
     }},
    {"overlaps network \"test\"",
     [](auto& s) {
       s.networks.push_back(s.networks[0]);
       s.networks[1].name = "two";
       s.networks[1].attachment.reset();
     }},
    {"same interface and VLAN",
     [](auto& s) {
       s.networks.push_back(s.networks[0]);
       s.networks[1].prefix = *Ipv4Prefix::Parse("10.78.0.0/24");
       s.networks[1].server_address = Ipv4Address(10, 78, 0, 1);
       s.networks[1].gateway.reset();
       s.networks[1].pools.clear();
     }},
    {"neither http:// nor https://", [](auto& s) { s.boot[0].uri = "tftp://10.77.0.1/x"; }},
    {"without a URI", [](auto& s) { s.boot[0].uri = ""; }},
    {"more than 254 characters",
     [](auto& s) { s.boot[0].uri = "http://10.77.0.1/" + std::string(240, 'a'); }},
    {"not printable ASCII", [](auto& s) { s.boot[0].uri = "https://10.77.0.1/a b"; }},
    {"plain clients boot nothing", [](auto& s) { s.boot[0].kind = ClientKind::kPlain; }},
    {"neither MAC address, UUID nor", [](auto& s) { s = WithMachine({.name = "m"}); }},
    {"no station's", [](auto& s) { s = WithMachine({.mac = MacAddress::Broadcast()}); }},
    {"all zeros or all ones", [](auto& s) { s = WithMachine({.uuid = Uuid{}}); }},
    {"exceeds 64 bytes",
     [](auto& s) { s = WithMachine({.client_identifier = std::vector<std::uint8_t>(65)}); }},
    {"is the network's own",
     [](auto& s) { s = WithMachine({.mac = MacOf(1), .addresses = {kServer}}); }},
    {"in no network that is served fully",
     [](auto& s) { s = WithMachine({.mac = MacOf(1), .addresses = {Ipv4Address(9, 9, 9, 9)}}); }},
    {"the second address in network",
     [](auto& s) {
       s = WithMachine({.mac = MacOf(1), .addresses = {kFirst, kLast}});
     }},
    {"52:54:00:00:00:01 is another machine's too",
     [](auto& s) {
       s.machines = {{.name = "a", .mac = MacOf(1)}, {.name = "b", .mac = MacOf(1)}};
     }},
    {"10.77.0.100 is reserved twice",
     [](auto& s) {
       s.machines = {{.mac = MacOf(1), .addresses = {kFirst}},
                     {.mac = MacOf(2), .addresses = {kFirst}}};
     }},
};

TEST(PolicyMistakes, EachIsNamedAndAloneWhenAlone) {
  EXPECT_THAT(Policy::Mistakes(TestSettings()), IsEmpty());
  for (const Mistake& mistake : kMistakes) {
    PolicySettings settings = TestSettings();
    mistake.make(settings);
    EXPECT_THAT(Policy::Mistakes(settings), ElementsAre(HasSubstr(mistake.sentence)));
  }
}

TEST(PolicyMistakes, ANameInAUriNeedsADnsServer) {
  PolicySettings settings = TestSettings();
  settings.networks[0].dns_servers.clear();
  EXPECT_EQ(Policy::Mistakes(settings).size(), 3U) << "two HTTP rules and the iPXE one";
  settings.boot = {{.uri = "https://10.77.0.1:8443/a"}, {.uri = "https://[fd00::1]/a"}};
  EXPECT_THAT(Policy::Mistakes(settings), IsEmpty());
}

TEST(Policy, FindsAmongTenThousandMachinesAndManyNetworks) {
  PolicySettings settings;
  for (unsigned n = 0; n < 200; ++n) {
    NetworkSettings network;
    network.name = std::to_string(n);
    network.prefix = {Ipv4Address(10, static_cast<std::uint8_t>(n), 0, 9), 16};
    network.attachment = Attachment{static_cast<std::uint16_t>(n / 100),
                                    VlanId(static_cast<std::uint16_t>(n % 100))};
    network.server_address = Ipv4Address(10, static_cast<std::uint8_t>(n), 0, 1);
    settings.networks.push_back(network);
  }
  for (unsigned n = 0; n < 10000; ++n) {
    settings.machines.push_back(
        {.name = std::to_string(n),
         .mac = MacOf(n),
         .addresses = {Ipv4Address(10, static_cast<std::uint8_t>(n % 200),
                                   static_cast<std::uint8_t>(1 + n / 200), 7)}});
  }
  const auto policy = Bench::Checked(settings);
  for (unsigned n = 0; n < 10000; ++n) {
    const MachineSettings* machine = policy->FindMachine({MacOf(n), {}, {}});
    ASSERT_NE(machine, nullptr);
    ASSERT_EQ(machine->name, std::to_string(n));
    ASSERT_EQ(policy->ReservedFor(machine->addresses[0]), machine);
    const NetworkSettings* network = policy->NetworkOf(machine->addresses[0]);
    ASSERT_EQ(network, &policy->networks()[n % 200]);
    ASSERT_EQ(policy->NetworkAt(*network->attachment), network);
    ASSERT_EQ(Policy::ReservedAddress(*machine, *network), machine->addresses[0]);
  }
  EXPECT_EQ(policy->FindMachine({MacOf(10000), {}, {}}), nullptr);
  EXPECT_EQ(policy->NetworkOf(Ipv4Address(10, 200, 0, 1)), nullptr);
  EXPECT_EQ(policy->NetworkOf(Ipv4Address(9, 0, 0, 1)), nullptr);
  EXPECT_EQ(policy->NetworkAt({7, VlanId(0)}), nullptr);
}

TEST(Policy, TheClientsFirstArchitectureWithARuleWins) {
  PolicySettings settings = TestSettings();
  settings.boot.push_back({.kind = ClientKind::kHttp, .uri = "https://10.77.0.1/any"});
  const auto policy = Bench::Checked(settings);
  const auto uri = [&](std::initializer_list<std::uint16_t> architectures) {
    Client client;
    client.kind = ClientKind::kHttp;
    for (const std::uint16_t code : architectures) {
      client.architectures[client.architecture_count++] = code;
    }
    return policy->FindBootRule(nullptr, policy->networks()[0], client)->uri;
  };
  EXPECT_EQ(uri({0x13, 0x10}), "https://boot.rig.test/a64.efi");
  EXPECT_EQ(uri({0x10, 0x13}), "https://boot.rig.test/x64.efi");
  EXPECT_EQ(uri({0x99, 0x10}), "https://boot.rig.test/x64.efi");
  EXPECT_EQ(uri({0x99}), "https://10.77.0.1/any");
  EXPECT_EQ(uri({}), "https://10.77.0.1/any");
}

}  // namespace
}  // namespace slipway::dhcp
