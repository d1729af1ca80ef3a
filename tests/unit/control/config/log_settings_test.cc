// SPDX-License-Identifier: Apache-2.0
#include "control/config/log_settings.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>

#include "control/config/config.h"

namespace slipway::control {
namespace {

constexpr std::string_view kPort =
    "[[port]]\ndevice = \"net_tap0\"\naddresses = [\"10.0.0.1/24\"]\n";

std::string With(std::string_view lines) {
  return std::string(kPort) + "[log]\n" + std::string(lines);
}

TEST(LogSettingsTest, AreTextAndInfoWhereTheFileSaysNothing) {
  for (const std::string& text : {std::string(kPort), std::string(), std::string("[[[")}) {
    const LogSettings settings = ParseLogSettings(text);
    EXPECT_EQ(settings.format, LogFormat::kText);
    EXPECT_EQ(settings.level, LogLevel::kInfo);
  }
  EXPECT_EQ(LoadLogSettings("/nowhere/slipway.toml").level, LogLevel::kInfo);
}

TEST(LogSettingsTest, AreWhatTheFileSays) {
  EXPECT_EQ(ParseLogSettings(With("format = \"json\"\n")).format, LogFormat::kJson);
  EXPECT_EQ(ParseLogSettings(With("format = \"text\"\n")).format, LogFormat::kText);
  const std::pair<std::string, LogLevel> levels[] = {{"error", LogLevel::kError},
                                                     {"warning", LogLevel::kWarning},
                                                     {"info", LogLevel::kInfo},
                                                     {"debug", LogLevel::kDebug}};
  for (const auto& [name, level] : levels) {
    const std::string text = With("level = \"" + name + "\"\n");
    EXPECT_EQ(ParseLogSettings(text).level, level);
    EXPECT_TRUE(ParseConfig(text, "s.toml").config) << text;
  }
}

TEST(LogSettingsTest, AnotherFormatOrLevelIsAMistakeOfTheFile) {
  const ConfigResult result = ParseConfig(With("format = \"xml\"\nlevel = \"loud\"\n"), "s.toml");
  ASSERT_EQ(result.problems.size(), 2U);
  EXPECT_THAT(result.problems[0].ToString(), testing::HasSubstr("log.format = \"xml\""));
  EXPECT_THAT(result.problems[1].ToString(), testing::HasSubstr("log.level = \"loud\""));
}

}  // namespace
}  // namespace slipway::control
