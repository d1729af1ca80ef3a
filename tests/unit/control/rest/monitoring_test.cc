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
  core_->leases().Take(
      std::vector<dhcp::Lease>{{.address = Ipv4Address(10, 77, 0, 100),
                                .state = dhcp::LeaseState::kBound,
                                .expires_unix_seconds = std::time(nullptr) + 3600}});
  const std::string metrics = client_->Get("/metrics")->body;
  EXPECT_THAT(metrics, HasSubstr("slipway_network_addresses{network=\"lab\"} 100\n"));
  EXPECT_THAT(metrics, HasSubstr("slipway_network_leases{network=\"lab\"} 1\n"));
  EXPECT_THAT(
      metrics,
      HasSubstr("slipway_image_set_boots{image_set=\"debian:stable\",outcome=\"failed\"} 0\n"));
}

// A boot of `seconds`, of this set's first version that is there, in this network.
Boot BootOf(std::int64_t id, const std::string& path, Ipv4Address address, double seconds) {
  const std::int64_t began = 1'790'000'000'000'000'000;
  Boot boot{.id = id, .mac = MacAddress{{0x52, 0x54, 0, 0, 0, 1}}, .address = address};
  boot.steps = {{.unix_nanoseconds = began,
                 .kind = dataplane::EventKind::kHttpRequest,
                 .number = 200,
                 .text = "GET " + path}};
  boot.outcome = BootOutcome::kComplete;
  boot.complete_unix_nanoseconds = began + static_cast<std::int64_t>(seconds * 1e9);
  return boot;
}

TEST_F(MonitoringTest, BootsAreCountedAndTimedForEachImageSetAndNetwork) {
  ImportBootFile("debian:stable");
  const std::string digest = core_->Images()->front().digest.substr(0, 12);
  const std::string path = "/debian/" + digest + "/boot.efi";
  Boot boot = BootOf(1, path, Ipv4Address(10, 77, 0, 100), 7);
  core_->NoteBoot(boot);
  core_->NoteBoot(boot);  // told twice, counted once
  core_->NoteBoot(BootOf(2, path, Ipv4Address(10, 77, 0, 101), 45));
  boot = BootOf(3, path, Ipv4Address(10, 77, 0, 101), 0);
  boot.outcome = BootOutcome::kFailed;
  core_->NoteBoot(boot);
  boot = BootOf(4, path, Ipv4Address(192, 0, 2, 1), 0);  // of no network of ours
  boot.outcome = BootOutcome::kAbandoned;
  core_->NoteBoot(boot);
  // A version that has just been replaced is still of its set; one of a set that nobody has is not.
  core_->NoteBoot(BootOf(5, "/debian/00112233aabb/boot.efi", Ipv4Address(10, 77, 0, 102), 7));
  core_->NoteBoot(BootOf(6, "/made-up/00112233aabb/boot.efi", Ipv4Address(10, 77, 0, 103), 7));
  const std::string metrics = client_->Get("/metrics")->body;
  for (const char* line : {
           "slipway_image_set_boots_total{name=\"debian\",outcome=\"complete\"} 3\n",
           "slipway_image_set_boots_total{name=\"debian\",outcome=\"failed\"} 1\n",
           "slipway_image_set_boots_total{name=\"debian\",outcome=\"abandoned\"} 1\n",
           "slipway_image_set_boot_seconds_count{name=\"debian\"} 3\n",
           "slipway_image_set_boot_seconds_sum{name=\"debian\"} 59\n",
           "slipway_image_set_boot_seconds_bucket{name=\"debian\",le=\"5\"} 0\n",
           "slipway_image_set_boot_seconds_bucket{name=\"debian\",le=\"10\"} 2\n",
           "slipway_image_set_boot_seconds_bucket{name=\"debian\",le=\"60\"} 3\n",
           "slipway_image_set_boot_seconds_bucket{name=\"debian\",le=\"+Inf\"} 3\n",
           "slipway_network_boots_total{network=\"lab\",outcome=\"complete\"} 4\n",
           "slipway_network_boots_total{network=\"lab\",outcome=\"failed\"} 1\n",
           "slipway_network_boots_total{network=\"lab\",outcome=\"abandoned\"} 0\n",
           "slipway_network_boot_seconds_count{network=\"lab\"} 4\n",
       }) {
    EXPECT_THAT(metrics, HasSubstr(line));
  }
  EXPECT_EQ(metrics.find("made-up"), std::string::npos);
}

TEST(BootMeter, TellsSixtyFourNamesApartAndNoMore) {
  BootMeter meter;
  for (int i = 0; i < 1000; ++i) {
    Boot boot = BootOf(i + 1, "", {}, 1);
    meter.Take(boot, {.image_set = Text("set", i % 100), .network = Text("net", i)});
  }
  EXPECT_EQ(meter.ImageSets().size(), BootMeter::kNamesMax + 1);
  EXPECT_EQ(meter.ImageSets().at("set0").complete, 10u);
  EXPECT_EQ(meter.ImageSets().at(std::string(BootMeter::kOthers)).complete, 360u);
  EXPECT_EQ(meter.Networks().size(), BootMeter::kNamesMax + 1);
  EXPECT_EQ(meter.Networks().at(std::string(BootMeter::kOthers)).durations.sum, 936);
}

TEST(BootMeter, CountsABootThatWasRefusedAfterItsDownloadUnderBoth) {
  BootMeter meter;
  Boot boot = BootOf(1, "", {}, 1);
  for (const BootOutcome outcome :
       {BootOutcome::kUnderWay, BootOutcome::kComplete, BootOutcome::kComplete,
        BootOutcome::kFailed, BootOutcome::kFailed}) {
    boot.outcome = outcome;
    meter.Take(boot, {.image_set = "debian", .network = ""});
  }
  const auto sets = meter.ImageSets();
  EXPECT_EQ(sets.at("debian").complete, 1u);
  EXPECT_EQ(sets.at("debian").failed, 1u);
  EXPECT_EQ(sets.at("debian").durations.counts[0], 1u);
  EXPECT_TRUE(meter.Networks().empty());
}

}  // namespace
}  // namespace slipway::control
