// SPDX-License-Identifier: Apache-2.0
//
// What the configuration's [boot] tables become: who is offered what, by the dataplane's own
// lookup.
#include <gtest/gtest.h>

#include "control/serve/snapshot_builder.h"
#include "control/text.h"
#include "tests/support/small_site.h"
#include "tests/unit/control/serve/image_sets.h"

namespace slipway::control {
namespace {

class SnapshotTest : public testing::Test {
 protected:
  void Build(const std::string& boot) {
    const ConfigResult parsed = ParseConfig(Text(kSitePort, kSiteLab, kSiteProxy, boot), "s.toml");
    ASSERT_TRUE(parsed.config) << Report(parsed, "s.toml");
    NoImageMemory memory;
    const ImageShelf shelf(memory);
    const MachineList machines;
    const std::vector<Rule> rules;
    const std::vector<Rollout> rollouts;
    const std::vector<RetiredVersion> retired;
    auto built = BuildSnapshot({.config = *parsed.config,
                                .machines = machines,
                                .rules = rules,
                                .rollouts = rollouts,
                                .sets = sets_,
                                .retired = retired,
                                .shelf = shelf,
                                .tls = nullptr});
    ASSERT_TRUE(built.ok()) << built.status();
    snapshot_ = *std::move(built);
  }

  // "uri", or "file @ server"; empty: no offer.
  std::string Offered(dhcp::ClientKind kind, std::uint16_t architecture) const {
    dhcp::Client client;
    client.kind = kind;
    client.architectures[client.architecture_count++] = architecture;
    const dhcp::Policy& policy = *snapshot_->dhcp;
    const dhcp::BootRule* rule = policy.FindBootRule(nullptr, policy.networks()[0], client);
    if (rule == nullptr) return "";
    return rule->next_server.is_unspecified() ? rule->uri
                                              : rule->uri + " @ " + rule->next_server.ToString();
  }

  static constexpr std::uint16_t kX64Http = 0x10;
  static constexpr std::uint16_t kX64 = 7;
  std::vector<ImageSet> sets_{SetOf("chain:1"), SetOf("menu:1"), SetOf("all:1")};
  std::unique_ptr<dataplane::Snapshot> snapshot_;
};

TEST_F(SnapshotTest, OneSetIsForFirmwareAndIpxeAlike) {
  Build("[boot]\nimage_set = \"all:1\"\n");
  const std::string uri = "https://boot.slipway.test/all/0123456789ab/boot.efi";
  EXPECT_EQ(Offered(dhcp::ClientKind::kHttp, kX64Http), uri);
  EXPECT_EQ(Offered(dhcp::ClientKind::kIpxe, kX64), uri);
  EXPECT_EQ(Offered(dhcp::ClientKind::kPxe, kX64), "");
}

TEST_F(SnapshotTest, IpxeChainedOverTheWireIsNotOfferedItselfAgain) {
  Build(
      "[boot]\nimage_set = \"all:1\"\nhttp = true\n"
      "[[boot.override]]\narchitecture = \"x64\"\nimage_set = \"chain:1\"\n"
      "[[boot.override]]\narchitecture = \"x64\"\nclient = \"ipxe\"\nimage_set = \"menu:1\"\n");
  EXPECT_EQ(Offered(dhcp::ClientKind::kHttp, kX64Http),
            "https://boot.slipway.test/chain/0123456789ab/boot.efi");
  EXPECT_EQ(Offered(dhcp::ClientKind::kIpxe, kX64),
            "http://boot.slipway.test/menu/0123456789ab/boot.efi");
}

TEST_F(SnapshotTest, ATableForFirmwareAloneLeavesIpxeTheCommonSet) {
  Build(
      "[boot]\nimage_set = \"all:1\"\n"
      "[[boot.override]]\narchitecture = \"x64\"\nclient = \"http\"\nimage_set = \"chain:1\"\n");
  EXPECT_EQ(Offered(dhcp::ClientKind::kHttp, kX64Http),
            "https://boot.slipway.test/chain/0123456789ab/boot.efi");
  EXPECT_EQ(Offered(dhcp::ClientKind::kIpxe, kX64),
            "https://boot.slipway.test/all/0123456789ab/boot.efi");
}

TEST_F(SnapshotTest, PxeIsPointedToTheTftpServer) {
  Build(
      "[boot]\nimage_set = \"all:1\"\n"
      "[[boot.pxe]]\narchitecture = \"x64\"\nserver = \"10.77.0.5\"\nfile = \"ipxe.efi\"\n"
      "[[boot.pxe]]\narchitecture = \"bios\"\nserver = \"10.77.0.6\"\nfile = \"undionly.kpxe\"\n");
  EXPECT_EQ(Offered(dhcp::ClientKind::kPxe, kX64), "ipxe.efi @ 10.77.0.5");
  EXPECT_EQ(Offered(dhcp::ClientKind::kPxe, 9), "ipxe.efi @ 10.77.0.5") << "old firmware's x64";
  EXPECT_EQ(Offered(dhcp::ClientKind::kPxe, 0), "undionly.kpxe @ 10.77.0.6");
  EXPECT_EQ(Offered(dhcp::ClientKind::kPxe, 0x0b), "");
}

TEST_F(SnapshotTest, AMachinesNameIsItsHostNameWhereItMayBeOne) {
  const auto told = [&](const std::string& name) {
    Build("[boot]\nimage_set = \"all:1\"\n[[machine]]\nname = \"" + name +
          "\"\nmac = \"52:54:00:00:00:07\"\nimage_set = \"all:1\"\n");
    if (HasFatalFailure()) return std::string("no snapshot");
    const dhcp::MachineSettings* machine =
        snapshot_->dhcp->FindMachine({.mac = *MacAddress::Parse("52:54:00:00:00:07")});
    return machine == nullptr ? std::string("no machine") : machine->host_name;
  };
  for (const std::string name : {"node7", "7", "Node-7.example.net"}) EXPECT_EQ(told(name), name);
  for (const std::string name : {"Rack 7, top", "-node", "node-", "node.", "a..b", ".a", "a.-b",
                                 "a-.b", "node_7", "n\u00f6de"}) {
    EXPECT_EQ(told(name), "") << name;
  }
  EXPECT_EQ(told(std::string(63, 'a')), std::string(63, 'a'));
  EXPECT_EQ(told(std::string(64, 'a')), "");
}

}  // namespace
}  // namespace slipway::control
