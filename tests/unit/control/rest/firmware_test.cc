// SPDX-License-Identifier: Apache-2.0
//
// What boots show of firmware, from the workers' events to the catalog, REST and the command line:
// who is remembered, that nothing is written where nothing is new, and what is decided by it.
#include <nlohmann/json.hpp>

#include "control/serve/firmware_watch.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::int64_t kSecond = 1'000'000'000;
const std::string kKnown = "52:54:00:00:00:01";
const std::string kStranger = "52:54:00:00:00:02";
const std::string kHttp = "HTTPClient:Arch:00016:UNDI:003000 discover=67f18dbc6287be40";
const std::string kIpxe = "iPXE PXEClient:Arch:00007:UNDI:003010 discover=0f0e0b8563b9b7bc";

class SeenFirmwareTest : public RestTest {
 protected:
  SeenFirmwareTest() {
    ImportBootFile("debian:stable");
    EXPECT_EQ(Slipway("machine label " + kKnown + " rack=a1").code, 0);
  }
  void Tell(EventKind kind, const std::string& mac, std::string_view text) {
    dataplane::Event event;
    event.kind = kind;
    event.mac = *MacAddress::Parse(mac);
    event.unix_nanoseconds = now_ += kSecond;
    event.number = kind == EventKind::kTcpOpened ? 443 : 100;
    event.set_text(text);
    core_->timelines().Take(event);
  }
  // Firmware boots, and what it loads boots no further.
  void Boots(const std::string& mac, const std::string& discover = kHttp,
             const std::string& syn = "65535:1460:mss",
             const std::string& hello = "fd4508cff06e1bd0") {
    Tell(EventKind::kDhcpDiscover, mac, discover);
    Tell(EventKind::kTcpOpened, mac, "window=65535 rtt_us=900 syn=" + syn);
    Tell(EventKind::kTlsOffered, mac, "hello=" + hello + " suites=009f");
    Tell(EventKind::kHttpComplete, mac, "GET /debian/0/boot.efi");
    Keep();
  }
  // As the tending thread does it.
  void Keep() {
    for (const Boot& boot : core_->timelines().TakeEnded()) watch_.Take(boot);
    EXPECT_TRUE(watch_.Keep(*core_, now_).ok());
  }
  nlohmann::json Shown(const std::string& path) {
    return nlohmann::json::parse(client_->Get("/api/v1/" + path)->body);
  }
  std::shared_ptr<const Machine> Record() { return core_->store().Machines()->front(); }
  std::string Explained(const std::string& more = "") {
    return Shown("explain?mac=" + kKnown + more)["decided_by"];
  }

  std::int64_t now_ = 1'790'000'000 * kSecond;
  FirmwareWatch watch_;
};

TEST_F(SeenFirmwareTest, AMachineOfTheCatalogIsShownWithIt) {
  EXPECT_EQ(Shown("machines/" + kKnown)["firmware"], nlohmann::json::array());
  Boots(kKnown);
  const nlohmann::json seen = {{"client", "http"},
                               {"dhcp", "67f18dbc6287be40"},
                               {"tcp", "65535:1460:mss"},
                               {"tls", "fd4508cff06e1bd0"},
                               {"like", "EDK II HTTP boot, TLS of OVMF 2022.11"},
                               {"since", now_ / kSecond}};
  EXPECT_EQ(Shown("machines/" + kKnown)["firmware"], nlohmann::json::array({seen}));
  EXPECT_EQ(Shown("machines")[0]["firmware"], nlohmann::json::array({seen}));
  const Ran ran = Slipway("machine show " + kKnown);
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("FIRMWARE"));
  EXPECT_THAT(ran.text, HasSubstr("http: dhcp 67f18dbc6287be40, tcp 65535:1460:mss, tls "
                                  "fd4508cff06e1bd0 (like EDK II HTTP boot, TLS of OVMF 2022.11), "
                                  "since 2026-"));
}

TEST_F(SeenFirmwareTest, OfAMachineThatNobodyEnteredTheBootTells) {
  Boots(kStranger);
  EXPECT_EQ(core_->store().Machines()->size(), 1u) << "it is not entered by that";
  EXPECT_THAT(Record()->firmware, IsEmpty());
  const nlohmann::json seen = {{"client", "http"},
                               {"dhcp", "67f18dbc6287be40"},
                               {"tcp", "65535:1460:mss"},
                               {"tls", "fd4508cff06e1bd0"},
                               {"like", "EDK II HTTP boot, TLS of OVMF 2022.11"}};
  EXPECT_EQ(Shown("boots/" + kStranger)["firmware"], seen);
  const Ran ran = Slipway("boot show " + kStranger);
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("firmware: http: dhcp 67f18dbc6287be40, tcp 65535:1460:mss"));
  EXPECT_THAT(ran.text, HasSubstr("asked for an address: HTTPClient:Arch:00016:UNDI:003000\n"));
}

TEST_F(SeenFirmwareTest, NothingIsWrittenWhereNothingIsNew) {
  Boots(kKnown);
  Boots(kKnown, kIpxe, "65532:1460:mss", "72d4a1eae14df7c1");
  const auto record = Record();
  ASSERT_EQ(record->firmware.size(), 2u);
  const auto published = published_.load();
  for (int i = 0; i < 3; ++i) {
    Boots(kKnown);
    Boots(kKnown, kIpxe, "65532:1460:mss", "72d4a1eae14df7c1");
  }
  EXPECT_EQ(Record(), record) << "the very object: it was not even read again";
  EXPECT_EQ(published_.load(), published);
}

TEST_F(SeenFirmwareTest, AChangeIsKeptOverARestartAndIsNoChangeOfTheRecord) {
  Boots(kKnown);
  const auto tag = client_->Get("/api/v1/machines/" + kKnown)->get_header_value("ETag");
  Boots(kKnown, kHttp, "65535:1460:mss-nop-ws6", "ff7315957ee58632");
  EXPECT_EQ(client_->Get("/api/v1/machines/" + kKnown)->get_header_value("ETag"), tag);
  EXPECT_EQ(Slipway("machine label " + kKnown + " rack=a2").code, 0);
  End();
  Begin();
  const auto seen = Shown("machines/" + kKnown);
  EXPECT_EQ(seen["firmware"][0]["tcp"], "65535:1460:mss-nop-ws6");
  EXPECT_EQ(seen["firmware"][0]["since"], now_ / kSecond);
  EXPECT_EQ(seen["labels"]["rack"], "a2");
  EXPECT_THAT(Slipway("audit list").text, Not(HasSubstr("65535:1460")));
}

TEST_F(SeenFirmwareTest, AListHasTheMachinesOfAFirmware) {
  Boots(kKnown);
  ASSERT_EQ(Slipway("machine label " + kStranger + " rack=a1").code, 0);
  const auto listed = [&](const std::string& selector) {
    return All("/api/v1/machines?selector=" + httplib::detail::encode_query_param(selector), "mac");
  };
  EXPECT_THAT(listed("tls-fingerprint=fd4508cff06e1bd0"), ElementsAre(kKnown));
  EXPECT_THAT(listed("tcp-fingerprint=65535:*:mss, rack=a1"), ElementsAre(kKnown));
  EXPECT_THAT(listed("tls-fingerprint!=fd4508cff06e1bd0"), ElementsAre(kStranger));
}

// A publication of what nobody asks about is left out.
TEST_F(SeenFirmwareTest, ARuleDecidesByItFromTheNextBootOn) {
  const auto before = published_.load();
  Boots(kKnown);
  EXPECT_EQ(published_.load(), before) << "no rule asks for it";
  ASSERT_EQ(Slipway("rule set old --when 'tls-fingerprint=fd4508cff06e1bd0' --action hold").code,
            0);
  EXPECT_EQ(Explained(), "old");
  const auto asked = published_.load();
  Boots(kKnown, kHttp, "65535:1460:mss-nop-ws6", "ff7315957ee58632");
  EXPECT_EQ(published_.load(), asked + 1);
  EXPECT_EQ(Explained(), "configuration");
}

TEST_F(SeenFirmwareTest, AQuestionIsAskedWithTheFingerprintThatIsGivenOrWasSeen) {
  ASSERT_EQ(Slipway("rule set known --when dhcp-fingerprint=67f18dbc6287be40 --image "
                    "debian:stable --order 1")
                .code,
            0);
  ASSERT_EQ(Slipway("rule set others --when client=http --action quarantine --image "
                    "debian:stable --order 2")
                .code,
            0);
  EXPECT_EQ(Explained(), "others");
  EXPECT_EQ(Explained("&dhcp_fingerprint=67F18DBC6287BE40"), "known");
  Boots(kKnown);
  EXPECT_EQ(Explained(), "known") << "as it was seen";
  EXPECT_EQ(Explained("&dhcp_fingerprint=0123456789abcdef"), "others");
  EXPECT_EQ(Explained("&client=pxe"), "configuration") << "that was another client";
  const Ran ran = Slipway("explain --mac " + kStranger + " --dhcp-fingerprint 67f18dbc6287be40");
  EXPECT_THAT(ran.text, HasSubstr("by rule known"));
  const auto wrong = client_->Get("/api/v1/explain?mac=" + kKnown + "&dhcp_fingerprint=xyz");
  EXPECT_EQ(wrong->status, 400);
  EXPECT_THAT(wrong->body, HasSubstr("write 16 hexadecimal digits"));
}

// By its UUID before its MAC, as the dataplane finds it.
TEST_F(SeenFirmwareTest, AMachineThatIsKnownByItsUuidAloneIsFoundByItsLease) {
  const Uuid uuid = *Uuid::Parse("0a1b2c3d-0001-0002-0003-000000000001");
  ASSERT_EQ(Slipway("machine label " + uuid.ToString() + " rack=b7").code, 0);
  dhcp::LeaseChange change;
  change.address = Ipv4Address(10, 77, 0, 101);
  change.mac = *MacAddress::Parse(kStranger);
  change.uuid = uuid;
  change.state = dhcp::LeaseState::kBound;
  change.expires_unix_seconds = 4'000'000'000;
  core_->leases().Take(std::vector<dhcp::LeaseChange>{change});
  Boots(kStranger);
  EXPECT_EQ(Shown("machines/" + uuid.ToString())["firmware"][0]["client"], "http");
  EXPECT_THAT(Shown("machines/" + kKnown)["firmware"], IsEmpty());
}

}  // namespace
}  // namespace slipway::control
