// SPDX-License-Identifier: Apache-2.0
#include "control/policy/seen_firmware.h"

#include <algorithm>
#include <string>

namespace slipway::control {
namespace {

void Take(const std::string& seen, std::string& known) {
  if (!seen.empty()) known = seen;
}

}  // namespace

bool Remember(const BootFirmware& seen, std::int64_t now_unix_seconds,
              std::vector<SeenFirmware>& known) {
  const auto same = std::ranges::find(known, seen.client, [](const SeenFirmware& each) {
    return std::string_view(each.firmware.client);
  });
  if (same == known.end()) {
    known.push_back({seen, now_unix_seconds});
    std::ranges::sort(known, {}, [](const SeenFirmware& each) { return each.firmware.client; });
    return true;
  }
  BootFirmware after = same->firmware;
  Take(seen.dhcp, after.dhcp);
  Take(seen.tcp, after.tcp);
  Take(seen.tls, after.tls);
  if (after == same->firmware) return false;
  *same = {std::move(after), now_unix_seconds};
  return true;
}

nlohmann::json ToJson(const SeenFirmware& seen) {
  return {{"client", seen.firmware.client},
          {"dhcp", seen.firmware.dhcp},
          {"tcp", seen.firmware.tcp},
          {"tls", seen.firmware.tls},
          {"since", seen.since_unix_seconds}};
}

nlohmann::json ToJson(const std::vector<SeenFirmware>& all) {
  nlohmann::json json = nlohmann::json::array();
  for (const SeenFirmware& each : all) json.push_back(ToJson(each));
  return json;
}

std::vector<SeenFirmware> ParseSeenFirmware(const nlohmann::json& json) {
  std::vector<SeenFirmware> all;
  if (!json.is_array()) return all;
  for (const auto& each : json) {
    if (!each.is_object()) continue;
    const auto text = [&](const char* member) {
      const auto found = each.find(member);
      return found != each.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const nlohmann::json since = each.value("since", nlohmann::json());
    SeenFirmware seen{.firmware = {.client = text("client"),
                                   .dhcp = text("dhcp"),
                                   .tcp = text("tcp"),
                                   .tls = text("tls")}};
    if (seen.firmware.client.empty()) continue;
    if (since.is_number_integer()) seen.since_unix_seconds = since;
    all.push_back(std::move(seen));
  }
  return all;
}

}  // namespace slipway::control
