// SPDX-License-Identifier: Apache-2.0
//
// GET /held: machines that asked to boot and that a rule holds until they are approved, the one
// that began to wait last first, so that pages stay what they are while machines ask; ?since= (Unix
// seconds) instead of the last day. One that was approved, was answered since, or that the rules do
// not hold any more, is not among them, however lately it asked.
#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "control/rest/routes.h"
#include "control/rest/scope.h"
#include "control/serve/policy_builder.h"
#include "control/templates/variables.h"
#include "control/text.h"

namespace slipway::control {
namespace {

constexpr std::int64_t kDefaultSeconds = 86'400;

// Machines by what they are called, the catalog's before the configuration file's.
class KnownMachines {
 public:
  KnownMachines(const MachineList& machines, const Config& config) : config_(config) {
    for (const auto& machine : machines) {
      if (machine->mac) by_mac_.emplace(machine->mac->value(), machine.get());
      if (machine->uuid) by_uuid_.emplace(*machine->uuid, machine.get());
    }
  }
  // Nullptr where nobody entered it; until the next call.
  const Machine* Find(const HeldMachine& held) {
    const auto by_uuid = by_uuid_.find(held.uuid);
    if (held.uuid.is_set() && by_uuid != by_uuid_.end()) return by_uuid->second;
    const auto by_mac = by_mac_.find(held.mac.value());
    if (by_mac != by_mac_.end()) return by_mac->second;
    const auto uuid = held.uuid.is_set() ? std::optional(held.uuid) : std::nullopt;
    const MachineConfig* const file = MachineOfFile(config_, held.mac, uuid);
    if (file == nullptr) return nullptr;
    of_file_ = FromConfig(*file);
    return &of_file_;
  }

 private:
  const Config& config_;
  std::unordered_map<std::uint64_t, const Machine*> by_mac_;
  std::map<Uuid, const Machine*> by_uuid_;
  Machine of_file_;
};

// Nullopt, and 400 replied, where ?since= is none.
std::optional<std::int64_t> SinceOf(const httplib::Request& request, httplib::Response& response) {
  if (!request.has_param("since")) return std::time(nullptr) - kDefaultSeconds;
  const std::string text = request.get_param_value("since");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size() && seconds >= 0) return seconds;
  ReplyProblem(response, 400, Text("since=", text, ": write a time in Unix seconds"));
  return std::nullopt;
}

void ListHeld(const httplib::Request& request, httplib::Response& response, Core& core) {
  const auto since = SinceOf(request, response);
  if (!since) return;
  const auto machines = core.store().Machines();
  if (!machines.ok()) return ReplyProblem(response, machines.status());
  const auto rules = core.Rules();
  if (!rules.ok()) return ReplyProblem(response, rules.status());
  const auto scope = MachineScope::Of(RequestActor(request), core);
  if (!scope.ok()) return ReplyProblem(response, scope.status());
  KnownMachines known(*machines, core.config());
  const auto config = core.served();
  std::vector<HeldMachine> all = core.held().All();
  std::ranges::sort(all, [](const HeldMachine& a, const HeldMachine& b) {
    return std::tuple(b.first_unix_nanoseconds, a.mac.value()) <
           std::tuple(a.first_unix_nanoseconds, b.mac.value());
  });
  // Of those that nobody entered, one answer for each rule: a flood of them is many.
  std::map<std::string, bool> is_held_by;
  const auto is_held = [&](const HeldMachine& held, const Machine* machine) {
    if (machine != nullptr) return IsHeldByRule(held, *rules, machine);
    const auto found = is_held_by.find(held.rule);
    if (found != is_held_by.end()) return found->second;
    return is_held_by.emplace(held.rule, IsHeldByRule(held, *rules, nullptr)).first->second;
  };
  std::vector<std::size_t> told;  // places in `all`
  for (std::size_t i = 0; i < all.size(); ++i) {
    const HeldMachine& held = all[i];
    if (held.last_unix_nanoseconds / 1'000'000'000 < *since) continue;
    const Machine* const machine = known.Find(held);
    // Whom nobody entered is in no scope.
    const bool is_told = machine == nullptr ? scope->TakesIn(held.mac) : scope->TakesIn(*machine);
    if (is_told && is_held(held, machine)) told.push_back(i);
  }
  // Made of those that the page has alone: a flood of them is asked for again and again.
  ReplyPage(request, response,
            {.size = told.size(),
             .key = [&](std::size_t place) { return all[told[place]].mac.ToString(); },
             .item =
                 [&](std::size_t place) {
                   const HeldMachine& held = all[told[place]];
                   const Machine* const machine = known.Find(held);
                   nlohmann::json item = ToJson(held, *config);
                   item["machine"] = machine == nullptr ? held.mac.ToString() : KeyOf(*machine);
                   item["known"] = machine != nullptr;
                   item["name"] = machine == nullptr ? "" : machine->name;
                   return item;
                 }});
}

}  // namespace

void AddHeld(Router& router, Core& core) {
  router.Get("/api/v1/held", [&core](const httplib::Request& request, httplib::Response& response) {
    ListHeld(request, response, core);
  });
}

}  // namespace slipway::control
