// SPDX-License-Identifier: Apache-2.0
//
// The dashboard and the alert rules of docs/monitoring speak of what /metrics gives, and of nothing
// else.
#include <set>

#include "control/boots/causes.h"
#include "tests/unit/control/rest/rest_fixture.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

const std::filesystem::path kFolder = SLIPWAY_SOURCE_ROOT "/docs/monitoring";

using MonitoringTest = RestTest;

// Every match of the expression's first group.
std::set<std::string> AllOf(const std::string& text, const std::string& expression) {
  std::set<std::string> found;
  const std::regex pattern(expression);
  for (auto match = std::sregex_iterator(text.begin(), text.end(), pattern);
       match != std::sregex_iterator(); ++match) {
    found.insert((*match)[1]);
  }
  return found;
}

// The names that a query may use for these families.
std::set<std::string> NamesOf(const std::string& metrics) {
  std::set<std::string> names = AllOf(metrics, "# TYPE (slipway_[a-z_]+) (?:counter|gauge)");
  for (const std::string& name : AllOf(metrics, "# TYPE (slipway_[a-z_]+) histogram")) {
    for (const char* part : {"_bucket", "_sum", "_count"}) names.insert(name + part);
  }
  return names;
}

TEST_F(MonitoringTest, EveryNameInTheFilesIsOneThatIsGiven) {
  const std::set<std::string> given = NamesOf(client_->Get("/metrics")->body);
  EXPECT_GT(given.size(), 40U);
  for (const char* file : {"alerts.yml", "dashboard.json"}) {
    const auto used = AllOf(BytesOf(kFolder / file), "(slipway_[a-z_]+)");
    EXPECT_GT(used.size(), 10U) << file;
    for (const std::string& name : used) EXPECT_TRUE(given.contains(name)) << file << ": " << name;
  }
}

TEST_F(MonitoringTest, CausesOutcomesAndReasonsInTheFilesAreOnesThatThereAre) {
  const std::string rules = BytesOf(kFolder / "alerts.yml");
  for (const std::string& list : AllOf(rules, "cause=~\"([^\"]+)\"")) {
    for (const std::string& cause : AllOf(list, "([^|]+)")) {
      EXPECT_TRUE(std::ranges::any_of(Causes(), [&](const Cause& each) {
        return std::regex_match(std::string(each.id), std::regex(cause));
      })) << cause;
    }
  }
  const std::string metrics = client_->Get("/metrics")->body;
  for (const char* label : {"reason=\"slow\"", "outcome=\"complete\"", "outcome=\"abandoned\""}) {
    EXPECT_THAT(metrics, HasSubstr(label));
  }
}

TEST_F(MonitoringTest, TheDashboardIsWholeAndEachPanelAsksForSomething) {
  const auto dashboard = nlohmann::json::parse(BytesOf(kFolder / "dashboard.json"), nullptr, false);
  ASSERT_TRUE(dashboard.is_object());
  std::set<int> ids;
  for (const auto& panel : dashboard["panels"]) {
    EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << panel["title"];
    const auto& place = panel["gridPos"];
    EXPECT_LE(place["x"].get<int>() + place["w"].get<int>(), 24) << panel["title"];
    if (panel["type"] == "row") continue;
    EXPECT_FALSE(panel["targets"].empty()) << panel["title"];
    for (const auto& target : panel["targets"]) {
      const std::string query = target["expr"];
      EXPECT_THAT(query, HasSubstr("slipway_")) << panel["title"];
      EXPECT_THAT(query, HasSubstr("$instance")) << panel["title"];
      EXPECT_EQ(std::ranges::count(query, '('), std::ranges::count(query, ')')) << query;
      EXPECT_EQ(std::ranges::count(query, '{'), std::ranges::count(query, '}')) << query;
    }
  }
  EXPECT_GT(ids.size(), 15U);
}

TEST_F(MonitoringTest, EachAlertSaysWhatToDo) {
  const std::string rules = BytesOf(kFolder / "alerts.yml");
  const auto count = [&](const char* word) {
    return AllOf(rules, Text('(', word, ": .*)")).size();
  };
  EXPECT_GT(count("alert"), 10U);
  EXPECT_EQ(count("remedy"), count("alert"));
  EXPECT_EQ(count("summary"), count("alert"));
}

TEST_F(MonitoringTest, NetworksAndImageSetsAreToldApart) {
  ImportBootFile("debian:stable");
  core_->leases().Take(std::vector<dhcp::Lease>{
      {.address = Ipv4Address(10, 77, 0, 100), .state = dhcp::LeaseState::kBound}});
  const std::string metrics = client_->Get("/metrics")->body;
  EXPECT_THAT(metrics, HasSubstr("slipway_network_addresses{network=\"lab\"} 100\n"));
  EXPECT_THAT(metrics, HasSubstr("slipway_network_leases{network=\"lab\"} 1\n"));
  EXPECT_THAT(
      metrics,
      HasSubstr("slipway_image_set_boots{image_set=\"debian:stable\",outcome=\"failed\"} 0\n"));
}

}  // namespace
}  // namespace slipway::control
