// SPDX-License-Identifier: Apache-2.0
#include "control/config/log_settings.h"

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "control/config/document.h"

namespace slipway::control {
namespace {

// The schema knows the choices; nullopt: what was written is none of them.
LogLevel LevelOf(const std::optional<std::string>& name) {
  if (name == "error") return LogLevel::kError;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "debug") return LogLevel::kDebug;
  return LogLevel::kInfo;
}

}  // namespace

LogSettings ParseLogSettings(std::string_view text) {
  std::vector<Problem> told_by_parse_config;
  const Section root = ReadDocument(text, "", told_by_parse_config);
  const Section& log = root.Child("log");
  LogSettings settings;
  settings.format = log.Get<std::string>("format") == "json" ? LogFormat::kJson : LogFormat::kText;
  settings.level = LevelOf(log.Get<std::string>("level"));
  return settings;
}

LogSettings LoadLogSettings(const std::filesystem::path& file) {
  const std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  return ParseLogSettings(text.view());
}

}  // namespace slipway::control
