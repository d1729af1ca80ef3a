// SPDX-License-Identifier: Apache-2.0
//
// What a machine would get: random rules against an oracle that puts every fact to every rule at
// once, where the product decides half beforehand and half by the message.
#include "control/serve/explain.h"

#include <gmock/gmock.h>

#include <random>

#include "control/policy/decide.h"
#include "control/text.h"
#include "tests/support/small_site.h"
#include "tests/unit/control/serve/image_sets.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;

// Beside the lab, and the boot that both have.
constexpr std::string_view kHall = R"(
[[port]]
device = "net_ring1"
addresses = ["10.78.0.1/24"]
[[network]]
name = "hall"
subnet = "10.78.0.0/24"
proxy_dhcp = true
[boot]
names = []
image_set = "all:1"
)";

class ExplainTest : public testing::Test {
 protected:
  ExplainTest() {
    const ConfigResult parsed = ParseConfig(Text(kSitePort, kSiteLab, kSiteProxy, kHall), "s.toml");
    EXPECT_TRUE(parsed.config) << Report(parsed, "s.toml");
    config_ = *parsed.config;
    question_.mac = MacAddress{{0x52, 0x54, 0, 0, 0, 1}};
  }
  void Add(const std::string& name, const nlohmann::json& body) {
    auto rule = ParseRule(name, body);
    ASSERT_TRUE(rule.ok()) << rule.status();
    rules_.push_back(*std::move(rule));
  }
  Explanation Told() {
    auto told = Explain(question_, {config_, sets_, rules_, rollouts_, machine_});
    EXPECT_TRUE(told.ok()) << told.status();
    return told.ok() ? *told : Explanation{};
  }

  Config config_;
  std::vector<ImageSet> sets_{SetOf("all:1"), SetOf("web:1")};
  std::vector<Rule> rules_;
  std::vector<Rollout> rollouts_;
  std::optional<Machine> machine_;
  Question question_;
};

TEST_F(ExplainTest, WithoutRulesTheConfigurationDecides) {
  EXPECT_EQ(Told().words,
            "boots https://10.77.0.1/all/0123456789ab/boot.efi, by the configuration");
  question_.architecture = "arm64";
  EXPECT_EQ(Told().action, "nothing");
  question_.client = "plain";
  EXPECT_THAT(Told().words, HasSubstr("gets an address"));
}

TEST_F(ExplainTest, EachRuleSaysWhyItDoesNotDecide) {
  Add("rack", {{"selector", "rack=a1"}, {"image_set", "web:1"}});
  Add("arm", {{"selector", "arch=arm64"}, {"image_set", "web:1"}});
  Add("ask", {{"action", "hold"}});
  Add("rest", {{"image_set", "web:1"}});
  Explanation told = Told();
  ASSERT_EQ(told.steps.size(), 3u);
  EXPECT_EQ(told.steps[0].words, "needs rack=a1");
  EXPECT_EQ(told.steps[1].words, "needs arch=arm64");
  EXPECT_TRUE(told.steps[2].decides);
  EXPECT_EQ(told.words, "is held until it is approved: slipway machine approve MAC, by rule ask");
  machine_.emplace();
  machine_->mac = question_.mac;
  machine_->approved = true;
  question_.network = "hall";
  told = Told();
  EXPECT_EQ(told.steps[2].words, "the machine is approved");
  EXPECT_EQ(told.words, "boots web:1, https://10.78.0.1/web/0123456789ab/boot.efi, by rule rest")
      << "at the address by which its network reaches us";
  machine_->labels["rack"] = "a1";
  EXPECT_EQ(Told().decided_by, "rack");
}

TEST_F(ExplainTest, WhatTheImageSetNeedsIsSaidWhereTheMachineIsKnownNotToHaveIt) {
  sets_[0].needs = {{"memory-mib", "4096"}, {"ram-disk", "true"}};
  EXPECT_THAT(Told().unmet_needs, testing::IsEmpty()) << "DHCP tells neither";
  machine_.emplace();
  machine_->mac = question_.mac;
  machine_->labels = {{"memory-mib", "4096"}, {"ram-disk", "true"}};
  EXPECT_THAT(Told().unmet_needs, testing::IsEmpty());
  machine_->labels = {{"memory-mib", "a lot"}};
  EXPECT_THAT(Told().unmet_needs, testing::IsEmpty()) << "no number";
  machine_->labels = {{"memory-mib", "2048"}, {"ram-disk", "false"}};
  Explanation told = Told();
  ASSERT_EQ(told.unmet_needs.size(), 2u);
  EXPECT_THAT(told.unmet_needs[0], HasSubstr("the machine's label ram-disk=false says"));
  EXPECT_THAT(told.unmet_needs[0], HasSubstr("slipway image import FILE all:1 --as tree"));
  EXPECT_THAT(told.unmet_needs[1],
              HasSubstr("needs memory-mib=4096, and the machine's label says 2048"));
  EXPECT_EQ(told.action, "boot") << "it is offered all the same";
  EXPECT_THAT(told.uri, HasSubstr("/all/0123456789ab/boot.efi"));
  machine_->labels.clear();
  question_.client = "ipxe";
  told = Told();
  ASSERT_EQ(told.unmet_needs.size(), 1u);
  EXPECT_THAT(told.unmet_needs[0], HasSubstr("and iPXE, which asks for it here, makes none"));
  // Of a machine that is sent to nothing, nothing is missing.
  question_.client = "plain";
  EXPECT_THAT(Told().unmet_needs, testing::IsEmpty());
  question_.client = "ipxe";
  question_.architecture = "arm64";
  EXPECT_THAT(Told().unmet_needs, testing::IsEmpty());
}

TEST_F(ExplainTest, WhatTheNetworkSaysOfTheUnknownIsHeeded) {
  config_.networks[0].unknown_machines = UnknownMachines::kIgnore;
  EXPECT_EQ(Told().words, "is not answered, by network lab: policy ignores this machine");
  EXPECT_EQ(Told().uri, "");
  config_.networks[0].unknown_machines = UnknownMachines::kBootOnly;
  EXPECT_THAT(Told().words, HasSubstr("boots https"));
  question_.client = "plain";
  EXPECT_THAT(Told().words, HasSubstr("not a boot client"));
  Add("all", {{"image_set", "web:1"}});
  EXPECT_THAT(Told().words, HasSubstr("not a boot client")) << "a rule sends firmware, not systems";
  question_.client = "http";
  config_.networks[0].unknown_machines = UnknownMachines::kIgnore;
  EXPECT_THAT(Told().words, HasSubstr("by rule all")) << "a rule that fits says more than that";
}

TEST_F(ExplainTest, AHoldIsNotUndoneByAReservation) {
  machine_.emplace();
  machine_->mac = question_.mac;
  machine_->hold = true;
  question_.uuid = Uuid::Parse("04030201-0606-0707-0808-090909090909");
  config_.networks[0].proxy_dhcp = false;
  config_.networks[0].reservations = {
      {.uuid = question_.uuid, .address = Ipv4Address(10, 77, 0, 9)}};
  EXPECT_THAT(Told().words, HasSubstr("is held until it is released"));
}

TEST_F(ExplainTest, ASetThatIsMissingIsSaidToBe) {
  Add("gone", {{"image_set", "gone:1"}});
  EXPECT_EQ(
      Told().words,
      "is not answered: gone:1 is not in the store, or has no boot file for it, by rule gone");
}

TEST_F(ExplainTest, TheCanaryOfWhatEverybodyGetsIsOfMachinesInTheCatalog) {
  rollouts_ = {*ParseRollout({"all", "1"}, {{"candidate", "web:1"}, {"selector", "rack=a1"}})};
  EXPECT_EQ(Told().decided_by, "configuration");
  EXPECT_EQ(Told().image_set, "");
  machine_.emplace();
  machine_->mac = question_.mac;
  EXPECT_THAT(Told().words, HasSubstr("/all/"));
  machine_->labels["rack"] = "a1";
  const Explanation told = Told();
  EXPECT_EQ(told.image_set, "web:1");
  EXPECT_EQ(told.steps.back().words, "fits: boot web:1, as it is in the canary of all:1");
  EXPECT_THAT(told.words, HasSubstr("/web/"));
}

TEST_F(ExplainTest, OfTwoMachinesOfTheFileTheOneWithTheUuidIsMeant) {
  const Uuid uuid = *Uuid::Parse("0a1b2c3d-0001-0203-0405-060708090a0b");
  const MachineConfig by_mac{
      .name = "a", .mac = question_.mac, .image_set = ImageSetName{"all", "1"}};
  const MachineConfig by_uuid{.name = "b", .uuid = uuid, .image_set = ImageSetName{"web", "1"}};
  for (const auto& machines : {std::vector{by_mac, by_uuid}, std::vector{by_uuid, by_mac}}) {
    config_.machines = machines;
    question_.uuid = uuid;
    const Explanation both = Told();
    EXPECT_EQ(both.machine, "b");
    EXPECT_EQ(both.image_set, "web:1");
    EXPECT_THAT(both.uri, HasSubstr("/web/"));
    question_.uuid.reset();
    EXPECT_EQ(Told().machine, "a");
    EXPECT_EQ(Told().image_set, "all:1");
  }
}

TEST_F(ExplainTest, AQuestionThatCannotBeIsRefusedByItsPart) {
  const auto refused = [&](auto change) {
    Question question = question_;
    change(question);
    const auto told = Explain(question, {config_, sets_, rules_, rollouts_, machine_});
    return told.ok() ? std::string("answered") : std::string(told.status().message());
  };
  EXPECT_THAT(refused([](Question& q) { q.architecture = "z80"; }), HasSubstr("arch: \"z80\""));
  EXPECT_THAT(refused([](Question& q) { q.client = "gopher"; }), HasSubstr("client: \"gopher\""));
  EXPECT_THAT(refused([](Question& q) { q.network = "moon"; }), HasSubstr("network: \"moon\""));
  EXPECT_THAT(refused([](Question& q) { q.circuit.assign(200, 'x'); }), HasSubstr("100 octets"));
}

// One random site, and one machine in it.
class Site {
 public:
  explicit Site(std::uint32_t seed) : random_(seed) {}

  std::string Selector() {
    constexpr const char* kRequirements[] = {"mac=52:54:*",
                                             "mac!=*:01",
                                             "arch=x64",
                                             "arch in (arm64, ia32)",
                                             "client=http",
                                             "client!=ipxe",
                                             "network=lab",
                                             "network!=lab",
                                             "rack=a1",
                                             "rack",
                                             "!rack",
                                             "rack notin (a1, b1)",
                                             "group=web",
                                             "group!=web",
                                             "circuit-id=eth*",
                                             "circuit-id!=eth7",
                                             "name=web*",
                                             "serial=S1",
                                             "uuid=",
                                             "vendor-class=*Arch:00016*",
                                             "remote-id=*7",
                                             "client-id=0102",
                                             "uuid=04030201-*",
                                             "serial!=S1",
                                             "dhcp-fingerprint=0123*",
                                             "dhcp-fingerprint!=0123456789abcdef",
                                             "dhcp-fingerprint=",
                                             "tcp-fingerprint=*:mss",
                                             "tls-fingerprint!=fd45*"};
    std::string text;
    for (unsigned i = Below(4); i > 0; --i) {
      text += Text(text.empty() ? "" : ", ", kRequirements[Below(std::size(kRequirements))]);
    }
    return text;
  }
  Rule NextRule(unsigned number) {
    constexpr const char* kActions[] = {"boot", "quarantine", "ignore", "hold", "local"};
    nlohmann::json body = {{"selector", Selector()}, {"action", kActions[Below(5)]}};
    if (body["action"] == "boot" || body["action"] == "quarantine") body["image_set"] = "web:1";
    if (body["action"] == "boot" && Below(3) == 0) body["mode"] = "once";
    return *ParseRule(Text("r", number), body);
  }
  Question NextQuestion() {
    Question question;
    question.mac = MacAddress{{0x52, static_cast<std::uint8_t>(0x54 + Below(2)), 0, 0, 0,
                               static_cast<std::uint8_t>(1 + Below(2))}};
    question.architecture = Below(2) != 0 ? "x64" : "arm64";
    question.client = Below(2) != 0 ? "http" : "ipxe";
    question.network = Below(2) != 0 ? "lab" : "hall";
    if (Below(2) != 0) question.uuid = Uuid{{4, 3, 2, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}};
    if (Below(2) != 0) question.circuit = Below(2) != 0 ? "eth7" : "ETH8";
    if (Below(2) != 0) question.remote = "sw7";
    if (Below(2) != 0) question.client_identifier = "\x01\x02";
    if (Below(2) != 0) question.dhcp_fingerprint = "0123456789abcdef";
    return question;
  }
  std::optional<Machine> NextMachine(const Question& question) {
    if (Below(3) == 0) return std::nullopt;
    Machine machine;
    machine.mac = question.mac;
    if (Below(2) != 0) machine.uuid = question.uuid;
    if (Below(2) != 0) machine.labels["rack"] = Below(2) != 0 ? "a1" : "c1";
    if (Below(2) != 0) machine.groups = {"web", "x"};
    if (Below(2) != 0) machine.name = "web1";
    if (Below(2) != 0) machine.serial = "S1";
    if (Below(2) != 0) {
      machine.firmware = {{{.client = "http",
                            .dhcp = "0123fedcba987654",
                            .tcp = "65535:1460:mss",
                            .tls = "fd4508cff06e1bd0"},
                           1}};
    }
    machine.approved = Below(2) != 0;
    machine.completed = Below(2);
    return machine;
  }

 private:
  unsigned Below(std::size_t bound) { return static_cast<unsigned>(random_() % bound); }
  std::mt19937 random_;
};

// Every fact of the question and the machine, as the selectors' words name them; groups apart.
std::map<std::string, std::string> AllFacts(const Question& question,
                                            const std::optional<Machine>& machine) {
  std::map<std::string, std::string> facts{
      {"mac", question.mac.ToString()},
      {"uuid", question.uuid ? question.uuid->ToString() : ""},
      {"client-id", ToHex(question.client_identifier)},
      {"circuit-id", question.circuit},
      {"remote-id", question.remote},
      {"arch", question.architecture},
      {"client", question.client},
      {"network", question.network},
      {"vendor-class",
       Text(question.client == "http" ? "HTTPClient" : "PXEClient", ":Arch:",
            question.client == "http" ? (question.architecture == "x64" ? "00016" : "00019")
                                      : (question.architecture == "x64" ? "00007" : "00011"),
            ":UNDI:003000")}};
  facts["dhcp-fingerprint"] = question.dhcp_fingerprint;
  if (machine && !machine->firmware.empty()) {
    const BootFirmware& seen = machine->firmware.front().firmware;
    facts.insert({{"tcp-fingerprint", seen.tcp}, {"tls-fingerprint", seen.tls}});
    if (question.dhcp_fingerprint.empty() && question.client == seen.client) {
      facts["dhcp-fingerprint"] = seen.dhcp;
    }
  }
  if (machine) {
    facts.insert({{"name", machine->name}, {"serial", machine->serial}});
    for (const auto& [key, value] : machine->labels) facts[key] = value;
  }
  return facts;
}

bool MeetsAll(const Rule& rule, const std::map<std::string, std::string>& facts,
              const std::optional<Machine>& machine) {
  for (const Requirement& one : rule.selector.requirements()) {
    std::vector<std::string> values;
    if (one.key == "group") {
      if (machine) values.assign(machine->groups.begin(), machine->groups.end());
    } else if (const auto fact = facts.find(one.key); fact != facts.end()) {
      values.push_back(fact->second);
    }
    bool meets = one.patterns.empty() && !values.empty();
    for (const std::string& pattern : one.patterns) {
      for (const std::string& value : values) meets |= dhcp::FitsPattern(pattern, value);
    }
    if (meets == one.negated) return false;
  }
  return true;
}

TEST_F(ExplainTest, WhatIsDecidedInTwoHalvesIsWhatAWholeWouldDecide) {
  for (std::uint32_t seed = 1; seed <= 3000; ++seed) {
    Site site(seed);
    rules_.clear();
    for (unsigned i = 0; i < 5; ++i) rules_.push_back(site.NextRule(i));
    question_ = site.NextQuestion();
    machine_ = site.NextMachine(question_);
    const auto facts = AllFacts(question_, machine_);
    std::string by = "configuration";
    std::string action;
    for (const Rule& rule : rules_) {
      if (rule.action == RuleAction::kHold && machine_ && machine_->approved) continue;
      if (!MeetsAll(rule, facts, machine_)) continue;
      by = rule.name;
      const bool done = machine_ && machine_->completed > 0 && rule.plan.mode == BootMode::kOnce;
      action = done ? "local" : Word(rule.action);
      break;
    }
    const Explanation told = Told();
    ASSERT_EQ(told.decided_by, by) << "seed " << seed << ": " << ToJson(told).dump(1);
    if (!action.empty() && told.action != "nothing") {
      ASSERT_EQ(told.action, action) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace slipway::control
