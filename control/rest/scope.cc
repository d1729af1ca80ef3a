// SPDX-License-Identifier: Apache-2.0
#include "control/rest/scope.h"

#include <algorithm>

#include "control/rest/routes.h"
#include "control/serve/policy_builder.h"
#include "control/text.h"

namespace slipway::control {
namespace {

bool Fits(const Selector& selector, const Machine& machine) {
  return Means(selector, FactsOf(machine));
}

// Of MacAddress::value().
MacAddress MacOf(std::uint64_t value) {
  MacAddress mac;
  for (auto octet = mac.octets.rbegin(); octet != mac.octets.rend(); ++octet) {
    *octet = static_cast<std::uint8_t>(value & 0xff);
    value >>= 8;
  }
  return mac;
}

// The catalog's before the file's, as the dataplane has it; nullopt: neither has it.
absl::StatusOr<std::optional<Machine>> Known(Core& core, const std::optional<MacAddress>& mac,
                                             const std::optional<Uuid>& uuid) {
  auto machine = core.store().FindMachine(mac, uuid);
  if (!machine.ok() || *machine) return machine;
  const auto& of_file = core.config().machines;
  const auto found = std::ranges::find_if(of_file, [&](const MachineConfig& each) {
    return (mac && each.mac == mac) || (uuid && each.uuid == uuid);
  });
  if (found != of_file.end()) return FromConfig(*found);
  return std::optional<Machine>();
}

absl::StatusOr<bool> IsIn(const Selector& selector, Core& core, const MacAddress& mac) {
  auto machine = Known(core, mac, std::nullopt);
  if (!machine.ok()) return machine.status();
  if (*machine) return Fits(selector, **machine);
  const auto uuids = core.leases().Uuids();
  const auto uuid = uuids.find(mac.value());
  if (uuid == uuids.end()) return false;
  machine = Known(core, std::nullopt, uuid->second);
  if (!machine.ok()) return machine.status();
  return *machine && Fits(selector, **machine);
}

}  // namespace

bool MachineScope::Fits(const Machine& machine) const {
  const MachineFacts facts = FactsOf(machine);
  return std::ranges::all_of(selectors_,
                             [&](const Selector& selector) { return Means(selector, facts); });
}

void MachineScope::Add(const Machine& machine) {
  const bool is_in = Fits(machine);
  if (machine.mac) by_mac_.try_emplace(machine.mac->value(), is_in);
  if (machine.uuid) by_uuid_.try_emplace(*machine.uuid, is_in);
}

absl::StatusOr<MachineScope> MachineScope::Of(const Actor& actor, Core& core,
                                              const Selector& also) {
  MachineScope scope;
  if (!actor.scope.empty()) {
    auto selector = Selector::Parse(actor.scope);
    if (!selector.ok()) return selector.status();
    scope.selectors_.push_back(*std::move(selector));
  }
  if (!also.requirements().empty()) scope.selectors_.push_back(also);
  scope.is_all_ = scope.selectors_.empty();
  if (scope.is_all_) return scope;
  const auto machines = core.store().Machines();
  if (!machines.ok()) return machines.status();
  for (const auto& machine : *machines) scope.Add(*machine);
  for (const MachineConfig& each : core.config().machines) scope.Add(FromConfig(each));
  for (const auto& [mac, uuid] : core.leases().Uuids()) {
    const auto known = scope.by_uuid_.find(uuid);
    if (known != scope.by_uuid_.end()) scope.by_mac_.try_emplace(mac, known->second);
  }
  return scope;
}

bool MachineScope::TakesIn(const Machine& machine) const { return is_all_ || Fits(machine); }

bool MachineScope::TakesIn(const MacAddress& mac) const {
  if (is_all_) return true;
  const auto known = by_mac_.find(mac.value());
  return known != by_mac_.end() && known->second;
}

bool MachineScope::TakesIn(const Uuid& uuid) const {
  if (is_all_) return true;
  const auto known = by_uuid_.find(uuid);
  return known != by_uuid_.end() && known->second;
}

std::vector<MacAddress> MachineScope::Macs() const {
  std::vector<MacAddress> macs;
  for (const auto& [mac, is_in] : by_mac_) {
    if (is_in) macs.push_back(MacOf(mac));
  }
  return macs;
}

absl::StatusOr<bool> IsInScope(const Actor& actor, Core& core, const Machine& named) {
  if (actor.scope.empty()) return true;
  const auto selector = Selector::Parse(actor.scope);
  if (!selector.ok()) return selector.status();
  if (named.mac) {
    auto is_in = IsIn(*selector, core, *named.mac);
    if (!is_in.ok() || !*is_in) return is_in;
  }
  if (!named.uuid) return named.mac.has_value();
  const auto machine = Known(core, std::nullopt, named.uuid);
  if (!machine.ok()) return machine.status();
  return *machine && Fits(*selector, **machine);
}

bool MayRead(const httplib::Request& request, httplib::Response& response, Core& core,
             const Machine& named) {
  const Actor& actor = RequestActor(request);
  const auto is_in = IsInScope(actor, core, named);
  if (is_in.ok() && *is_in) return true;
  if (!is_in.ok()) {
    ReplyProblem(response, is_in.status());
    return false;
  }
  ReplyProblem(response, 403,
               Text(actor.name, " is for machines with ", actor.scope, "; ",
                    named.mac ? named.mac->ToString() : named.uuid->ToString(),
                    " is none of them: label it by 'slipway machine label', or use a token whose "
                    "scope takes it in"));
  return false;
}

bool MayRead(const httplib::Request& request, httplib::Response& response, Core& core,
             const MacAddress& mac) {
  Machine named;
  named.mac = mac;
  return MayRead(request, response, core, named);
}

}  // namespace slipway::control
