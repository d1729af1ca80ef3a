// SPDX-License-Identifier: Apache-2.0
#include "control/boots/boot_json.h"

#include <algorithm>
#include <iterator>

namespace slipway::control {
namespace {

double Seconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

}  // namespace

nlohmann::json ToJson(const BootFirmware& firmware) {
  return {{"client", firmware.client},
          {"dhcp", firmware.dhcp},
          {"tcp", firmware.tcp},
          {"tls", firmware.tls},
          {"like", LikenessOf(firmware)}};
}

nlohmann::json ToJson(const Boot& boot, BootDetail detail) {
  nlohmann::json json = {{"id", boot.id},
                         {"mac", boot.mac.ToString()},
                         {"address", boot.address.ToString()},
                         {"began", Seconds(boot.began())},
                         {"seconds", Seconds(boot.last() - boot.began())},
                         {"outcome", Name(boot.outcome)},
                         {"words", boot.words},
                         {"cause", boot.cause},
                         {"tls", boot.tls},
                         {"bytes", boot.bytes}};
  if (detail == BootDetail::kSummary) return json;
  const auto firmware = FirmwareOf(boot);
  json["firmware"] = firmware ? ToJson(*firmware) : nlohmann::json();
  json["steps"] = nlohmann::json::array();
  for (const BootStep& step : boot.steps) {
    json["steps"].push_back({{"at", Seconds(step.unix_nanoseconds - boot.began())},
                             {"kind", Describe(step.kind).name},
                             {"words", Sentence(step)},
                             {"number", step.number},
                             {"extra", step.extra},
                             {"connection", step.connection},
                             {"text", step.text}});
  }
  json["steps_left_out"] = boot.steps_left_out;
  return json;
}

std::optional<Boot> FromJson(const nlohmann::json& json) {
  if (!json.is_object() || !json.contains("id") || !json.contains("began")) return std::nullopt;
  const auto nanoseconds = [](double seconds) { return static_cast<std::int64_t>(seconds * 1e9); };
  Boot boot{.id = json["id"],
            .mac = MacAddress::Parse(json.value("mac", "")).value_or(MacAddress{}),
            .address = Ipv4Address::Parse(json.value("address", "")).value_or(Ipv4Address()),
            .words = json.value("words", ""),
            .tls = json.value("tls", ""),
            .bytes = json.value("bytes", std::uint64_t{0}),
            .began_unix_nanoseconds = nanoseconds(json["began"])};
  boot.last_unix_nanoseconds = boot.began() + nanoseconds(json.value("seconds", 0.0));
  const std::string outcome = json.value("outcome", "");
  boot.outcome = outcome == Name(BootOutcome::kComplete) ? BootOutcome::kComplete
                 : outcome == Name(BootOutcome::kFailed) ? BootOutcome::kFailed
                                                         : BootOutcome::kAbandoned;
  for (const auto& step : json.value("steps", nlohmann::json::array())) {
    const std::string kind = step.value("kind", "");
    const auto* const known =
        std::ranges::find(dataplane::kEventDescriptions, kind, &dataplane::EventDescription::name);
    if (known == std::end(dataplane::kEventDescriptions)) continue;
    boot.steps.push_back(
        {.unix_nanoseconds = boot.began() + nanoseconds(step.value("at", 0.0)),
         .kind = static_cast<dataplane::EventKind>(known - dataplane::kEventDescriptions),
         .number = step.value("number", std::int64_t{0}),
         .extra = step.value("extra", std::int64_t{0}),
         .connection = step.value("connection", std::uint64_t{0}),
         .text = step.value("text", "")});
  }
  return boot;
}

}  // namespace slipway::control
