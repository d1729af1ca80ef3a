// SPDX-License-Identifier: Apache-2.0
#include "control/boots/firmware.h"

#include <gtest/gtest.h>

#include "control/boots/words.h"
#include "tests/unit/control/boots/boot_builder.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;

const std::string kHttpClass = "HTTPClient:Arch:00016:UNDI:003000";
const Happened kDiscover{EventKind::kDhcpDiscover, 16, 0,
                         kHttpClass + " discover=67f18dbc6287be40"};
const Happened kPxeDiscover{EventKind::kDhcpDiscover, 7, 0,
                            "PXEClient:Arch:00007:UNDI:003000 discover=683c663f21183cc9"};
const Happened kOpened{EventKind::kTcpOpened, 443, 1460,
                       "window=65535 scale=0 sack=0 timestamps=0 rtt_us=900 syn=65535:1460:mss", 7};
const Happened kOffered{EventKind::kTlsOffered, 0x0303, 13,
                        "sni=boot.test hello=fd4508cff06e1bd0 suites=009f,009e", 7};
const Happened kComplete{EventKind::kHttpComplete, 100, 0, "GET /a/b.efi", 7};
const BootFirmware kFirmware{.client = "http",
                             .dhcp = "67f18dbc6287be40",
                             .tcp = "65535:1460:mss",
                             .tls = "fd4508cff06e1bd0"};

class FirmwareTest : public testing::Test, public Teller {
 protected:
  std::optional<BootFirmware> Seen() const { return FirmwareOf(boots().back()); }
};

TEST_F(FirmwareTest, IsWhatABootSaidUpToItsFirstWholeFile) {
  Tell({kDiscover,
        kOpened,
        kOffered,
        {EventKind::kHttpComplete, 100, 0, "HEAD /a/b.efi", 7},
        kComplete,
        {EventKind::kDhcpDiscover, -1, 0, "MSFT 5.0"},
        {EventKind::kTcpOpened, 443, 1460, "window=64240 syn=64240:1460:mss-sack-ts-nop-ws7", 9},
        {EventKind::kTlsOffered, 0x0304, 3, "hello=0123456789abcdef suites=1301", 9}});
  EXPECT_EQ(Seen(), kFirmware);
}

TEST_F(FirmwareTest, TheLastDiscoverBeforeAConnectionIsWhoConnected) {
  Tell({kPxeDiscover, kPxeDiscover, kDiscover, kOpened});
  ASSERT_TRUE(Seen());
  EXPECT_EQ(Seen()->client, "http");
  EXPECT_EQ(Seen()->tls, "");
}

// Whether it is back at once in its second boot, which this DISCOVER begins.
bool IsBack(std::int64_t seconds_later, const std::string& discover,
            const std::string& second_file = "GET /a/b.efi") {
  Teller teller;
  teller.Tell({kDiscover, kOpened, {EventKind::kHttpComplete, 100, 0, "HEAD /a/c.efi", 7}});
  teller.Tell({kComplete, {EventKind::kHttpComplete, 100, 0, second_file, 7}});
  teller.now += (seconds_later - 1) * kSecond;
  teller.Tell({EventKind::kDhcpDiscover, 7, 0, discover});
  const auto boots = teller.boots();
  return boots.size() == 2 && IsBackAtOnce(boots[0], boots[1]);
}

TEST_F(FirmwareTest, IsBackAtOnceWhereItAsksForItsNextBootOption) {
  EXPECT_TRUE(IsBack(3, kDiscover.text));
  EXPECT_TRUE(IsBack(10, kPxeDiscover.text)) << "another option of it, as it is known to ask";
  EXPECT_FALSE(IsBack(11, kDiscover.text)) << "as after a reset";
  EXPECT_FALSE(IsBack(3, kHttpClass)) << "nobody knows who asks";
  EXPECT_FALSE(IsBack(3, "PXEClient:Arch:00007 discover=0123456789abcdef")) << "the program may";
  EXPECT_FALSE(IsBack(3, "iPXE PXEClient:Arch:00007:UNDI:003010 discover=0f0e0b8563b9b7bc"));
  EXPECT_FALSE(IsBack(3, kDiscover.text, "GET /a/grub.cfg")) << "what it loaded had begun";
}

TEST_F(FirmwareTest, IpxeIsAClientOfItsOwn) {
  Tell({kDiscover,
        kOpened,
        kOffered,
        kComplete,
        {EventKind::kDhcpDiscover, 7, 0,
         "iPXE PXEClient:Arch:00007:UNDI:003010 discover=0f0e0b8563b9b7bc"}});
  ASSERT_EQ(boots().size(), 2u);
  EXPECT_EQ(FirmwareOf(boots().front()), kFirmware);
  EXPECT_EQ(Seen(),
            (BootFirmware{.client = "ipxe", .dhcp = "0f0e0b8563b9b7bc", .tcp = "", .tls = ""}));
}

TEST_F(FirmwareTest, APxeClientThatWasNotAnsweredHasShownItsDhcp) {
  Tell({kPxeDiscover, {EventKind::kDhcpIgnored, 1}});
  EXPECT_EQ(Seen(),
            (BootFirmware{.client = "pxe", .dhcp = "683c663f21183cc9", .tcp = "", .tls = ""}));
}

// A cookie remembers no order of options; another connection may be another program's.
TEST_F(FirmwareTest, OnlyTheFirstConnectionCounts) {
  Tell({kDiscover, {EventKind::kTcpOpened, 443, 1460, "window=65535 rtt_us=900", 6}, kOpened});
  EXPECT_EQ(Seen()->tcp, "");
}

TEST_F(FirmwareTest, OfABootThatNoFirmwareBeganThereIsNone) {
  Tell({{EventKind::kDhcpDiscover, -1, 0, "MSFT 5.0"}, kOpened, kOffered});
  EXPECT_FALSE(Seen());
}

TEST_F(FirmwareTest, OfAStoryOfAnEarlierReleaseThereIsNone) {
  Tell({{EventKind::kDhcpDiscover, 16, 0, kHttpClass},
        {EventKind::kTcpOpened, 443, 1460, "window=65535 rtt_us=900", 7},
        {EventKind::kTlsOffered, 0x0303, 13, "suites=009f", 7}});
  EXPECT_FALSE(Seen());
}

TEST_F(FirmwareTest, AClientThatSaysOurWordsIsNotBelieved) {
  Tell({{EventKind::kDhcpDiscover, 16, 0,
         "HTTPClient discover=0000000000000000 discover=67f18dbc6287be40"},
        kOpened,
        {EventKind::kTlsOffered, 0x0303, 13, "sni=a hello=x hello=fd4508cff06e1bd0 suites=009f",
         7}});
  EXPECT_EQ(Seen()->dhcp, "67f18dbc6287be40");
  EXPECT_EQ(Seen()->tls, "") << "no fingerprint";
}

TEST(Discover, IsToldWithoutItsFingerprint) {
  EXPECT_EQ(VendorClassOf(kDiscover.text), kHttpClass);
  EXPECT_EQ(DiscoverFingerprintOf(kDiscover.text), "67f18dbc6287be40");
  for (const std::string& text :
       {std::string(), kHttpClass, kHttpClass + " discover=67f18dbc6287be4",
        kHttpClass + " discover=67f18dbc6287be4x", std::string("discover=67f18dbc6287be40")}) {
    EXPECT_EQ(VendorClassOf(text), text);
    EXPECT_EQ(DiscoverFingerprintOf(text), "");
  }
  BootStep step;
  step.kind = EventKind::kDhcpDiscover;
  step.text = kDiscover.text;
  EXPECT_EQ(Sentence(step), "asked for an address: " + kHttpClass);
  step.text = "iPXE " + kHttpClass + " discover=0f0e0b8563b9b7bc";
  EXPECT_EQ(VendorClassOf(step.text), kHttpClass);
  EXPECT_EQ(Sentence(step), "asked for an address: iPXE " + kHttpClass);
}

// The fingerprints are held against captures where they are made: tests/unit/protocols/dhcp, tls.
TEST(Likeness, NamesWhatIsKnownToSayTheSame) {
  EXPECT_EQ(LikenessOf(kFirmware), "EDK II HTTP boot, TLS of OVMF 2022.11");
  BootFirmware newer = kFirmware;
  newer.tls = "ff7315957ee58632";
  EXPECT_EQ(LikenessOf(newer), "EDK II HTTP boot, TLS of OVMF 2025.02");
  newer.dhcp = "0123456789abcdef";
  EXPECT_EQ(LikenessOf(newer), "TLS of OVMF 2025.02");
  EXPECT_EQ(
      LikenessOf(
          {.client = "ipxe", .dhcp = "0f0e0b8563b9b7bc", .tcp = "", .tls = "72d4a1eae14df7c1"}),
      "iPXE of 2025 (UEFI), TLS of iPXE of 2025");
  EXPECT_EQ(LikenessOf({}), "");
}

}  // namespace
}  // namespace slipway::control
