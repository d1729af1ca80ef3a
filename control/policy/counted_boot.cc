// SPDX-License-Identifier: Apache-2.0
#include "control/policy/counted_boot.h"

#include <algorithm>
#include <string>

#include "control/policy/machine.h"

namespace slipway::control {
namespace {

// In the place of the last one of its MAC.
void PutLast(const CountedBoot& boot, std::vector<CountedBoot>& counted) {
  std::erase_if(
      counted, [&](const CountedBoot& each) { return each.mac == boot.mac || each.id == boot.id; });
  counted.push_back(boot);
  if (counted.size() > kCountedBootsMax) counted.erase(counted.begin());
}

}  // namespace

bool CountOnce(const CountedBoot& boot, Machine& machine) {
  std::uint32_t& count = boot.completed ? machine.completed : machine.failed;
  if (boot.id == 0) {
    ++count;
    return true;
  }
  std::vector<CountedBoot>& counted = machine.counted;
  const auto known = std::ranges::find(counted, boot.id, &CountedBoot::id);
  if (known != counted.end()) {
    const bool is_news = boot.completed != known->completed && (boot.completed || boot.is_refused);
    if (!is_news) return false;
    std::uint32_t& before = known->completed ? machine.completed : machine.failed;
    if (before != 0) --before;  // 0: the plan was begun anew since
  } else if (!boot.completed &&
             std::ranges::find(counted, boot.id, &CountedBoot::next) != counted.end()) {
    return false;
  }
  ++count;
  PutLast(boot, counted);
  return true;
}

nlohmann::json ToJson(const std::vector<CountedBoot>& all) {
  nlohmann::json json = nlohmann::json::array();
  for (const CountedBoot& each : all) {
    json.push_back({{"mac", each.mac.ToString()},
                    {"boot", each.id},
                    {"completed", each.completed},
                    {"next", each.next}});
  }
  return json;
}

std::vector<CountedBoot> ParseCountedBoots(const nlohmann::json& json) {
  std::vector<CountedBoot> all;
  if (!json.is_array()) return all;
  for (const auto& each : json) {
    if (!each.is_object()) continue;
    const auto number = [&](const char* member) {
      const auto found = each.find(member);
      return found != each.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
    };
    CountedBoot boot{.id = number("boot"), .next = number("next")};
    if (boot.id == 0) continue;
    const nlohmann::json completed = each.value("completed", nlohmann::json());
    boot.completed = completed.is_boolean() && completed.get<bool>();
    const nlohmann::json mac = each.value("mac", nlohmann::json());
    if (mac.is_string()) {
      boot.mac = MacAddress::Parse(mac.get_ref<const std::string&>()).value_or(MacAddress{});
    }
    all.push_back(boot);
  }
  return all;
}

}  // namespace slipway::control
