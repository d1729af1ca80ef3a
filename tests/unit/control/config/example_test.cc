// SPDX-License-Identifier: Apache-2.0
//
// The shipped example and the schema say the same.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "control/config/config.h"

namespace slipway::control {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::string_view kExample = SLIPWAY_SOURCE_ROOT "/config/slipway.toml";

std::string ReadExample() {
  std::ifstream stream{std::string(kExample)};
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<std::string> Lines(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(problem.ToString());
  return lines;
}

TEST(ExampleTest, TheShippedExampleIsWhatTheSchemaSays) {
  if (std::getenv("SLIPWAY_WRITE_EXAMPLE") != nullptr) {
    std::ofstream(std::string(kExample)) << ExampleConfig();
  }
  EXPECT_EQ(ReadExample(), ExampleConfig()) << "run this test with SLIPWAY_WRITE_EXAMPLE=1";
}

TEST(ExampleTest, TheShippedExampleIsAGoodConfiguration) {
  const ConfigResult result = LoadConfig(kExample);
  EXPECT_THAT(Lines(result.problems), IsEmpty());
  ASSERT_TRUE(result.config.has_value());
  EXPECT_EQ(result.config->networks.size(), 1u);
}

TEST(ExampleTest, EveryKeyStandsInTheExampleWithItsDefaultAndUnit) {
  const std::string text = ReadExample();
  for (const KeySchema& key : ConfigKeys()) {
    const std::regex assignment("\n#?" + std::string(key.name) + " = \\S");
    EXPECT_TRUE(std::regex_search(text, assignment)) << key.table << '.' << key.name;
    if (!key.fallback.empty() && key.fallback.size() < 60) {
      EXPECT_THAT(text, HasSubstr("Default: " + std::string(key.fallback)));
    }
    if (!key.unit.empty()) {
      EXPECT_THAT(text, HasSubstr("Unit: " + std::string(key.unit)));
    }
    EXPECT_FALSE(key.sentence.empty());
    EXPECT_FALSE(key.fallback.empty() && key.example.empty()) << key.table << '.' << key.name;
  }
}

TEST(ExampleTest, EveryDefaultObeysTheKeysOwnRules) {
  const ConfigResult result = ParseConfig(
      "[[port]]\ndevice = \"net_tap0\"\naddresses = [\"10.0.0.1/24\"]\n", "defaults.toml");
  EXPECT_THAT(Lines(result.problems), IsEmpty());
}

TEST(ExampleTest, EveryCommentedLineIsRightTooWhenTaken) {
  std::string text = std::regex_replace(ReadExample(), std::regex("\n#(?=[\\[a-z])"), "\n");
  // Two keys of which only one may be written are shown in each place; keep the first.
  for (const std::string key : {"uuid = \"0a1b2c3d-0001-0203-0405-060708090a0b\"",
                                "client_id =", "hex =", "addresses = [\"10.77.0.1\"]"}) {
    text.replace(text.find("\n" + key), 1, "\n#");
  }
  const ConfigResult result = ParseConfig(text, kExample);
  // Six files of the example do not exist: the clients' CA, two of each certificate, and the SBAT
  // level.
  EXPECT_THAT(
      Lines(result.problems),
      UnorderedElementsAre(
          HasSubstr("management.client_ca = "), HasSubstr("management.certificate.chain = "),
          HasSubstr("management.certificate.key = "), HasSubstr("tls.certificate.chain = "),
          HasSubstr("tls.certificate.key = "),
          HasSubstr("secure_boot.sbat_level = \"SbatLevel.csv\": cannot")));
}

}  // namespace
}  // namespace slipway::control
