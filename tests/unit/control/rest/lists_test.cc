// SPDX-License-Identifier: Apache-2.0
//
// Lists of a large site: by a selector, by what somebody types, in whole pages.
#include <set>

#include "control/rest/routes.h"
#include "control/store/boot_archive.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kFirst = 1'790'000'000 * kSecond;
const std::string kUuid = "0a1b2c3d-0001-0002-0003-000000000001";

std::string Mac(int last) {
  const auto octet = static_cast<std::uint8_t>(last);
  return MacAddress{{0x52, 0x54, 0, 0, 0, octet}}.ToString();
}

std::string Asked(const std::string& list, const std::string& name, const std::string& value) {
  return Text("/api/v1/", list, '?', name, '=', httplib::detail::encode_query_param(value));
}
std::string Selected(const std::string& list, const std::string& selector) {
  return Asked(list, "selector", selector);
}

// A boot on disk, the `number`-th of the machine: the first of each failed.
Boot BootOf(int machine, int number) {
  const std::int64_t began = kFirst + (number * 100 + machine) * kSecond;
  Boot boot{.id = began / 1000,
            .mac = *MacAddress::Parse(Mac(machine)),
            .outcome = number == 0 ? BootOutcome::kFailed : BootOutcome::kComplete,
            .words = "as it ended",
            .cause = number == 0 ? "tls.unknown_ca" : "boot.complete",
            .last_unix_nanoseconds = began + kSecond,
            .began_unix_nanoseconds = began};
  boot.steps.push_back({.unix_nanoseconds = began, .text = "HTTPClient:Arch:00016"});
  return boot;
}

// Machines 1 to 12, the odd ones of rack a1 and the even ones of b7, of which 3 and 6 are retired;
// and one that is known by its UUID alone, of rack a1.
class ListsTest : public RestTest {
 protected:
  static constexpr int kMachines = 12;
  static constexpr int kByUuid = 21;    // its MAC, by its lease
  static constexpr int kStranger = 22;  // nobody has entered it
  static constexpr int kBootsEach = 5;

  ListsTest() {
    for (int i = 1; i <= kMachines; ++i) Label(Mac(i), i % 2 == 1 ? "a1" : "b7");
    for (const int retired : {3, 6}) Put(Mac(retired), {{"serial", "retired soon"}});
    Label(kUuid, "a1");
  }
  void Put(const std::string& machine, const nlohmann::json& body) {
    const auto put = client_->Put("/api/v1/machines/" + machine, body.dump(), "application/json");
    ASSERT_EQ(put->status, 200) << put->body;
  }
  void Label(const std::string& machine, const std::string& rack) {
    Put(machine, {{"labels", {{"rack", rack}}}});
  }
  void Lease(const std::vector<int>& machines) {
    std::vector<dhcp::Lease> leases;
    for (const int i : machines) {
      leases.push_back({.address = Ipv4Address(10, 77, 0, static_cast<std::uint8_t>(i)),
                        .mac = *MacAddress::Parse(Mac(i)),
                        .state = dhcp::LeaseState::kBound});
      if (i == kByUuid) leases.back().uuid = *Uuid::Parse(kUuid);
    }
    core_->leases().Take(leases);
  }
  // kBootsEach of every machine on disk, one more of machines 3 and 4 in memory.
  void HaveBooted() {
    std::vector<Boot> boots;
    for (int number = 0; number < kBootsEach; ++number) {
      for (int i = 1; i <= kMachines; ++i) boots.push_back(BootOf(i, number));
      boots.push_back(BootOf(kByUuid, number));
      boots.push_back(BootOf(kStranger, number));
    }
    ASSERT_TRUE(core_->archive().Put(boots, {.boots_per_machine = 8}).ok());
    for (const int i : {3, 4}) {
      dataplane::Event event;
      event.mac = *MacAddress::Parse(Mac(i));
      event.unix_nanoseconds = kFirst + (i + 10'000) * kSecond;
      event.set_text("HTTPClient:Arch:00016:UNDI:003000");
      core_->timelines().Take(event);
    }
  }
  void ExpectBootsBySelector();
  std::vector<std::string> Macs(const std::string& path) { return All(path, "mac"); }
};

TEST_F(ListsTest, MachinesAreThoseThatTheSelectorMeans) {
  EXPECT_THAT(Macs(Selected("machines", "")), SizeIs(kMachines + 1));
  EXPECT_THAT(Macs(Selected("machines", "rack=b7, serial!=retired*")),
              ElementsAre(Mac(2), Mac(4), Mac(8), Mac(10), Mac(12)));
  EXPECT_THAT(Macs(Selected("machines", "mac in (52-54-00-00-00-0*, other)")), SizeIs(kMachines));
  EXPECT_THAT(Macs(Selected("machines", "mac=52:54:00:00:00:01")), ElementsAre(Mac(1)));
  EXPECT_THAT(All(Selected("machines", "uuid=" + kUuid), "uuid"), ElementsAre(kUuid));
  EXPECT_THAT(Macs(Selected("machines", "rack")), SizeIs(kMachines + 1));
  EXPECT_THAT(Macs(Selected("machines", "!rack")), IsEmpty());
}

TEST_F(ListsTest, MachinesOfTheConfigurationFileAreAmongThem) {
  secure_boot_ = R"([[machine]]
name = "of-file"
mac = "52:54:00:00:00:40"
image_set = "debian:stable"
)";
  End();
  Begin();
  EXPECT_THAT(Macs(Selected("machines", "!rack")), ElementsAre(Mac(0x40)));
  EXPECT_THAT(Macs(Selected("machines", "name=of-*")), ElementsAre(Mac(0x40)));
  EXPECT_THAT(Macs(Asked("machines", "search", "OF-FILE stable")), ElementsAre(Mac(0x40)));
}

TEST_F(ListsTest, WordsFindMachines) {
  Put(Mac(5), {{"name", "Node 05"}, {"groups", nlohmann::json::array({"edge"})}});
  EXPECT_THAT(Macs(Asked("machines", "search", "node")), ElementsAre(Mac(5)));
  EXPECT_THAT(Macs(Asked("machines", "search", "edge rack=a1")), ElementsAre(Mac(5)));
  EXPECT_THAT(Macs(Asked("machines", "search", "edge rack=b7")), IsEmpty());
  EXPECT_THAT(Macs(Asked("machines", "search", "00-00-07")), ElementsAre(Mac(7)));
  EXPECT_THAT(Macs(Asked("machines", "search", "")), SizeIs(kMachines + 1));
  // With a selector: both.
  EXPECT_THAT(Macs(Selected("machines", "rack=b7") + "&search=retired"), ElementsAre(Mac(6)));
}

TEST_F(ListsTest, PagesAreFullWhateverLeavesTheSelectionMeanwhile) {
  int pages = 0;
  const std::string path = Selected("machines", "rack=a1,mac=52:*");
  EXPECT_THAT(All(path + "&limit=2", "mac", &pages), SizeIs(6));
  EXPECT_EQ(pages, 3) << "the last is full, and nothing behind it";
  // The one that the cursor names, and one before it.
  const auto first = client_->Get(path + "&limit=2");
  const auto items = nlohmann::json::parse(first->body);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[1]["mac"], Mac(3));
  Label(Mac(1), "b7");
  Label(Mac(3), "b7");
  const auto second = client_->Get(NextOf(path + "&limit=2", *first));
  const auto then = nlohmann::json::parse(second->body);
  ASSERT_EQ(then.size(), 2u);
  EXPECT_EQ(then[0]["mac"], Mac(5));
  EXPECT_EQ(then[1]["mac"], Mac(7));
  EXPECT_THAT(Macs(NextOf(path + "&limit=2", *second)), ElementsAre(Mac(9), Mac(11)));
}

TEST_F(ListsTest, WhatCannotBeAskedOfAListIsSaid) {
  for (const char* list : {"machines", "boots", "leases"}) {
    for (const char* word : {"arch", "client", "network", "vendor-class", "client-id", "circuit-id",
                             "remote-id", "dhcp-fingerprint"}) {
      const auto answer = client_->Get(Selected(list, Text("rack=a1, ", word, "=x")));
      EXPECT_EQ(answer->status, 400) << list << ' ' << word;
      EXPECT_THAT(answer->body,
                  HasSubstr(Text("selector: ", word, ": is told by a machine's message")));
    }
    const auto answer = client_->Get(Selected(list, "rack in a1"));
    EXPECT_EQ(answer->status, 400) << list;
    EXPECT_THAT(answer->body, HasSubstr("write '(' and the values"));
  }
  const auto answer = client_->Get(Asked("machines", "search", std::string(257, 'x')));
  EXPECT_EQ(answer->status, 400);
  EXPECT_THAT(answer->body, HasSubstr("search: is longer than 256 bytes"));
}

void ListsTest::ExpectBootsBySelector() {
  Lease({1, 2, kByUuid, kStranger});
  HaveBooted();
  int pages = 0;
  const auto macs = All(Selected("boots", "rack=a1") + "&limit=6", "mac", &pages);
  EXPECT_THAT(macs, SizeIs(7 * kBootsEach + 1));
  EXPECT_EQ(pages, 7) << "of six, and not of what is left of six: the seventh is empty";
  EXPECT_EQ(std::set(macs.begin(), macs.end()),
            (std::set{Mac(1), Mac(3), Mac(5), Mac(7), Mac(9), Mac(11), Mac(kByUuid)}));
  ASSERT_FALSE(macs.empty());
  EXPECT_EQ(macs.front(), Mac(3)) << "what is in memory is the newest";
  const std::string failed = Selected("boots", "rack=b7, serial!=retired*") + "&outcome=failed";
  EXPECT_THAT(Macs(failed), ElementsAre(Mac(12), Mac(10), Mac(8), Mac(4), Mac(2)));
  const std::int64_t since = kFirst / kSecond + (kBootsEach - 1) * 100;
  EXPECT_THAT(Macs(Text(Selected("boots", "rack=b7"), "&since=", since)), SizeIs(6 + 1));
  EXPECT_THAT(Macs(Selected("boots", "rack=a1") + "&mac=" + Mac(2)), IsEmpty());
  EXPECT_THAT(Macs(Selected("boots", "rack=a1") + "&mac=" + Mac(1)), SizeIs(kBootsEach));
  EXPECT_THAT(Macs(Selected("boots", "rack=none")), IsEmpty());
  // Whom nobody has entered has no labels, and no list says that it has none.
  EXPECT_THAT(Macs(Selected("boots", "!retired")), Not(Contains(Mac(kStranger))));
  EXPECT_THAT(Macs("/api/v1/boots"), Contains(Mac(kStranger)));
}

TEST_F(ListsTest, BootsOfFewMachinesAreThoseThatTheSelectorMeans) { ExpectBootsBySelector(); }

// That may have more boots than are asked for one machine after the other.
TEST_F(ListsTest, BootsOfManyMachinesAreToo) {
  secure_boot_ = "[limits]\nboots_per_machine = 1000\n";
  End();
  Begin();
  // Seven machines of rack a1 would still be few: twenty more that never booted.
  for (int i = 101; i <= 120; ++i) {
    Label(Mac(i), "a1");
    Label(Mac(i + 50), "b7");
  }
  ExpectBootsBySelector();
}

TEST_F(ListsTest, LeasesAreThoseOfSuchMachines) {
  Lease({1, 2, 3, kByUuid, kStranger});
  EXPECT_THAT(Macs(Selected("leases", "rack=a1")),
              UnorderedElementsAre(Mac(1), Mac(3), Mac(kByUuid)));
  EXPECT_THAT(Macs(Selected("leases", "!retired")), Not(Contains(Mac(kStranger))));
  EXPECT_THAT(Macs("/api/v1/leases"), SizeIs(5));
}

TEST_F(ListsTest, AScopeIsNotLeftByASelector) {
  Lease({1, 2, 3});
  HaveBooted();
  client_->set_bearer_token_auth(MakeToken("rack-a --role operator --scope rack=a1"));
  for (const char* list : {"machines", "boots", "leases"}) {
    EXPECT_THAT(Macs(Selected(list, "rack=b7")), IsEmpty()) << list;
    EXPECT_THAT(Macs(Selected(list, "serial=retired*")), Each(Mac(3))) << list;
    EXPECT_THAT(Macs(Selected(list, "serial=retired*")), Not(IsEmpty())) << list;
  }
  EXPECT_THAT(Macs(Asked("machines", "search", "rack=b7")), IsEmpty());
}

TEST_F(ListsTest, TheCommandLineAsksForThem) {
  Lease({1, 2});
  HaveBooted();
  const Ran machines = Slipway("machine list --selector 'rack=b7,serial!=retired*'");
  EXPECT_EQ(machines.code, 0);
  EXPECT_THAT(machines.text, HasSubstr(Mac(2)));
  EXPECT_THAT(machines.text, Not(HasSubstr(Mac(1))));
  EXPECT_THAT(machines.text, Not(HasSubstr(Mac(6))));
  const Ran both = Slipway("--json machine list --selector rack=b7 --search 'RETIRED soon'");
  const auto found = nlohmann::json::parse(both.text);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]["mac"], Mac(6));

  const std::string since = std::to_string(kFirst / kSecond + 100);
  const Ran boots = Slipway("boot list --selector rack=a1 --outcome complete --since " + since);
  EXPECT_THAT(boots.text, HasSubstr(Mac(1)));
  EXPECT_THAT(boots.text, Not(HasSubstr(Mac(2))));
  EXPECT_THAT(boots.text, Not(HasSubstr("failed")));
  EXPECT_THAT(Slipway("boot list --cause tls.unknown_ca --selector rack=a1 --since " + since).text,
              Not(HasSubstr(Mac(1))));
  const Ran leases = Slipway("lease list --selector rack=a1");
  EXPECT_THAT(leases.text, HasSubstr(Mac(1)));
  EXPECT_THAT(leases.text, Not(HasSubstr(Mac(2))));

  for (const char* list : {"machine", "boot", "lease"}) {
    const Ran refused = Slipway(Text(list, " list --selector arch=x64"));
    EXPECT_EQ(refused.code, 1) << list;
    EXPECT_THAT(refused.text, HasSubstr("selector: arch: is told by a machine's message")) << list;
  }
  const Ran unread = Slipway("boot list --since yesterday");
  EXPECT_EQ(unread.code, 2);
  EXPECT_THAT(unread.text, HasSubstr("--since yesterday: write 2h, 7d or Unix seconds"));
}

TEST_F(ListsTest, TheCommandLineAsksForAllPagesOfASelection) {
  constexpr int kMany = static_cast<int>(kPageItems) + 3;
  for (int i = 0; i < kMany; ++i) {
    Machine machine{.mac = MacAddress{{0x52, 0x54, 1, 0, static_cast<std::uint8_t>(i >> 8),
                                       static_cast<std::uint8_t>(i & 255)}}};
    machine.labels = {{"rack", i % 500 == 0 ? "c, d=e" : "c"}};
    ASSERT_TRUE(core_->store().PutMachine(machine, DaemonActor()).ok());
  }
  const auto machines =
      nlohmann::json::parse(Slipway("--json machine list --selector 'rack=c*,mac=52:*'").text);
  std::set<std::string> macs;
  for (const auto& machine : machines) macs.insert(machine["mac"]);
  EXPECT_THAT(macs, SizeIs(kMany));
  EXPECT_THAT(machines, SizeIs(kMany));
}

TEST_F(ListsTest, OneIsShownInFull) {
  ImportBootFile("debian:stable");
  ImportBootFile("debian:next", 5000);
  const std::string machine = Mac(1);
  ASSERT_EQ(Slipway("machine set " + machine + " debian:stable --name node1 --mode once").code, 0);
  const Ran shown = Slipway("machine show " + machine);
  EXPECT_EQ(shown.code, 0);
  for (const char* line :
       {"MAC        52:54:00:00:00:01\n", "NAME       node1\n", "FROM       the catalog\n",
        "LABELS     rack=a1\n", "IMAGE SET  debian:stable\n", "MODE       once\n",
        "ITS BOOTS  0 ok, 0 failed\n", "SCRIPT     (rules)\n"}) {
    EXPECT_THAT(shown.text, HasSubstr(line));
  }
  const auto told = nlohmann::json::parse(Slipway("--json machine show " + machine).text);
  EXPECT_EQ(told["name"], "node1");

  ASSERT_EQ(
      Slipway("rule set hall/r --order 5 --when 'rack in (a1, a2)' --image debian:stable").code, 0);
  ASSERT_EQ(Slipway("rule option hall/r 42=0a4d0001 15=6c6162").code, 0);
  ASSERT_EQ(Slipway("rule variable hall/r console=ttyS0").code, 0);
  const Ran rule = Slipway("rule show hall/r");
  EXPECT_EQ(rule.code, 0);
  for (const char* line :
       {"NAME          hall/r\n", "ORDER         5\n", "WHEN          rack in (a1, a2)\n",
        "ACTION        boot\n", "IMAGE SET     debian:stable\n", "VARIABLES     console=ttyS0\n"}) {
    EXPECT_THAT(rule.text, HasSubstr(line));
  }
  EXPECT_THAT(rule.text, HasSubstr("15=6c6162"));
  EXPECT_THAT(rule.text, HasSubstr("42=0a4d0001"));

  ASSERT_EQ(Slipway("rollout start debian:stable debian:next --when rack=a1 --failures-max 3").code,
            0);
  const Ran rollout = Slipway("rollout show debian:stable");
  EXPECT_EQ(rollout.code, 0);
  for (const char* line : {"TAG           debian:stable\n", "CANDIDATE     debian:next\n",
                           "ITS BOOTS     0 ok, 0 failed\n", "WHO           rack=a1\n",
                           "PERCENT       100\n", "MACHINES      7\n", "FAILURES MAX  3\n"}) {
    EXPECT_THAT(rollout.text, HasSubstr(line));
  }
  const auto state = nlohmann::json::parse(Slipway("--json rollout show debian:stable").text);
  EXPECT_EQ(state["failures_max"], 3);
  EXPECT_EQ(state["candidate_boots"]["failed"], 0);
}

TEST_F(ListsTest, WhatIsNotThereIsSaidWithTheNextStep) {
  const struct {
    const char* command;
    const char* says;
  } kCases[] = {
      {"machine show 52:54:00:00:00:77",
       "52:54:00:00:00:77: no such machine; see 'slipway machine list'"},
      {"machine show nobody", "see 'slipway machine list'"},
      {"rule show gone", "gone: no such rule; see 'slipway rule list'"},
      {"rollout show debian:gone", "debian:gone: no rollout; see 'slipway rollout list'"},
      {"rollout show a:b:c", "not \"name:tag\""},
  };
  for (const auto& each : kCases) {
    for (const char* form : {"", "--json "}) {
      const Ran ran = Slipway(Text(form, each.command));
      EXPECT_EQ(ran.code, 1) << each.command;
      EXPECT_THAT(ran.text, HasSubstr(each.says)) << each.command;
    }
  }
  EXPECT_EQ(Slipway("machine show").code, 2);
}

}  // namespace
}  // namespace slipway::control
