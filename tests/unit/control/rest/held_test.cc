// SPDX-License-Identifier: Apache-2.0
//
// Who waits to be approved, as an operator meets them: the list, the event, and their approval.
#include <ctime>

#include "control/store/boot_archive.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::int64_t kSecond = 1'000'000'000;
const std::string kUuid = "0a1b2c3d-0001-0002-0003-000000000001";
constexpr std::string_view kVendorClass = "HTTPClient:Arch:00019:UNDI:003001";

std::string Mac(int last) {
  const auto octet = static_cast<std::uint8_t>(last);
  return MacAddress{{0x52, 0x54, 0, 0, 0, octet}}.ToString();
}

class HeldTest : public RestTest {
 protected:
  HeldTest() { EXPECT_EQ(Slipway("rule set ask --order 90 --action hold").code, 0); }

  void Happens(int last, EventKind kind, std::int64_t number, std::int64_t extra,
               std::string_view text) {
    dataplane::Event event;
    event.mac = *MacAddress::Parse(Mac(last));
    event.unix_nanoseconds = now_ += 1000;
    event.kind = kind;
    event.number = number;
    event.extra = extra;
    event.set_text(text);
    core_->timelines().Take(event);
  }
  // As the dataplane tells of a machine that a rule holds.
  void Asks(int last, const std::string& facts = "rule=ask") {
    Happens(last, EventKind::kDhcpDiscover, 0x13, 0, kVendorClass);
    Happens(last, EventKind::kDhcpIgnored, static_cast<std::int64_t>(Drop::kDhcpHeld),
            Ipv4Address(10, 77, 0, 0).value(), facts);
  }
  std::vector<std::string> Held(const std::string& query = "") {
    return All("/api/v1/held" + query, "mac");
  }
  nlohmann::json First() { return nlohmann::json::parse(client_->Get("/api/v1/held")->body).at(0); }

  std::int64_t now_ = std::time(nullptr) * kSecond;
};

TEST_F(HeldTest, AreListedWithTheOneThatBeganToWaitLastFirst) {
  EXPECT_THAT(Held(), IsEmpty());
  Asks(2);
  Asks(1, "rule=ask uuid=" + kUuid);
  Asks(1, "rule=ask uuid=" + kUuid);
  EXPECT_THAT(Held(), ElementsAre(Mac(1), Mac(2)));
  Asks(2);
  EXPECT_THAT(Held(), ElementsAre(Mac(1), Mac(2))) << "who asks again keeps its place in the pages";
  const auto first = First();
  EXPECT_EQ(first["uuid"], kUuid);
  EXPECT_EQ(first["architecture"], "arm64");
  EXPECT_EQ(first["client"], "http");
  EXPECT_EQ(first["network"], "lab");
  EXPECT_EQ(first["relay"], "");
  EXPECT_EQ(first["rule"], "ask");
  EXPECT_EQ(first["asked"], 2);
  EXPECT_EQ(first["known"], false);
  EXPECT_EQ(first["machine"], Mac(1));
  EXPECT_LE(first["first_asked"], first["last_asked"]);
  const Ran list = Slipway("machine held");
  EXPECT_EQ(list.code, 0);
  for (const std::string& word :
       {Mac(1), Mac(2), kUuid, std::string("arm64"), std::string("lab")}) {
    EXPECT_THAT(list.text, HasSubstr(word));
  }
  EXPECT_THAT(list.text, HasSubstr("slipway machine approve MACHINE"));
  EXPECT_THAT(nlohmann::json::parse(Slipway("--json machine held").text), SizeIs(2));
  EXPECT_THAT(Slipway("boot show " + Mac(1)).text,
              HasSubstr("a rule holds this machine until an operator approves it, by rule ask"));
  EXPECT_THAT(Slipway("why " + Mac(1)).text, HasSubstr("[policy.held]"));
}

TEST_F(HeldTest, AreThoseThatAskedWithinADayOrSince) {
  const std::int64_t now = now_;
  now_ = now - 90'000 * kSecond;
  Asks(1);
  now_ = now;
  Asks(2);
  EXPECT_THAT(Held(), ElementsAre(Mac(2)));
  EXPECT_THAT(Held(Text("?since=", now / kSecond - 100'000)), ElementsAre(Mac(2), Mac(1)));
  EXPECT_THAT(Slipway("machine held --since 2d").text, HasSubstr(Mac(1)));
  EXPECT_THAT(Slipway("machine held").text, Not(HasSubstr(Mac(1))));
  for (const char* wrong : {"x", "-1", "1.5"}) {
    EXPECT_EQ(client_->Get(Text("/api/v1/held?since=", wrong))->status, 400) << wrong;
  }
  EXPECT_EQ(Slipway("machine held --since yesterday").code, 2);
}

TEST_F(HeldTest, OneThatNobodyEnteredIsMadeByItsApproval) {
  Asks(1, "rule=ask uuid=" + kUuid);
  Asks(2);
  EXPECT_EQ(Slipway("machine show " + Mac(1)).code, 1) << "the catalog does not know it";
  const Ran approved = Slipway("machine approve " + Mac(1));
  EXPECT_EQ(approved.code, 0) << approved.text;
  EXPECT_THAT(Held(), ElementsAre(Mac(2)));
  EXPECT_THAT(Slipway("machine show " + Mac(1)).text, HasSubstr("APPROVED   yes\n"));
  EXPECT_THAT(Slipway("audit list").text, HasSubstr("machine " + Mac(1)));
  const auto told = core_->ExplainMachine({.mac = *MacAddress::Parse(Mac(1))});
  ASSERT_TRUE(told.ok());
  EXPECT_NE(told->action, "hold");
  // By its UUID as well: a machine is found by that before its MAC.
  ASSERT_EQ(Slipway("machine rm " + Mac(1)).code, 0);
  Asks(1, "rule=ask uuid=" + kUuid);
  EXPECT_THAT(Held(), ElementsAre(Mac(1), Mac(2)));
  EXPECT_EQ(Slipway("machine approve " + kUuid).code, 0);
  EXPECT_THAT(Held(), ElementsAre(Mac(2)));
}

TEST_F(HeldTest, OneOfTheCatalogIsToldByItsName) {
  ASSERT_EQ(Slipway("machine set " + kUuid + " - --name node1").code, 0);
  Asks(1, "rule=ask uuid=" + kUuid);
  EXPECT_EQ(First()["name"], "node1");
  EXPECT_EQ(First()["known"], true);
  EXPECT_EQ(First()["machine"], kUuid) << "a record by its MAC would be a second one";
  EXPECT_EQ(Slipway("machine approve " + kUuid).code, 0);
  EXPECT_THAT(Held(), IsEmpty());
  EXPECT_THAT(Slipway("machine show " + kUuid).text, HasSubstr("NAME       node1\n"));
  EXPECT_EQ(Slipway("machine show " + Mac(1)).code, 1) << "no second record of it";
}

TEST_F(HeldTest, WhomTheRulesDoNotHoldAnyMoreIsNotAmongThem) {
  Asks(1);
  Asks(2, "rule=machine");
  EXPECT_THAT(Held(), ElementsAre(Mac(1))) << "its own record waits for no approval";
  ASSERT_EQ(Slipway("rule set ask --action ignore").code, 0);
  EXPECT_THAT(Held(), IsEmpty());
  ASSERT_EQ(Slipway("rule set ask --action hold").code, 0);
  EXPECT_THAT(Held(), ElementsAre(Mac(1)));
  ASSERT_EQ(Slipway("rule rm ask").code, 0);
  EXPECT_THAT(Held(), IsEmpty());
}

// As the event thread stores stories, and a kill ends the process: by those under way, and by those
// that ended as nobody approved them.
TEST_F(HeldTest, SurviveAsTheirStoriesDo) {
  Asks(1, "rule=ask uuid=" + kUuid);
  core_->timelines().Sweep(now_ + 1000 * kSecond);
  Asks(2);
  ASSERT_TRUE(
      core_->archive().Put(core_->timelines().TakeChanged(true), {.boots_per_machine = 8}).ok());
  End();
  Begin();
  EXPECT_THAT(Held(), testing::UnorderedElementsAre(Mac(1), Mac(2)));
  const auto list = nlohmann::json::parse(client_->Get("/api/v1/held")->body);
  ASSERT_THAT(list, SizeIs(2));
  EXPECT_EQ(list[1]["uuid"], kUuid);
  EXPECT_EQ(list[1]["architecture"], "arm64");
  EXPECT_EQ(core_->held().counts().kept, 2u);
  ASSERT_EQ(Slipway("machine approve " + Mac(1)).code, 0);
  End();
  Begin();
  EXPECT_EQ(core_->held().counts().kept, 1u) << "its story is of before it was approved";
}

TEST_F(HeldTest, ThatOneBeginsToWaitIsTold) {
  const std::uint64_t before = core_->feed().newest();
  for (int i = 1; i <= 100; ++i) Asks(i);
  Asks(1);
  const auto told = core_->feed().Read(before, {.mac = std::nullopt, .kinds = {FeedKind::kHeld}},
                                       1000, EventFeed::Clock::now());
  ASSERT_THAT(told.events, SizeIs(testing::AllOf(testing::Ge(32u), testing::Le(50u))))
      << "no flood of them";
  const auto data = nlohmann::json::parse(DataOf(*told.events[0]));
  EXPECT_EQ(SchemaChecker(api_).Mismatch(data, JsonSchemaOf("LiveHeld")), std::nullopt);
  EXPECT_EQ(data["mac"], Mac(1));
  EXPECT_EQ(told.events[0]->mac, MacAddress::Parse(Mac(1)));
  EXPECT_THAT(client_->Get("/metrics")->body, HasSubstr("slipway_machines_held 100"));
}

TEST_F(HeldTest, ARuleIsNotCalledAsWhatIsDecidedWithoutOne) {
  for (const char* name : {"machine", "configuration"}) {
    const Ran refused = Slipway(Text("rule set ", name, " --action hold"));
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.text, HasSubstr(Text(name, ": no name for a rule")));
  }
}

TEST_F(HeldTest, ThatAPlanHasEndedIsToldToNobody) {
  const std::uint64_t before = core_->feed().newest();
  ImportBootFile("debian:stable");
  ASSERT_EQ(Slipway("rule set once --order 10 --image debian:stable --mode once").code, 0);
  Asks(1, "rule=once");
  Asks(2, "rule=machine");
  const auto told = core_->feed().Read(before, {.mac = std::nullopt, .kinds = {FeedKind::kHeld}},
                                       1000, EventFeed::Clock::now());
  EXPECT_THAT(told.events, IsEmpty()) << "no approval would help";
}

TEST_F(HeldTest, AScopeHoldsItsMachinesAlone) {
  for (const int last : {1, 2}) {
    const auto rack = Text("machine label ", Mac(last), " rack=", last == 1 ? "a1" : "b7");
    ASSERT_EQ(Slipway(rack).code, 0);
    Asks(last);
  }
  Asks(3);
  EXPECT_THAT(Held(), SizeIs(3));
  client_->set_bearer_token_auth(MakeToken("rack-a --role operator --scope rack=a1"));
  EXPECT_THAT(Held(), ElementsAre(Mac(1))) << "whom nobody entered is in no scope";
}

}  // namespace
}  // namespace slipway::control
