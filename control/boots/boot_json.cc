// SPDX-License-Identifier: Apache-2.0
#include "control/boots/boot_json.h"

namespace slipway::control {
namespace {

double Seconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e9; }

}  // namespace

nlohmann::json ToJson(const Boot& boot, BootDetail detail) {
  nlohmann::json json = {{"id", boot.id},
                         {"mac", boot.mac.ToString()},
                         {"address", boot.address.ToString()},
                         {"began", Seconds(boot.began())},
                         {"seconds", Seconds(boot.last() - boot.began())},
                         {"outcome", Name(boot.outcome)},
                         {"words", boot.words},
                         {"tls", boot.tls},
                         {"bytes", boot.bytes}};
  if (detail == BootDetail::kSummary) return json;
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

}  // namespace slipway::control
