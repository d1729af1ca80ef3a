// SPDX-License-Identifier: Apache-2.0
//
// Documents of machines: who has which, what they may say, and what is kept from one publication to
// the next.
#include "control/templates/documents.h"

#include <gmock/gmock.h>

#include "control/access/digest.h"
#include "control/text.h"
#include "tests/support/small_site.h"
#include "tests/unit/control/serve/image_sets.h"

namespace slipway::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kLab =
    Text(kSiteLab, kSitePools,
         "[[network.reservation]]\nmac = \"52:54:00:00:00:01\"\naddress = \"10.77.0.11\"\n");
const std::string kOneNetwork = Text(kSitePort, kLab);
const std::string kTwoNetworks = Text(
    "[[port]]\ndevice = \"net_ring0\"\naddresses = [\"10.77.0.1/24\", \"10.78.0.1/24\"]\n", kLab,
    "[[network]]\nname = \"attic\"\nsubnet = \"10.78.0.0/24\"\n"
    "pools = [\"10.78.0.100-10.78.0.199\"]\n");

class DocumentsTest : public testing::Test {
 protected:
  DocumentsTest() { Configure(kOneNetwork); }

  void Configure(const std::string& text) {
    const ConfigResult parsed =
        ParseConfig(text + "[boot]\nimage_set = \"common:1\"\n", "slipway.toml");
    ASSERT_TRUE(parsed.config) << Report(parsed, "slipway.toml");
    config_ = *parsed.config;
  }

  Machine& AddMachine(int number, const nlohmann::json& record = nlohmann::json::object()) {
    Machine machine;
    machine.id = number;
    machine.mac = MacAddress{{0x52, 0x54, 0, 0, static_cast<std::uint8_t>(number >> 8),
                              static_cast<std::uint8_t>(number)}};
    EXPECT_TRUE(Update(record, machine).ok());
    machines_.push_back(machine);
    return machines_.back();
  }
  void AddTemplate(const std::string& name, const std::string& text,
                   const std::string& selector = "") {
    Template one{.name = name, .text = {}, .media_type = {}, .selector = {}};
    const absl::Status status = Update({{"text", text}, {"selector", selector}}, one);
    ASSERT_TRUE(status.ok()) << status;
    std::erase_if(templates_, [&](const Template& each) { return each.name == name; });
    templates_.push_back(one);
  }
  void AddRule(const std::string& name, const nlohmann::json& record) {
    const auto rule = ParseRule(name, record);
    ASSERT_TRUE(rule.ok()) << rule.status();
    rules_.push_back(*rule);
  }

  const Documents& Build() {
    before_ = documents_;
    MachineList machines;
    for (const Machine& each : machines_) machines.push_back(std::make_shared<const Machine>(each));
    documents_ = Documents::Build({.variables = {config_, rules_, rollouts_, sets_},
                                   .machines = machines,
                                   .templates = templates_,
                                   .now_unix_seconds = ++now_},
                                  documents_);
    return *documents_;
  }
  const http::Resource* Find(int number, const std::string& name) const {
    const MacAddress mac{{0x52, 0x54, 0, 0, static_cast<std::uint8_t>(number >> 8),
                          static_cast<std::uint8_t>(number)}};
    return documents_->catalog()->Find(Text("/machine/", mac.ToString(), '/', name));
  }
  std::string TextOf(int number, const std::string& name) const {
    const http::Resource* const found = Find(number, name);
    return found == nullptr ? "(none)" : std::string(AsText(found->content));
  }
  // Of machine 1, or why there is none.
  std::string Made(const std::string& text) {
    AddTemplate("t", text);
    Build();
    const auto failures = documents_->FailuresOf("t", 5);
    return failures.empty() ? TextOf(1, "t") : failures[0].words;
  }

  Config config_;
  std::vector<Machine> machines_;
  std::vector<Rule> rules_;
  std::vector<Rollout> rollouts_;
  std::vector<ImageSet> sets_{SetOf("common:1"), SetOf("web:1")};
  std::vector<Template> templates_;
  std::shared_ptr<const Documents> documents_, before_;
  std::int64_t now_ = 1'700'000'000;
};

TEST_F(DocumentsTest, AMachineHasTheDocumentsThatMeanIt) {
  AddMachine(1, {{"labels", {{"role", "web"}}}});
  AddMachine(2, {{"groups", {"db"}}});
  AddTemplate("all", "{{mac}}\n");
  AddTemplate("web.cfg", "web\n", "role=web");
  AddTemplate("db", "db\n", "group=db");
  Build();
  EXPECT_EQ(TextOf(1, "all"), "52:54:00:00:00:01\n");
  EXPECT_EQ(TextOf(2, "all"), "52:54:00:00:00:02\n");
  EXPECT_EQ(TextOf(1, "web.cfg"), "web\n");
  EXPECT_EQ(TextOf(2, "web.cfg"), "(none)");
  EXPECT_EQ(TextOf(1, "db"), "(none)");
  EXPECT_EQ(TextOf(2, "db"), "db\n");
  EXPECT_EQ(TextOf(3, "all"), "(none)") << "not in the catalog";
  const http::Resource& file = *Find(1, "all");
  EXPECT_EQ(file.etag_digest, HashOf("52:54:00:00:00:01\n"));
  EXPECT_EQ(file.media_type, "text/plain");
  EXPECT_TRUE(file.loaded);
  EXPECT_EQ(file.last_modified, now_);
  EXPECT_EQ(documents_->CountOf("all").documents, 2u);
  EXPECT_EQ(documents_->bytes(), 18u + 18u + 4u + 3u);
}

TEST_F(DocumentsTest, AMachineOfTheConfigurationHasThemToo) {
  Configure(kOneNetwork +
            "[[machine]]\nname = \"fixed\"\nmac = \"52:54:00:00:00:09\"\nimage_set = \"web:1\"\n"
            "[[machine]]\nname = \"old\"\nmac = \"52:54:00:00:00:01\"\nimage_set = \"web:1\"\n");
  AddMachine(1, {{"name", "new"}});
  AddTemplate("n", "{{name}} {{image}}");
  Build();
  EXPECT_EQ(TextOf(9, "n"), "fixed web:1");
  EXPECT_EQ(TextOf(1, "n"), "new common:1") << "the catalog comes before the configuration";
}

TEST_F(DocumentsTest, TheMachinesVariablesComeBeforeThoseOfRulesInTheirOrder) {
  AddMachine(1, {{"labels", {{"role", "web"}}}, {"variables", {{"a", "machine"}}}});
  AddRule("first", {{"image_set", "web:1"},
                    {"selector", "role=web"},
                    {"variables", {{"a", "first"}, {"b", "first"}}}});
  AddRule("other", {{"image_set", "web:1"}, {"selector", "role=db"}, {"variables", {{"c", "x"}}}});
  AddRule("asks", {{"image_set", "web:1"}, {"selector", "arch=x64"}, {"variables", {{"d", "x"}}}});
  AddRule("rest", {{"image_set", "common:1"},
                   {"variables", {{"b", "rest"}, {"c", "rest"}, {"d", "rest"}, {"name", "n"}}}});
  EXPECT_EQ(Made("{{a}} {{b}} {{c}} {{d}} {{name}}"), "machine first rest rest n");
  EXPECT_EQ(Made("{{image}}"), "web:1");
}

TEST_F(DocumentsTest, FactsAreWhatTheCatalogKnows) {
  Machine& machine = AddMachine(1, {{"name", "node1"},
                                    {"serial", "S1"},
                                    {"labels", {{"rack", "a1"}}},
                                    {"uuid", "0a1b2c3d-0001-0203-0405-060708090a0b"}});
  EXPECT_EQ(Made("{{mac}} {{uuid}} {{name}} {{serial}} {{label.rack}}"),
            "52:54:00:00:00:01 0a1b2c3d-0001-0203-0405-060708090a0b node1 S1 a1");
  EXPECT_EQ(Made("{{image}} {{image.digest}} {{image.path}}"),
            "common:1 0123456789abcdef /common/0123456789ab");
  EXPECT_EQ(Made("{{boot.host}} {{boot.https}}{{machine.path}}/x"),
            "boot.slipway.test https://boot.slipway.test/machine/52:54:00:00:00:01/x");
  EXPECT_EQ(Made("{{address}} {{network.name}} {{network.subnet}} {{network.netmask}} "
                 "{{network.dns}}{{^network.domain}} none{{/network.domain}}"),
            "10.77.0.11 lab 10.77.0.0/24 255.255.255.0 10.77.0.1 none");
  machine.hold = true;
  EXPECT_EQ(Made("{{image}} held"), "common:1 held");
  config_.boot_names.clear();
  documents_ = nullptr;  // a configuration does not change under way
  EXPECT_EQ(Made("{{boot.host}}"), "10.77.0.1");
}

TEST_F(DocumentsTest, WhatDependsOnTheMachinesMessageIsNotKnown) {
  Configure(kTwoNetworks);
  AddMachine(1);
  AddRule("asks", {{"image_set", "web:1"}, {"selector", "arch=x64"}});
  EXPECT_THAT(Made("{{image}}"), HasSubstr("depends on its DHCP message"));
  EXPECT_EQ(Made("{{network.name}}"), "lab") << "by its reservation";
  machines_[0].mac = MacAddress::Parse("52:54:00:00:00:02");
  EXPECT_THAT(Made("{{network.name}}"),
              HasSubstr("slipway network reserve NAME ADDRESS 52:54:00:00:00:02"));
}

TEST_F(DocumentsTest, WhatIsMissingIsNamedWithItsLineAndARemedy) {
  AddMachine(1);
  EXPECT_EQ(Made("a\n{{hostname}}\n{{label.rack}}"),
            "line 2: \"hostname\" is not known: slipway machine variable 52:54:00:00:00:01 "
            "hostname=VALUE, or on a rule that means it; line 3: \"label.rack\" is not known: "
            "slipway machine label 52:54:00:00:00:01 rack=VALUE");
  EXPECT_EQ(documents_->failures(), 1u);
  EXPECT_EQ(TextOf(1, "t"), "(none)");
}

TEST_F(DocumentsTest, OnlyWhatAChangeBreaksIsBroken) {
  AddMachine(1);
  AddMachine(2, {{"variables", {{"v", "x"}}}});
  AddTemplate("t", "{{v}}");
  Build();
  const auto broken = documents_->Broken(before_.get());
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(broken[0].machine, "52:54:00:00:00:01");
  AddMachine(3, {{"variables", {{"v", "x"}}}});
  Build();
  EXPECT_TRUE(documents_->Broken(before_.get()).empty()) << "it was broken before";
  machines_[1].variables.clear();
  Build();
  EXPECT_THAT(Sentence(documents_->Broken(before_.get())),
              HasSubstr("1 document could not be made: t of machine 52:54:00:00:00:02, line 1:"));
}

TEST_F(DocumentsTest, WhatDidNotChangeIsKept) {
  for (int i = 1; i <= 3; ++i) AddMachine(i, {{"variables", {{"v", std::to_string(i)}}}});
  AddTemplate("own", "{{v}}");
  AddTemplate("same", "for all");
  Build();
  EXPECT_EQ(Find(1, "same")->content.data(), Find(3, "same")->content.data()) << "shared";
  Build();
  EXPECT_EQ(documents_, before_) << "nothing changed";
  machines_[0].completed = 7;
  Build();
  EXPECT_EQ(documents_, before_) << "a boot was counted";
  machines_[1].variables["v"] = "new";
  Build();
  const auto address = [](const Documents& documents, int number) {
    return documents.catalog()
        ->Find(Text("/machine/52:54:00:00:00:0", number, "/own"))
        ->content.data();
  };
  EXPECT_EQ(address(*documents_, 1), address(*before_, 1));
  EXPECT_NE(address(*documents_, 2), address(*before_, 2));
  EXPECT_EQ(TextOf(2, "own"), "new");
  EXPECT_EQ(before_->catalog()->FindMachine("525400000002")->files[0].content.size(), 1u)
      << "a snapshot that has it sends what it had";
  EXPECT_EQ(documents_->bytes(), 7u + 1 + 3 + 1);

  AddRule("rest", {{"image_set", "web:1"}, {"variables", {{"other", "x"}}}});
  Build();
  EXPECT_NE(documents_, before_);
  EXPECT_EQ(address(*documents_, 1), address(*before_, 1)) << "it comes out the same";
  EXPECT_EQ(Find(1, "own")->last_modified, 1'700'000'001);
  machines_.erase(machines_.begin());
  Build();
  EXPECT_EQ(TextOf(1, "own"), "(none)");
  EXPECT_EQ(address(*documents_, 3), address(*before_, 3));
  templates_.clear();
  Build();
  EXPECT_EQ(TextOf(3, "own"), "(none)");
  EXPECT_EQ(documents_->bytes(), 0u);
}

// Made, shared with the machine before, and kept where the templates around it are others.
TEST_F(DocumentsTest, EachDocumentHasTheDigestOfItsOwnText) {
  for (int i = 1; i <= 3; ++i) AddMachine(i, {{"variables", {{"v", std::to_string(i / 2)}}}});
  const auto check = [&](const std::string& name) {
    for (int i = 1; i <= 3; ++i) {
      const http::Resource* const file = Find(i, name);
      ASSERT_NE(file, nullptr) << name << i;
      EXPECT_EQ(file->etag_digest, HashOf(AsText(file->content))) << name << i;
    }
  };
  AddTemplate("user-data", "{{v}}");
  AddTemplate("data", "{{mac}}");
  Build();
  check("user-data");
  check("data");
  EXPECT_EQ(Find(2, "user-data")->content.data(), Find(3, "user-data")->content.data());
  const auto* const kept = Find(3, "data")->content.data();
  machines_[0].variables["v"] = "new";
  AddTemplate("a", "for {{name}}{{#serial}}{{/serial}}", "name=nobody");
  AddTemplate("user-data", "{{v}} and {{v}}");
  Build();
  check("user-data");
  check("data");
  EXPECT_EQ(Find(3, "data")->content.data(), kept);
  EXPECT_EQ(TextOf(1, "user-data"), "new and new");
  EXPECT_EQ(TextOf(3, "user-data"), "1 and 1");
}

TEST_F(DocumentsTest, AMovedTagChangesTheDocumentsThatNameItsVersion) {
  AddMachine(1);
  AddTemplate("i", "{{image.path}}");
  AddTemplate("n", "{{name}}{{#serial}}{{/serial}}", "name=nobody");
  Build();
  sets_[0].digest = "fedcba9876543210";
  Build();
  EXPECT_EQ(TextOf(1, "i"), "/common/fedcba987654");
}

TEST_F(DocumentsTest, AChangedNetworkChangesTheDocumentsThatSayIt) {
  AddMachine(1);
  AddTemplate("n", "{{#network.router}}{{network.router}}{{/network.router}} {{address}}");
  Build();
  EXPECT_EQ(TextOf(1, "n"), " 10.77.0.11");
  config_.networks[0].inherited_router = Ipv4Address(10, 77, 0, 254);
  config_.networks[0].reservations[0].address = Ipv4Address(10, 77, 0, 12);
  Build();
  EXPECT_EQ(TextOf(1, "n"), "10.77.0.254 10.77.0.12");
}

TEST_F(DocumentsTest, AllDocumentsTogetherAreBounded) {
  const std::string large(4096, 'x');
  nlohmann::json variables;
  for (int i = 0; i < 60; ++i) variables[Text('v', i)] = large;
  std::string text = "{{mac}}";
  for (int i = 0; i < 60; ++i) text += Text("{{v", i, "}}");
  // 546 of 240 KiB each are what fits into 128 MiB.
  AddRule("large", {{"image_set", "web:1"}, {"variables", variables}});
  for (int i = 1; i <= 560; ++i) AddMachine(i);
  AddTemplate("large", text);
  Build();
  EXPECT_LE(documents_->bytes(), kDocumentsBytesMax);
  EXPECT_GT(documents_->bytes(), kDocumentsBytesMax - 250'000);
  EXPECT_GT(documents_->failures(), 0u);
  EXPECT_THAT(documents_->FailuresOf("large", 1)[0].words, HasSubstr("there is no room"));
}

TEST(TemplateTest, NamesAndMembersAreChecked) {
  for (const char* good : {"user-data", "boot.ipxe", "ks.cfg", "0", "a_b"}) {
    EXPECT_TRUE(IsTemplateName(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("A"), std::string("a/b"),
        std::string("-a"), std::string("a b"), std::string(65, 'a')}) {
    EXPECT_FALSE(IsTemplateName(bad)) << bad;
  }
  const struct {
    nlohmann::json changes;
    const char* says;
  } kCases[] = {
      {{{"colour", "red"}}, "no such member"},
      {{{"text", 7}}, "not a text"},
      {{{"text", "{{"}}, "not closed"},
      {{{"media_type", "text/plain; charset=utf-8"}}, "without parameters"},
      {{{"media_type", "text"}}, "without parameters"},
      {{{"selector", "rack in"}}, "write '('"},
      {{{"selector", "arch=x64"}}, "only when a machine speaks"},
  };
  for (const auto& each : kCases) {
    Template one{.name = "t", .text = "x", .media_type = {}, .selector = {}};
    const absl::Status status = Update(each.changes, one);
    EXPECT_THAT(std::string(status.message()), HasSubstr(each.says)) << each.changes;
    EXPECT_EQ(one.text, "x");
  }
}

TEST(TemplateTest, TheFormFollowsFromTheTypeAndTheTypeFromTheName) {
  const auto type = [](const char* name) {
    Template one{.name = name, .text = {}, .media_type = {}, .selector = {}};
    EXPECT_TRUE(Update({{"text", "x"}}, one).ok());
    return one.media_type;
  };
  EXPECT_EQ(type("user-data"), "text/plain");
  EXPECT_EQ(type("boot.ipxe"), "text/plain");
  EXPECT_EQ(type("node.ign"), "application/json");
  EXPECT_EQ(type("a.json"), "application/json");
  EXPECT_EQ(type("autoinst.xml"), "application/xml");
  EXPECT_EQ(EscapeOf("application/json"), Escape::kJson);
  EXPECT_EQ(EscapeOf("application/vnd.coreos.ignition+json"), Escape::kJson);
  EXPECT_EQ(EscapeOf("text/xml"), Escape::kXml);
  EXPECT_EQ(EscapeOf("text/plain"), Escape::kNone);
}

}  // namespace
}  // namespace slipway::control
