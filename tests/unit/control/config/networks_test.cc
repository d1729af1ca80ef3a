// SPDX-License-Identifier: Apache-2.0
#include "control/config/networks.h"

#include <gmock/gmock.h>

#include <array>

#include "control/text.h"
#include "tests/support/small_site.h"

namespace slipway::control {
namespace {

using nlohmann::json;
using testing::HasSubstr;

Config File() {
  const ConfigResult parsed = ParseConfig(Text(kSitePort, kSiteLab, kSitePools, R"(
lease_time = "90m"
router = "10.77.0.254"
dns = ["10.77.0.1", "10.77.0.2"]
domain = "slipway.test"
unknown_machines = "boot_only"
[[network.reservation]]
mac = "52:54:00:00:00:01"
address = "10.77.0.20"
[[network.route]]
destination = "10.1.0.0/16"
via = "10.77.0.254"
[[network.option]]
code = 42
addresses = ["10.77.0.3"]
)"),
                                          "s.toml");
  EXPECT_TRUE(parsed.config.has_value()) << Report(parsed, "s.toml");
  return parsed.config.value_or(Config{});
}

const json kFar = {
    {"subnet", "10.88.0.0/24"}, {"relayed", true}, {"pools", {"10.88.0.10-10.88.0.20"}}};

std::string Wrong(const json& document, const std::string& name = "far") {
  const auto config = WithNetworks(File(), std::array{NetworkDocument{name, document}});
  if (config.ok()) return "";
  return {config.status().message().data(), config.status().message().size()};
}

TEST(NetworksTest, StandBehindThoseOfTheFile) {
  const auto config = WithNetworks(File(), std::array{NetworkDocument{"far", kFar}});
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->networks.size(), 2U);
  const NetworkConfig& far = config->networks[1];
  EXPECT_EQ(far.name, "far");
  EXPECT_EQ(far.subnet.ToString(), "10.88.0.0/24");
  EXPECT_TRUE(far.relayed);
  EXPECT_EQ(far.lease_time, std::chrono::hours(1));  // the schema's default
}

TEST(NetworksTest, WhatIsToldIsReadBackAsTheSame) {
  Config file = File();
  const json told = ToJson(file.networks[0]);
  file.networks.clear();
  const auto config = WithNetworks(file, std::array{NetworkDocument{"lab", told}});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(ToJson(config->networks[0]), told);
  EXPECT_EQ(told["lease_time"], "5400s");
  EXPECT_EQ(told["reservation"],
            json::array({{{"mac", "52:54:00:00:00:01"}, {"address", "10.77.0.20"}}}));
  EXPECT_EQ(told["option"], json::array({{{"code", 42}, {"hex", "0a4d0003"}}}));
}

TEST(NetworksTest, EveryMistakeIsToldAtOnceInTheFilesWords) {
  EXPECT_EQ(Wrong({{"subnet", "10.88.0.0/24"},
                   {"relayed", "yes"},
                   {"pols", json::array()},
                   {"pools", {"10.88.0.10-10.99.0.20"}}}),
            "network.pols = []: unknown key; did you mean network.pools?\n"
            "network.relayed = \"yes\": not true or false\n"
            "network.subnet = \"10.88.0.0/24\": no port has an address inside; add one to a port, "
            "or write relayed = true\n"
            "network.pools = \"10.88.0.10-10.99.0.20\": reaches outside the subnet; stay inside "
            "10.88.0.0/24");
}

TEST(NetworksTest, OverlapsAreToldByName) {
  EXPECT_THAT(
      Wrong({{"subnet", "10.77.0.0/25"}, {"pools", {"10.77.0.10-10.77.0.20"}}}),
      HasSubstr("network.subnet = \"10.77.0.0/25\": overlaps 10.77.0.0/24 of lab; an address"
                " must name its network"));
  EXPECT_EQ(Wrong(kFar, "lab"), "network.name = \"lab\": already a network; name it otherwise");
}

TEST(NetworksTest, TheServersOwnAddressIsNoClients) {
  Config file = File();
  file.networks.clear();
  const auto config = WithNetworks(
      file, std::array{NetworkDocument{
                "lab", {{"subnet", "10.77.0.0/24"}, {"pools", {"10.77.0.1-10.77.0.20"}}}}});
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().message(),
            "network.pools = \"10.77.0.1-10.77.0.20\": holds the server's own address 10.77.0.1; "
            "leave it out");
}

TEST(NetworksTest, APortsGatewayIsTheRouterOfItsNetworksThatNameNone) {
  Config file = File();
  file.ports.front().gateway = *Ipv4Address::Parse("10.77.0.254");
  file.networks.clear();
  const auto router = [&](json network) {
    network.emplace("pools", json{"10.77.0.10-10.77.0.20"});
    const auto config = WithNetworks(file, std::array{NetworkDocument{"lab", network}});
    const auto told = config.ok() ? config->networks[0].told_router() : std::nullopt;
    return told ? told->ToString() : "";
  };
  EXPECT_EQ(router({{"subnet", "10.77.0.0/24"}}), "10.77.0.254");
  EXPECT_EQ(router({{"subnet", "10.77.0.0/24"}, {"router", "10.77.0.9"}}), "10.77.0.9");
  EXPECT_EQ(router({{"subnet", "10.77.0.0/24"},
                    {"reservation", {{{"mac", "52:54:00:00:00:fe"}, {"address", "10.77.0.254"}}}}}),
            "")
      << "the router's own address, which was always given to it here";
  EXPECT_EQ(router({{"subnet", "10.77.0.0/24"}, {"pools", {"10.77.0.200-10.77.0.254"}}}), "");
  EXPECT_EQ(
      router({{"subnet", "10.78.0.0/24"}, {"relayed", true}, {"pools", {"10.78.0.10-10.78.0.20"}}}),
      "");
  const ConfigResult read = ParseConfig(R"(
[state]
directory = "state"
[[port]]
device = "net_vhost0,iface=a"
addresses = ["10.77.0.1/24"]
gateway = "10.77.0.254"
[[network]]
name = "lab"
subnet = "10.77.0.0/24"
pools = ["10.77.0.10-10.77.0.20"]
[boot]
image_set = "debian"
)",
                                        "s.toml");
  ASSERT_TRUE(read.config) << Report(read, "s.toml");
  const NetworkConfig& lab = read.config->networks[0];
  EXPECT_EQ(lab.told_router(), Ipv4Address::Parse("10.77.0.254"));
  EXPECT_EQ(lab.router, std::nullopt) << "what is inherited is not its own";
  EXPECT_FALSE(ToJson(lab).contains("router"));
}

TEST(NetworksTest, WhatTakesAGatewayThatCameLaterIsToldAndTheOthersInherit) {
  Config file = File();
  file.ports.front().gateway = *Ipv4Address::Parse("10.77.0.254");
  file.networks.clear();
  json near = {{"subnet", "10.77.0.0/24"},
               {"pools", {"10.77.0.10-10.77.0.20", "10.77.0.200-10.77.0.254"}},
               {"reservation", {{{"mac", "52:54:00:00:00:fe"}, {"address", "10.77.0.254"}}}}};
  const auto taken = [&](const json& document) {
    const auto config = WithNetworks(file, std::array{NetworkDocument{"near", document}});
    EXPECT_TRUE(config.ok()) << config.status();
    return config.ok() ? LentRouterTaken(*config, config->networks[0]) : std::vector<std::string>();
  };
  EXPECT_THAT(
      taken(near),
      testing::ElementsAre(
          "network.pools = \"10.77.0.200-10.77.0.254\": holds 10.77.0.254, the port's gateway, "
          "which is the router of a network that names none; leave it out, or write the network's "
          "own router",
          "network.reservation.address = \"10.77.0.254\": the port's gateway, which is the router "
          "of a network that names none; write another, or the network's own router"));
  EXPECT_THAT(taken(kFar), testing::IsEmpty()) << "its machines have another router";
  near["pools"] = json::array({"10.77.0.10-10.77.0.20"});
  near["router"] = "10.77.0.9";
  EXPECT_THAT(taken(near), testing::IsEmpty()) << "the address is nobody's but the machine's";
}

TEST(NetworksTest, WhatIsNoDocumentIsRefusedNotRead) {
  json deep = 1;
  for (int i = 0; i < 1'000; ++i) deep = json::array({deep});
  for (const json& value : {json(nullptr), json(7), json("x"), json::array({1, 2}), deep,
                            json(18446744073709551615U), json(1.5)}) {
    EXPECT_NE(Wrong(value), "");  // no subnet
    json document = kFar;
    for (const char* key : {"subnet", "relayed", "pools", "reservation", "lease_time"}) {
      document[key] = value;
      // A null is as if the key were not there.
      EXPECT_TRUE(value.is_null() || !Wrong(document).empty()) << key;
      document[key] = kFar.contains(key) ? kFar[key] : json(nullptr);
    }
  }
}

}  // namespace
}  // namespace slipway::control
