// SPDX-License-Identifier: Apache-2.0
//
// Rules and machine records as documents, and what they come to for a machine.
#include "control/policy/rule.h"

#include <gmock/gmock.h>

#include "control/policy/boot_counter.h"
#include "control/policy/decide.h"
#include "control/text.h"

namespace slipway::control {
namespace {

using nlohmann::json;
using testing::HasSubstr;

Rule Made(const std::string& name, const json& body) {
  auto rule = ParseRule(name, body);
  EXPECT_TRUE(rule.ok()) << rule.status();
  return rule.ok() ? *rule : Rule{};
}

TEST(Rule, ADocumentComesBackAsItWas) {
  const json body = {{"name", "web"},
                     {"order", 7},
                     {"selector", "arch=x64, rack=a1"},
                     {"action", "boot"},
                     {"image_set", "debian:stable"},
                     {"mode", "until-success:3"},
                     {"options", {{{"code", 42}, {"hex", "0a4d0009"}}}},
                     {"variables", {{"console", "ttyS0"}}},
                     {"script", "boot.ipxe"}};
  EXPECT_EQ(ToJson(Made("web", body)), body);
  EXPECT_EQ(ToJson(Made("web", ToJson(Made("web", body)))), body);
}

TEST(Rule, AMistakeIsNamedByItsMember) {
  const json good = {{"action", "boot"}, {"image_set", "a:1"}};
  const struct {
    const char* member;
    json value;
    const char* says;
  } kCases[] = {
      {"order", -1, "order: not a number from 0"},
      {"order", "7", "order: not a number"},
      {"selector", "rack=", ""},
      {"selector", "arch", "selector \"arch\", character"},
      {"selector", 5, "selector: not a text"},
      {"action", "destroy", "action: none of boot"},
      {"action", "hold", "image_set: of no use to a rule that says hold"},
      {"image_set", "../x", "image_set: not \"name:tag\""},
      {"image_set", "", "image_set: missing"},
      {"mode", "sometimes", "\"sometimes\" is none of"},
      {"mode", "until-success:0", "is none of"},
      {"mode", "until-success:9x", "is none of"},
      {"options", json::array({json{{"code", 51}, {"hex", "00"}}}), "51 is the server's own"},
      {"options", json::array({json{{"code", 42}, {"hex", "0"}}}), "not pairs of hexadecimal"},
      {"options", json::array({json{{"code", 42}}}), "each is {\"code\""},
      {"variables", {{"1x", "y"}}, "variables: \"1x\" is no key"},
      {"variables", {{"x", 5}}, "variables.x: not a text"},
      {"colour", "red", "colour: no such member"},
  };
  for (const auto& each : kCases) {
    json body = good;
    body[each.member] = each.value;
    const auto rule = ParseRule("r", body);
    if (*each.says == '\0') {
      EXPECT_TRUE(rule.ok()) << each.member << ": " << rule.status();
      continue;
    }
    ASSERT_FALSE(rule.ok()) << each.member << " " << each.value;
    EXPECT_THAT(std::string(rule.status().message()), HasSubstr(each.says));
  }
  EXPECT_FALSE(ParseRule("a b", good).ok());
  EXPECT_FALSE(ParseRule("r", json::array()).ok());
  EXPECT_FALSE(ParseRule("r", {{"action", "local"}, {"mode", "once"}}).ok());
}

TEST(Machine, AChangeIsWholeOrNotMadeAtAll) {
  Machine machine;
  ASSERT_TRUE(
      Update({{"labels", {{"rack", "a1"}}}, {"mode", "once"}, {"name", "web1"}}, machine).ok());
  machine.completed = 2;
  const json before = ToJson(machine);
  for (const json& wrong :
       {json{{"name", "other"}, {"labels", 5}}, json{{"name", "other"}, {"mode", "never"}},
        json{{"name", "other"}, {"colour", "red"}}, json{{"groups", {"a b"}}},
        json{{"approved", 1}}, json{{"image_set", 4}}, json{{"uuid", "x"}}}) {
    EXPECT_FALSE(Update(wrong, machine).ok()) << wrong;
    EXPECT_EQ(ToJson(machine), before) << wrong;
  }
  ASSERT_TRUE(Update({{"mode", "hold"}}, machine).ok());
  EXPECT_TRUE(machine.hold);
  EXPECT_EQ(machine.completed, 0u) << "its plan begins anew";
  EXPECT_EQ(ToString(machine.plan), "once") << "as it was before it was held";
  Machine again;
  ASSERT_TRUE(Update({{"mode", "once"}, {"hold", true}}, again).ok());
  EXPECT_TRUE(again.hold) << "in whatever order";
  ASSERT_TRUE(Update({{"mode", "always"}}, again).ok());
  EXPECT_FALSE(again.hold);
}

TEST(Machine, ItsPlanBeginsAnewWhereAChangeIsAboutThat) {
  const struct {
    json changes;
    bool anew;
  } kCases[] = {
      {json::object(), true},
      {{{"image_set", "debian:stable"}}, true},
      {{{"mode", "once"}}, true},
      {{{"hold", false}}, true},
      {{{"labels", {{"rack", "a1"}}}}, false},
      {{{"variables", {{"hostname", "n7"}}}}, false},
      {{{"groups", {"web"}}}, false},
      {{{"name", "web1"}}, false},
      {{{"serial", "S1"}}, false},
      {{{"script", "boot.ipxe"}}, false},
      {{{"approved", true}}, false},
      {{{"uuid", "0a1b2c3d-0001-0203-0405-060708090a0b"}}, false},
      {{{"labels", json::object()}, {"mode", "always"}}, true},
  };
  for (const auto& each : kCases) {
    Machine machine;
    machine.completed = 1;
    machine.failed = 2;
    ASSERT_TRUE(Update(each.changes, machine).ok()) << each.changes;
    EXPECT_EQ(machine.completed, each.anew ? 0u : 1u) << each.changes;
    EXPECT_EQ(machine.failed, each.anew ? 0u : 2u) << each.changes;
  }
}

class DecideTest : public testing::Test {
 protected:
  DecideTest() {
    machine_.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 1}};
    machine_.labels = {{"rack", "a1"}};
  }
  // "rule action [set][ if terms]" of each candidate.
  std::string Told(const Machine* machine) const {
    std::string told;
    for (const Candidate& each : Candidates(rules_, machine)) {
      told += Text(told.empty() ? "" : "; ", each.name(), ' ', Word(each.action),
                   each.image_set ? " " + each.image_set->ToString() : "",
                   each.terms.empty() ? "" : " if");
    }
    return told;
  }
  std::vector<Rule> rules_{
      Made("banned", {{"selector", "mac=de:ad:*"}, {"action", "ignore"}}),
      Made("rack", {{"selector", "rack=a1"}, {"image_set", "rack:1"}, {"mode", "once"}}),
      Made("arm", {{"selector", "arch=arm64"}, {"image_set", "arm:1"}}),
      Made("ask", {{"action", "hold"}}), Made("rest", {{"image_set", "all:1"}})};
  Machine machine_;
};

TEST_F(DecideTest, AnUnknownMachineIsLeftToWhatItWillSay) {
  EXPECT_EQ(Told(nullptr), "banned ignore if; arm boot arm:1 if; ask hold");
}

TEST_F(DecideTest, AKnownOneIsDecidedAsFarAsItIsKnown) {
  EXPECT_EQ(Told(&machine_), "rack boot rack:1");
  machine_.labels.clear();
  EXPECT_EQ(Told(&machine_), "arm boot arm:1 if; ask hold");
  machine_.approved = true;
  EXPECT_EQ(Told(&machine_), "arm boot arm:1 if; rest boot all:1");
  machine_.mac.reset();
  EXPECT_EQ(Told(&machine_), "banned ignore if; arm boot arm:1 if; rest boot all:1");
}

TEST_F(DecideTest, ItsOwnSetComesBeforeRulesAndBeingHeldBeforeThat) {
  machine_.image_set = ImageSetName{"own", "1"};
  EXPECT_EQ(Told(&machine_), "machine boot own:1");
  machine_.hold = true;
  EXPECT_EQ(Told(&machine_), "machine hold");
}

TEST_F(DecideTest, PlansEndAsTheySay) {
  machine_.image_set = ImageSetName{"own", "1"};
  machine_.plan = *ParseBootPlan("until-success:2");
  machine_.failed = 1;
  EXPECT_EQ(Told(&machine_), "machine boot own:1");
  machine_.failed = 2;
  EXPECT_EQ(Told(&machine_), "machine hold own:1");
  machine_.completed = 1;
  EXPECT_EQ(Told(&machine_), "machine local own:1");
  machine_.image_set.reset();
  EXPECT_EQ(Told(&machine_), "rack local rack:1") << "the rule's plan is once";
}

Boot EndedAt(std::int64_t second, BootOutcome outcome) {
  Boot boot;
  boot.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 1}};
  boot.outcome = outcome;
  boot.last_unix_nanoseconds = second * 1'000'000'000;
  boot.steps = {{.kind = dataplane::EventKind::kDhcpDiscover, .text = "HTTPClient:Arch:00016"}};
  return boot;
}

TEST(BootCounter, OfAChainTheLastBootCountsOnceAllIsQuiet) {
  BootCounter counter;
  counter.Take(EndedAt(10, BootOutcome::kComplete));  // firmware loads iPXE
  counter.Take(EndedAt(12, BootOutcome::kUnderWay));
  counter.Take(EndedAt(20, BootOutcome::kFailed));  // which fails
  EXPECT_TRUE(counter.Settled(79'000'000'000).empty());
  const auto settled = counter.Settled(80'000'000'000);
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_FALSE(settled[0].completed);
  EXPECT_TRUE(counter.Settled(999'000'000'000).empty());
}

// As a restart leaves a machine that runs, and asks for something.
TEST(BootCounter, WhatNoBootClientAskedForTakesNoBootsPlace) {
  BootCounter counter;
  counter.Take(EndedAt(10, BootOutcome::kComplete));
  Boot chatter = EndedAt(20, BootOutcome::kFailed);
  for (const char* text : {"", "an installed system"}) {
    chatter.steps.front().text = text;
    EXPECT_FALSE(counter.Take(chatter)) << text;
  }
  const auto settled = counter.Settled(999'000'000'000);
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_TRUE(settled[0].completed);
  chatter.outcome = BootOutcome::kComplete;
  EXPECT_TRUE(counter.Take(chatter)) << "a whole file it has all the same";
}

std::string CountsOf(const Machine& machine) {
  return Text("complete ", machine.completed, ", failed ", machine.failed);
}

TEST(CountedBoot, ABootCountsOnceHoweverOftenItIsToldOf) {
  Machine machine;
  const CountedBoot failed{.id = 7, .completed = false};
  const CountedBoot complete{.id = 7, .completed = true};
  EXPECT_TRUE(CountOnce(failed, machine));
  EXPECT_FALSE(CountOnce(failed, machine)) << "it went on, and failed again";
  EXPECT_EQ(CountsOf(machine), "complete 0, failed 1");
  EXPECT_TRUE(CountOnce(complete, machine)) << "after all";
  EXPECT_FALSE(CountOnce(complete, machine)) << "with another file";
  EXPECT_EQ(CountsOf(machine), "complete 1, failed 0");
  EXPECT_FALSE(CountOnce(failed, machine)) << "a restart that knew nothing of its end";
  EXPECT_EQ(CountsOf(machine), "complete 1, failed 0");
  EXPECT_TRUE(CountOnce({.id = 7, .completed = false, .is_refused = true}, machine));
  EXPECT_EQ(CountsOf(machine), "complete 0, failed 1");
  EXPECT_TRUE(CountOnce({.id = 8, .completed = false}, machine)) << "the next is another";
  EXPECT_EQ(CountsOf(machine), "complete 0, failed 2");
}

TEST(CountedBoot, ABootOfAPlanThatWasBegunAnewTakesNothingFromIt) {
  Machine machine;
  CountOnce({.id = 7, .completed = false}, machine);
  machine.failed = 0;
  EXPECT_FALSE(CountOnce({.id = 7, .completed = false}, machine));
  EXPECT_TRUE(CountOnce({.id = 7, .completed = true}, machine));
  EXPECT_EQ(CountsOf(machine), "complete 1, failed 0");
}

TEST(CountedBoot, WhatARefusedBootWentOnWithCountsOnlyWhenItCompletes) {
  const CountedBoot refused{.id = 7, .completed = false, .is_refused = true, .next = 8};
  Machine machine;
  CountOnce(refused, machine);
  EXPECT_FALSE(CountOnce({.id = 8, .completed = false}, machine));
  EXPECT_EQ(CountsOf(machine), "complete 0, failed 1");
  EXPECT_TRUE(CountOnce({.id = 9, .completed = false}, machine)) << "a boot of its own";
  Machine other;
  CountOnce(refused, other);
  EXPECT_TRUE(CountOnce({.id = 8, .completed = true}, other));
  EXPECT_EQ(CountsOf(other), "complete 1, failed 1");
}

MacAddress PortMac(std::uint8_t last) { return {{0x52, 0x54, 0, 0, 0, last}}; }

// Boots of one port are older by their ids than what the other port booted last.
TEST(CountedBoot, EachPortOfAMachineHasALastBootOfItsOwn) {
  Machine machine;
  const CountedBoot first{.mac = PortMac(1), .id = 7};
  const CountedBoot second{.mac = PortMac(2), .id = 9, .completed = true};
  EXPECT_TRUE(CountOnce(second, machine));
  EXPECT_TRUE(CountOnce(first, machine)) << "nobody has counted it";
  for (int again = 0; again < 2; ++again) {
    EXPECT_FALSE(CountOnce(first, machine));
    EXPECT_FALSE(CountOnce(second, machine));
  }
  EXPECT_EQ(CountsOf(machine), "complete 1, failed 1");
  EXPECT_TRUE(CountOnce({.mac = PortMac(1), .id = 7, .completed = true}, machine)) << "after all";
  EXPECT_EQ(CountsOf(machine), "complete 2, failed 0");
  EXPECT_TRUE(CountOnce({.mac = PortMac(1), .id = 10}, machine));
  EXPECT_FALSE(CountOnce(second, machine)) << "however often the other port boots";
}

TEST(CountedBoot, ABootAfterTheClockWasSetBackCountsAndOnce) {
  Machine machine;
  CountOnce({.mac = PortMac(1), .id = 900}, machine);
  const CountedBoot next{.mac = PortMac(1), .id = 5};
  EXPECT_TRUE(CountOnce(next, machine));
  EXPECT_FALSE(CountOnce(next, machine));
  EXPECT_EQ(CountsOf(machine), "complete 0, failed 2");
}

TEST(CountedBoot, AReleaseThatDidNotNoteThePortIsBelievedForItsId) {
  Machine machine;
  machine.counted = ParseCountedBoots(json::parse(R"([{"boot": 7, "completed": true}])"));
  EXPECT_FALSE(CountOnce({.mac = PortMac(1), .id = 7}, machine));
  EXPECT_TRUE(CountOnce({.mac = PortMac(1), .id = 8}, machine));
  EXPECT_FALSE(CountOnce({.mac = PortMac(1), .id = 8}, machine));
  EXPECT_EQ(CountsOf(machine), "complete 0, failed 1");
}

TEST(CountedBoot, WhoeverMakesUpPortsFillsNoRecord) {
  Machine machine;
  for (std::uint8_t port = 1; port <= 100; ++port) {
    CountOnce({.mac = PortMac(port), .id = 1000 + port}, machine);
  }
  ASSERT_EQ(machine.counted.size(), kCountedBootsMax);
  EXPECT_EQ(machine.counted.back().mac, PortMac(100));
  EXPECT_EQ(ParseCountedBoots(ToJson(machine.counted)), machine.counted);
}

TEST(CountedBoot, WhatIsNoneInItsDocumentIsLeftOut) {
  for (const char* text :
       {"null", "7", R"(["x"])", R"([{"mac": "52:54:00:00:00:01"}])", R"([{"boot": "7"}])"}) {
    EXPECT_TRUE(ParseCountedBoots(json::parse(text)).empty()) << text;
  }
  const auto odd = ParseCountedBoots(json::parse(R"([{"boot": 7, "mac": 1, "completed": 1}])"));
  EXPECT_EQ(odd, std::vector<CountedBoot>{{.id = 7}});
}

}  // namespace
}  // namespace slipway::control
