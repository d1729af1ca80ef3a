// SPDX-License-Identifier: Apache-2.0
//
// Bad configurations against the exact words an operator reads.
#include "control/config/config.h"

#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/config/devices.h"

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;

constexpr std::string_view kPort =
    "[[port]]\ndevice = \"net_tap0\"\naddresses = [\"10.0.0.1/24\"]\n";

std::vector<std::string> ProblemsOf(std::string_view text) {
  std::vector<std::string> lines;
  for (const Problem& problem : ParseConfig(text, "s.toml").problems) {
    lines.push_back(problem.ToString());
  }
  return lines;
}

// kPort takes lines 1 to 3: what is under test begins in line 4.
struct BadConfig {
  std::string name;
  std::string text;
  std::string problem;
};

void PrintTo(const BadConfig& bad, std::ostream* out) { *out << bad.name; }

class OneMistake : public testing::TestWithParam<BadConfig> {};

TEST_P(OneMistake, IsSaidInTheseWords) {
  EXPECT_THAT(ProblemsOf(std::string(kPort) + GetParam().text), ElementsAre(GetParam().problem));
}

constexpr char kNetwork[] =
    "[[network]]\nname = \"a\"\nsubnet = \"10.0.0.0/24\"\npools = [\"10.0.0.10-10.0.0.20\"]\n";

const BadConfig kBadConfigs[] = {
    {"UnknownKeyNearOne", "[dataplane]\ncore = [1]\n",
     "s.toml:5:1: dataplane.core = [1]: unknown key; did you mean dataplane.cores?"},
    {"UnknownKeyNearNone", "[tls]\nwombat = 1\n",
     "s.toml:5:1: tls.wombat = 1: unknown key; tls has: policy, certificate"},
    {"DatabaseThatIsNotThere", "[secure_boot]\ndb = [\"/nowhere\"]\n",
     "s.toml:5:7: secure_boot.db = \"/nowhere\": cannot be read; write the path of a file"},
    {"DatabaseThatIsNone", "[secure_boot]\ndbx = [\"/proc/sys/kernel/ostype\"]\n",
     "s.toml:5:8: secure_boot.dbx = \"/proc/sys/kernel/ostype\": a signature list leads beyond the "
     "file: no "
     "EFI signature list, or cut short; write the path of a signature list, a certificate or a "
     "variable store"},
    {"SbatLevelThatIsNone", "[secure_boot]\nsbat_level = \"/proc/sys/kernel/ostype\"\n",
     "s.toml:5:14: secure_boot.sbat_level = \"/proc/sys/kernel/ostype\": SBAT is malformed: the "
     "line \"Linux\" "
     "has 1 fields instead of 2; write the path of a text like \"sbat,1,2025051000\\nshim,4\\n\""},
    {"UnknownTable", "[netwrok]\nname = \"a\"\n",
     "s.toml:4:2: netwrok: unknown table; did you mean network?"},
    {"WrongType", "[boot]\nhttp = \"yes\"\n", "s.toml:5:8: boot.http = \"yes\": not true or false"},
    {"ListForOne", "[boot]\nhttp = [true]\n",
     "s.toml:5:8: boot.http = [true]: a list where one value stands; write true or false"},
    {"OneForList", "[dataplane]\ncores = 1\n",
     "s.toml:5:9: dataplane.cores = 1: not a list; write it in [brackets]"},
    {"SizeWithoutUnit", "[images]\nmemory = 512\n",
     "s.toml:5:10: images.memory = 512: not a size with its unit, such as \"512 MiB\" "
     "(B, KiB, MiB, GiB, TiB)"},
    {"SizeTooSmall", "[images]\nmemory = \"1 KiB\"\n",
     "s.toml:5:10: images.memory = \"1 KiB\": too small; write 1 MiB to 16777216 MiB"},
    {"MtuTooLarge", "[[port]]\ndevice = \"net_tap1\"\naddresses = [\"10.9.0.1/24\"]\nmtu = 9999\n",
     "s.toml:7:7: port.mtu = 9999: too large; write 576 to 9216 (bytes)"},
    {"VlanTooLarge",
     "[[port]]\ndevice = \"net_tap1\"\naddresses = [\"10.9.0.1/24\"]\nvlan = 4095\n",
     "s.toml:7:8: port.vlan = 4095: too large; write 0 to 4094 (VLAN number)"},
    {"UnknownChoice", "[tls]\npolicy = \"fast\"\n",
     "s.toml:5:10: tls.policy = \"fast\": unknown; write one of firmware, modern"},
    {"SingleTableTwice", "[[boot]]\nhttp = true\n",
     "s.toml:4:1: boot = [{...}]: not a single table; write [boot]"},
    {"SameOverrideByTwoNames",
     "[[boot.override]]\narchitecture = \"arm64\"\nimage_set = \"a\"\n"
     "[[boot.override]]\narchitecture = \"aa64\"\nimage_set = \"b\"\n",
     "s.toml:8:16: boot.override.architecture = \"aa64\": already overridden in line 5; keep one "
     "of "
     "them"},
    {"SameOverrideTwice",
     "[[boot.override]]\narchitecture = \"x64\"\nclient = \"ipxe\"\nimage_set = \"a\"\n"
     "[[boot.override]]\narchitecture = \"x64\"\nimage_set = \"b\"\n"
     "[[boot.override]]\narchitecture = \"x64\"\nclient = \"ipxe\"\nimage_set = \"c\"\n",
     "s.toml:12:16: boot.override.architecture = \"x64\": already overridden in line 5; keep one "
     "of "
     "them"},
    {"SamePxeTwice",
     "[[boot.pxe]]\narchitecture = \"bios\"\nserver = \"10.0.0.5\"\nfile = \"a\"\n"
     "[[boot.pxe]]\narchitecture = \"bios\"\nserver = \"10.0.0.5\"\nfile = \"b\"\n",
     "s.toml:9:16: boot.pxe.architecture = \"bios\": already has a file in line 5; keep one of "
     "them"},
    {"PxeFromNobody",
     "[[boot.pxe]]\narchitecture = \"x64\"\nserver = \"255.255.255.255\"\nfile = \"a\"\n",
     "s.toml:6:10: boot.pxe.server = \"255.255.255.255\": not an address a host can have; write "
     "the "
     "TFTP server's"},
    {"PxeFileWithBlank",
     "[[boot.pxe]]\narchitecture = \"x64\"\nserver = \"10.0.0.5\"\nfile = \"a b\"\n",
     "s.toml:7:8: boot.pxe.file = \"a b\": PXE takes names of 1 to 127 ASCII characters without "
     "blanks; write such a one"},
    {"DuplicateCore", "[dataplane]\ncores = [1, 2, 1]\n",
     "s.toml:5:16: dataplane.cores = \"1\": named twice; write each core once"},
    {"NoCore", "[dataplane]\ncores = []\n",
     "s.toml:5:9: dataplane.cores = []: no worker would run; write at least one core"},
    {"DuplicatePort", "[[port]]\ndevice = \"net_tap0,iface=x\"\naddresses = [\"10.9.0.1/24\"]\n",
     "s.toml:5:10: port.device = \"net_tap0,iface=x\": already the port in line 2, with other "
     "arguments; write the same for another VLAN of it, or number virtual devices, such as "
     "net_vhost1"},
    {"DuplicateVlan",
     "vlan = 7\n[[port]]\ndevice = \"net_tap0\"\naddresses = [\"10.9.0.1/24\"]\nvlan = 8\n"
     "[[port]]\ndevice = \"net_tap0\"\naddresses = [\"10.8.0.1/24\"]\nvlan = 7\n",
     "s.toml:10:10: port.device = \"net_tap0\": already the port in line 2, with the same VLAN; "
     "write each VLAN of a port once, or number virtual devices, such as net_vhost1"},
    {"RealPortWithoutHugepages",
     "[[port]]\ndevice = \"0000:03:00.0\"\naddresses = [\"10.9.0.1/24\"]\n",
     "s.toml:5:10: port.device = \"0000:03:00.0\": a real port needs hugepages; write "
     "dataplane.hugepages = true"},
    {"PortWithoutDevice", "[[port]]\naddresses = [\"10.9.0.1/24\"]\n",
     "s.toml:4:1: port.device: missing; write a PCI address such as \"0000:03:00.0\", an "
     "interface of the kernel such as \"packet:eth1\" or a DPDK device such as "
     "\"net_vhost0,iface=/run/slipway/vhost.sock\""},
    {"DuplicateKernelInterface",
     "[[port]]\ndevice = \"packet:eth1\"\naddresses = [\"10.9.0.1/24\"]\n"
     "[[port]]\ndevice = \"packet:eth1\"\naddresses = [\"10.8.0.1/24\"]\n",
     "s.toml:8:10: port.device = \"packet:eth1\": already the port in line 5, with the same VLAN; "
     "write each VLAN of a port once"},
    {"NetworkAddressOnPort", "[[port]]\ndevice = \"net_tap1\"\naddresses = [\"10.9.0.0/24\"]\n",
     "s.toml:6:14: port.addresses = \"10.9.0.0/24\": the network's own or its broadcast address; "
     "write a host's, such as \"10.9.0.1/24\""},
    {"MulticastOnPort", "[[port]]\ndevice = \"net_tap1\"\naddresses = [\"224.0.0.1/24\"]\n",
     "s.toml:6:14: port.addresses = \"224.0.0.1/24\": not an address a host can have; write a "
     "unicast address"},
    {"SameAddressOnTwoPorts", "[[port]]\ndevice = \"net_tap1\"\naddresses = [\"10.0.0.1/24\"]\n",
     "s.toml:6:14: port.addresses = \"10.0.0.1/24\": already an address in line 3; write each "
     "once"},
    {"GatewayNotOnLink", "gateway = \"10.1.0.1\"\n",
     "s.toml:4:11: port.gateway = \"10.1.0.1\": not on the link; write an address inside "
     "10.0.0.0/24"},
    {"GatewayIsOurselves", "gateway = \"10.0.0.1\"\n",
     "s.toml:4:11: port.gateway = \"10.0.0.1\": the port's own address; write the router's or "
     "leave "
     "it out"},
    {"OverlappingSubnets",
     "[[network]]\nname = \"a\"\nsubnet = \"10.9.0.0/24\"\nrelayed = true\npools = "
     "[\"10.9.0.10-10.9.0.20\"]\n[[network]]\nname = \"b\"\nsubnet = \"10.9.0.0/16\"\n"
     "relayed = true\npools = [\"10.9.1.0-10.9.1.9\"]\n",
     "s.toml:11:10: network.subnet = \"10.9.0.0/16\": overlaps 10.9.0.0/24 of a in line 6; an "
     "address must name its network"},
    {"NetworkOnTwoPorts",
     "[[port]]\ndevice = \"net_tap0\"\naddresses = [\"10.0.0.2/24\"]\nvlan = 7\n" +
         std::string(kNetwork),
     "s.toml:10:10: network.subnet = \"10.0.0.0/24\": two ports or VLANs have an address inside, "
     "10.0.0.1 and 10.0.0.2; a network is on one of them: write addresses of another subnet at the "
     "other"},
    {"PoolOutsideSubnet",
     "[[network]]\nname = \"a\"\nsubnet = \"10.0.0.0/24\"\npools = [\"10.0.0.200-10.0.1.5\"]\n",
     "s.toml:7:10: network.pools = \"10.0.0.200-10.0.1.5\": reaches outside the subnet; stay "
     "inside "
     "10.0.0.0/24"},
    {"ServerInsidePool",
     "[[network]]\nname = \"a\"\nsubnet = \"10.0.0.0/24\"\npools = [\"10.0.0.1-10.0.0.9\"]\n",
     "s.toml:7:10: network.pools = \"10.0.0.1-10.0.0.9\": holds the server's own address 10.0.0.1; "
     "leave it out"},
    {"OverlappingPools",
     "[[network]]\nname = \"a\"\nsubnet = \"10.0.0.0/24\"\n"
     "pools = [\"10.0.0.10-10.0.0.20\", \"10.0.0.20-10.0.0.30\"]\n",
     "s.toml:7:33: network.pools = \"10.0.0.20-10.0.0.30\": overlaps \"10.0.0.10-10.0.0.20\"; "
     "write "
     "each address once"},
    {"PoolBackwards",
     "[[network]]\nname = \"a\"\nsubnet = \"10.0.0.0/24\"\npools = [\"10.0.0.20-10.0.0.10\"]\n",
     "s.toml:7:10: network.pools = \"10.0.0.20-10.0.0.10\": not an address range such as "
     "\"10.77.0.100-10.77.0.199\""},
    {"NoPool", "[[network]]\nname = \"a\"\nsubnet = \"10.0.0.0/24\"\n",
     "s.toml:4:1: network.pools = []: no address can be given; write a pool, a reservation, or "
     "proxy_dhcp = true"},
    {"ProxyWithPool", std::string(kNetwork) + "proxy_dhcp = true\n",
     "s.toml:7:9: network.pools = [\"10.0.0.10-10.0.0.20\"]: a proxy gives no addresses; leave "
     "pools "
     "out or write proxy_dhcp = false"},
    {"NetworkWithoutPort",
     "[[network]]\nname = \"a\"\nsubnet = \"10.5.0.0/24\"\npools = [\"10.5.0.10-10.5.0.20\"]\n",
     "s.toml:6:10: network.subnet = \"10.5.0.0/24\": no port has an address inside; add one to a "
     "port, or write relayed = true"},
    {"SubnetWithHostBits",
     "[[network]]\nname = \"a\"\nsubnet = \"10.0.0.7/24\"\nproxy_dhcp = true\n",
     "s.toml:6:10: network.subnet = \"10.0.0.7/24\": has bits behind its length; write "
     "\"10.0.0.0/24\""},
    {"RouterOutside", std::string(kNetwork) + "router = \"10.4.0.1\"\n",
     "s.toml:8:10: network.router = \"10.4.0.1\": clients cannot reach it; write an address inside "
     "10.0.0.0/24"},
    {"GatewayInsidePool", "gateway = \"10.0.0.15\"\n" + std::string(kNetwork),
     "s.toml:8:10: network.pools = \"10.0.0.10-10.0.0.20\": holds 10.0.0.15, the port's gateway, "
     "which is the router of a network that names none; leave it out, or write the network's own "
     "router"},
    {"RouterInsidePool",
     "gateway = \"10.0.0.9\"\n" + std::string(kNetwork) + "router = \"10.0.0.15\"\n",
     "s.toml:8:10: network.pools = \"10.0.0.10-10.0.0.20\": holds the router 10.0.0.15; leave it "
     "out"},
    {"ReservationOfTheRouter",
     std::string(kNetwork) +
         "router = \"10.0.0.9\"\n[[network.reservation]]\nmac = \"52:54:00:00:00:01\"\n"
         "address = \"10.0.0.9\"\n",
     "s.toml:11:11: network.reservation.address = \"10.0.0.9\": the network's router; write "
     "another"},
    {"ReservationOfTheGateway",
     "gateway = \"10.0.0.9\"\n" + std::string(kNetwork) +
         "[[network.reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"10.0.0.9\"\n",
     "s.toml:11:11: network.reservation.address = \"10.0.0.9\": the port's gateway, which is the "
     "router of a network that names none; write another, or the network's own router"},
    {"ReservationOutside",
     std::string(kNetwork) +
         "[[network.reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"10.1.0.5\"\n",
     "s.toml:10:11: network.reservation.address = \"10.1.0.5\": outside the subnet; write an "
     "address "
     "inside 10.0.0.0/24"},
    {"ReservationOfServer",
     std::string(kNetwork) +
         "[[network.reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"10.0.0.1\"\n",
     "s.toml:10:11: network.reservation.address = \"10.0.0.1\": the server's own address; write "
     "another"},
    {"ReservationOfNobody",
     std::string(kNetwork) + "[[network.reservation]]\naddress = \"10.0.0.5\"\n",
     "s.toml:8:1: network.reservation: nothing says whose; write mac, uuid or client_id"},
    {"ReservationTwice",
     std::string(kNetwork) +
         "[[network.reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"10.0.0.5\"\n"
         "[[network.reservation]]\nmac = \"52:54:00:00:00:02\"\naddress = \"10.0.0.5\"\n",
     "s.toml:13:11: network.reservation.address = \"10.0.0.5\": already reserved in line 8; write "
     "another"},
    {"OptionOfTheServer", std::string(kNetwork) + "[[network.option]]\ncode = 67\ntext = \"x\"\n",
     "s.toml:9:8: network.option.code = 67: written by the server itself; use the network's keys "
     "for "
     "it"},
    {"OptionWithTwoValues",
     std::string(kNetwork) + "[[network.option]]\ncode = 42\ntext = \"x\"\nhex = \"00\"\n",
     "s.toml:8:1: network.option: several values; write one of text, hex, addresses"},
    {"DuplicateMac",
     "[[machine]]\nmac = \"52:54:00:00:00:01\"\nimage_set = \"a:b\"\n"
     "[[machine]]\nmac = \"52-54-00-00-00-01\"\nimage_set = \"a:b\"\n",
     "s.toml:8:7: machine.mac = \"52-54-00-00-00-01\": already a machine in line 5; keep one of "
     "them"},
    {"GroupMac", "[[machine]]\nmac = \"01:00:5e:00:00:01\"\nimage_set = \"a:b\"\n",
     "s.toml:5:7: machine.mac = \"01:00:5e:00:00:01\": not a station address such as "
     "\"52:54:00:12:34:56\""},
    {"MachineWithoutName", "[[machine]]\nimage_set = \"a:b\"\n",
     "s.toml:4:1: machine: nothing says which machine; write mac or uuid"},
    {"ImageSetClimbing", "[boot]\nimage_set = \"../etc:x\"\n",
     "s.toml:5:13: boot.image_set = \"../etc:x\": not an image set such as \"debian:stable\""},
    {"NotToml", "[boot\n",
     "s.toml:4:6: not TOML: Error while parsing table header: expected ']', saw '\\n'; mend this "
     "first"},
};

INSTANTIATE_TEST_SUITE_P(Config, OneMistake, testing::ValuesIn(kBadConfigs),
                         [](const auto& each) { return each.param.name; });

TEST(ConfigTest, EveryMistakeIsReportedAtOnceInTheFilesOrder) {
  const ConfigResult result = ParseConfig(
      "[dataplane]\ncore = [1]\nmemory = 5\n[management]\naddress = \"localhost\"\n", "s.toml");
  EXPECT_FALSE(result.config.has_value());
  EXPECT_EQ(Report(result, "s.toml"),
            "s.toml:1:1: port: missing; write a [[port]] table with device and addresses\n"
            "s.toml:2:1: dataplane.core = [1]: unknown key; did you mean dataplane.cores?\n"
            "s.toml:3:10: dataplane.memory = 5: not a size with its unit, such as \"512 MiB\" (B, "
            "KiB, MiB, GiB, TiB)\n"
            "s.toml:5:11: management.address = \"localhost\": not an address and port such as "
            "\"127.0.0.1:8443\"\n"
            "4 problems; nothing was started\n");
}

TEST(ConfigTest, AnArchitectureHasTheNameThatImageSetsGiveItToo) {
  EXPECT_EQ(HttpArchitecture("arm64"), 0x13);
  for (const char* name : {"aa64", "aarch64"}) EXPECT_EQ(HttpArchitecture(name), 0x13) << name;
  EXPECT_EQ(HttpArchitecture("arm"), 0x12);
  EXPECT_THAT(PxeArchitectures("aa64"), ElementsAre(0x0b));
  EXPECT_EQ(HttpArchitecture("vax"), std::nullopt);
}

TEST(ConfigTest, AFileThatIsNotThereIsOneProblem) {
  const ConfigResult result = LoadConfig("/nowhere/s.toml");
  EXPECT_EQ(
      Report(result, "/nowhere/s.toml"),
      "/nowhere/s.toml: cannot be read (No such file or directory); name a readable file with "
      "--config\n1 problem; nothing was started\n");
}

TEST(ConfigTest, SeveralVlansAreOnePort) {
  const std::string text =
      std::string(kPort) +
      "[[port]]\ndevice = \"net_tap1\"\naddresses = [\"10.1.0.1/24\"]\n"
      "[[port]]\ndevice = \"net_tap0\"\naddresses = [\"10.2.0.1/24\"]\nvlan = 7\nmtu = 9000\n";
  const ConfigResult result = ParseConfig(text, "s.toml");
  ASSERT_TRUE(result.config.has_value()) << Report(result, "s.toml");
  EXPECT_EQ(Report(result, "s.toml"), "s.toml: good: 2 ports of 3 VLANs, 0 networks, 0 machines\n");
  EXPECT_THAT(DevicesOf(*result.config), ElementsAre("net_tap0", "net_tap1"));
  EXPECT_EQ(DeviceAt(*result.config, "net_tap1"), 1u);
  EXPECT_EQ(result.config->ports[2].vlan, VlanId(7));
}

TEST(ConfigTest, ValuesArriveAsWritten) {
  const ConfigResult result = ParseConfig(R"(
[state]
directory = "state"
[[port]]
device = "net_vhost0,iface=a"
addresses = ["10.77.0.1/16", "10.88.0.1/24"]
gateway = "10.77.0.254"
vlan = 7
mtu = 9000
[[network]]
name = "lab"
subnet = "10.77.0.0/16"
pools = ["10.77.1.0-10.77.1.255"]
lease_time = "90s"
[[network.reservation]]
uuid = "0A1B2C3D-0001-0203-0405-060708090A0B"
address = "10.77.0.9"
[[network.option]]
code = 42
addresses = ["10.77.0.1", "10.77.0.2"]
[boot]
names = ["Boot.Example"]
image_set = "debian"
[[boot.override]]
architecture = "arm64"
image_set = "arm:1"
[[boot.override]]
architecture = "arm64"
client = "ipxe"
image_set = "menu:1"
[[boot.pxe]]
architecture = "x64"
server = "10.77.0.5"
file = "ipxe.efi"
[tls]
policy = "modern"
)",
                                          "/etc/slipway/s.toml");
  ASSERT_TRUE(result.config.has_value()) << Report(result, "s.toml");
  const Config& config = *result.config;
  EXPECT_EQ(config.state_directory, "/etc/slipway/state");
  EXPECT_EQ(config.management.ToString(), "127.0.0.1:8443");
  ASSERT_EQ(config.ports.size(), 1u);
  EXPECT_EQ(config.ports[0].mtu, 9000);
  EXPECT_EQ(config.ports[0].vlan, VlanId(7));
  EXPECT_EQ(config.ports[0].addresses[1].ToString(), "10.88.0.1/24");
  EXPECT_EQ(config.networks[0].lease_time, std::chrono::seconds(90));
  EXPECT_EQ(config.networks[0].reservations[0].uuid->ToString(),
            "0a1b2c3d-0001-0203-0405-060708090a0b");
  EXPECT_EQ(ToHex(config.networks[0].options[0].value), "0a4d00010a4d0002");
  EXPECT_THAT(config.boot_names, ElementsAre("boot.example"));
  EXPECT_EQ(config.boot_image_set->ToString(), "debian:latest");
  EXPECT_EQ(config.boot_overrides[0].architecture, 0x13);
  EXPECT_EQ(config.boot_overrides[0].client, OverriddenClient::kAny);
  EXPECT_EQ(config.boot_overrides[1].client, OverriddenClient::kIpxe);
  EXPECT_THAT(PxeArchitectures(config.boot_pxe[0].architecture), ElementsAre(7, 9));
  EXPECT_EQ(config.boot_pxe[0].server, Ipv4Address(10, 77, 0, 5));
  EXPECT_EQ(config.boot_pxe[0].file, "ipxe.efi");
  EXPECT_EQ(config.tls_policy, TlsPolicy::kModern);
  EXPECT_EQ(config.memory, std::uint64_t{1} << 30);
}

class CertificateTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / "slipway_certificate_test";
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A self-signed certificate for `names` that begins `from` and ends `until` seconds from now;
  // `usage`: its extendedKeyUsage, null: none.
  void Write(const std::string& names, long from, long until, const char* usage = nullptr) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), until);
    X509_set_pubkey(certificate, key);
    X509_EXTENSION* extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    if (usage != nullptr) {
      extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_ext_key_usage, usage);
      X509_add_ext(certificate, extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(certificate, key, EVP_sha256());
    std::FILE* chain = std::fopen((folder_ / "c.pem").c_str(), "w");
    PEM_write_X509(chain, certificate);
    std::fclose(chain);
    std::FILE* keys = std::fopen((folder_ / "k.pem").c_str(), "w");
    PEM_write_PrivateKey(keys, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(keys);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  std::string Chain() const {
    std::ostringstream text;
    text << std::ifstream(folder_ / "c.pem").rdbuf();
    return text.str();
  }
  void Append(const std::string& pem) { std::ofstream(folder_ / "c.pem", std::ios::app) << pem; }

  // `table`: whose certificate it is; `more`: of other tables.
  std::vector<std::string> Problems(const std::string& more, const std::string& table = "tls") {
    std::vector<std::string> lines;
    const std::string text = std::string(kPort) + more + "[[" + table +
                             ".certificate]]\nchain = \"c.pem\"\nkey = \"k.pem\"\n";
    for (const Problem& problem : ParseConfig(text, folder_ / "s.toml").problems) {
      lines.push_back(problem.what);
    }
    return lines;
  }
  // With these lines in [management].
  std::vector<std::string> OfManagement(const std::string& lines) {
    return Problems("[management]\n" + lines, "management");
  }

  std::filesystem::path folder_;
};

TEST_F(CertificateTest, OneThatCoversTheBootNameIsGood) {
  Write("DNS:boot.slipway.test", 0, 3600);
  EXPECT_THAT(Problems(""), IsEmpty());
}

TEST_F(CertificateTest, OneThatDoesNotCoverTheBootNameIsSaid) {
  Write("DNS:other.test", 0, 3600);
  EXPECT_THAT(
      Problems(""),
      ElementsAre("tls.certificate.chain = \"c.pem\": does not cover the boot name "
                  "boot.slipway.test; bring a certificate with DNS:boot.slipway.test in its "
                  "subjectAltName, or change boot.names"));
}

TEST_F(CertificateTest, WithoutBootNamesTheAddressMustBeCovered) {
  Write("DNS:boot.slipway.test", 0, 3600);
  EXPECT_THAT(Problems("[boot]\nnames = []\n"),
              ElementsAre("tls.certificate.chain = \"c.pem\": does not cover the address 10.0.0.1, "
                          "which boot URIs name; bring a certificate with IP:10.0.0.1 in its "
                          "subjectAltName, or write boot.names"));
  Write("IP:10.0.0.1", 0, 3600);
  EXPECT_THAT(Problems("[boot]\nnames = []\n"), IsEmpty());
}

TEST_F(CertificateTest, FilesThatAreNotThereAreSaid) {
  EXPECT_THAT(Problems(""),
              ElementsAre("tls.certificate.chain = \"c.pem\": no certificate can be read from it; "
                          "write the path of a readable PEM file",
                          "tls.certificate.key = \"k.pem\": no private key can be read from it; "
                          "write the path of a readable PEM file without a passphrase"));
}

TEST_F(CertificateTest, OneThatExpiredIsSaid) {
  Write("DNS:boot.slipway.test", -7200, -3600);
  EXPECT_THAT(Problems(""),
              ElementsAre(MatchesRegex("tls.certificate.chain = \"c.pem\": the certificate has "
                                       "expired, on 20..-..-..; bring a new one")));
}

TEST_F(CertificateTest, OneThatIsNotForServersIsSaid) {
  Write("DNS:boot.slipway.test", 0, 3600, "serverAuth,clientAuth");
  EXPECT_THAT(Problems(""), IsEmpty());
  Write("DNS:boot.slipway.test", 0, 3600, "clientAuth");
  EXPECT_THAT(Problems(""),
              ElementsAre("tls.certificate.chain = \"c.pem\": the certificate is not for servers; "
                          "bring one with extendedKeyUsage serverAuth"));
}

TEST_F(CertificateTest, AKeyThatIsNotItsOwnIsSaid) {
  Write("DNS:boot.slipway.test", 0, 3600);
  std::filesystem::rename(folder_ / "c.pem", folder_ / "first.pem");
  Write("DNS:boot.slipway.test", 0, 3600);
  std::filesystem::rename(folder_ / "first.pem", folder_ / "c.pem");
  EXPECT_THAT(Problems(""),
              ElementsAre("tls.certificate.key = \"k.pem\": not the key of the chain's "
                          "first certificate; bring its own"));
}

TEST_F(CertificateTest, OneThatDidNotSignTheOneBeforeItIsSaid) {
  Write("DNS:boot.slipway.test", -7200, -3600);
  const std::string old = Chain();
  Write("DNS:boot.slipway.test", 0, 3600);
  Append(old);
  EXPECT_THAT(
      Problems(""),
      ElementsAre(MatchesRegex("tls.certificate.chain = \"c.pem\": certificate 2 of the chain has "
                               "expired, on 20..-..-..; bring a new one"),
                  "tls.certificate.chain = \"c.pem\": certificate 2 of the chain did not sign "
                  "certificate 1; put the server's own first, and behind each the one that "
                  "signed it"));
}

TEST_F(CertificateTest, AChainThatIsCutShortIsSaid) {
  Write("DNS:boot.slipway.test", 0, 3600);
  Append("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(Problems(""),
              ElementsAre("tls.certificate.chain = \"c.pem\": certificate 2 of the chain cannot be "
                          "read; write the file anew, as PEM"));
}

TEST_F(CertificateTest, OneOfManagementCoversItsNames) {
  Write("DNS:slipway.example", 0, 3600);
  EXPECT_THAT(OfManagement("names = [\"localhost\", \"slipway.example\"]\n"), IsEmpty())
      << "nobody signs localhost";
  EXPECT_THAT(OfManagement("names = [\"other.example\"]\n"),
              ElementsAre("management.certificate.chain = \"c.pem\": does not cover the management "
                          "name other.example; bring a certificate with DNS:other.example in its "
                          "subjectAltName, or change management.names"));
}

TEST_F(CertificateTest, WithoutManagementNamesTheAddressMustBeCovered) {
  Write("DNS:slipway.example", 0, 3600);
  EXPECT_THAT(OfManagement("address = \"192.0.2.1:8443\"\n"),
              ElementsAre("management.certificate.chain = \"c.pem\": does not cover the address "
                          "192.0.2.1, where management listens; bring a certificate with "
                          "IP:192.0.2.1 in its subjectAltName, or write management.names"));
  EXPECT_THAT(OfManagement("address = \"0.0.0.0:8443\"\n"), IsEmpty()) << "no address is named";
  EXPECT_THAT(OfManagement(""), IsEmpty()) << "nor is one that others reach";
  Write("IP:192.0.2.1", 0, 3600);
  EXPECT_THAT(OfManagement("address = \"192.0.2.1:8443\"\n"), IsEmpty());
}

TEST_F(CertificateTest, OneOfManagementIsCheckedAsABootServersIs) {
  EXPECT_THAT(OfManagement(""),
              ElementsAre("management.certificate.chain = \"c.pem\": no certificate can be read "
                          "from it; write the path of a readable PEM file",
                          "management.certificate.key = \"k.pem\": no private key can be read from "
                          "it; write the path of a readable PEM file without a passphrase"));
}

TEST_F(CertificateTest, OneOfManagementThatIsOutOfDateIsAWarning) {
  const std::string text =
      std::string(kPort) + "[[management.certificate]]\nchain = \"c.pem\"\nkey = \"k.pem\"\n";
  const auto is_warned_of = [&](const std::string& words) {
    const ConfigResult result = ParseConfig(text, folder_ / "s.toml");
    EXPECT_TRUE(result.config.has_value());
    ASSERT_EQ(result.warnings.size(), 1U);
    EXPECT_THAT(result.warnings.front().what,
                MatchesRegex("management.certificate.chain = \"c.pem\": the certificate " + words +
                             "; meanwhile another one that is valid is shown, or our own"));
    EXPECT_THAT(Report(result, "s.toml"),
                MatchesRegex(".*is shown, or our own .warning.\ns.toml: good: .*"));
  };
  Write("DNS:slipway.example", -7200, -3600);
  is_warned_of("has expired, on 20..-..-..; bring a new one");
  Write("DNS:slipway.example", 3600, 7200);
  is_warned_of("is not valid before 20..-..-..; check its dates and this machine's clock");
  // What else is wrong with it is a mistake as before.
  Write("DNS:slipway.example", -7200, -3600, "clientAuth");
  EXPECT_THAT(OfManagement(""),
              ElementsAre("management.certificate.chain = \"c.pem\": the certificate is not for "
                          "servers; bring one with extendedKeyUsage serverAuth"));
}

}  // namespace
}  // namespace slipway::control
