// SPDX-License-Identifier: Apache-2.0
#include "control/templates/variables.h"

#include <utility>

#include "control/policy/decide.h"
#include "control/serve/policy_builder.h"
#include "control/text.h"
#include "protocols/http/machine_catalog.h"

namespace slipway::control {
namespace {

constexpr std::string_view kLabel = "label.";

std::optional<std::string> IfAny(std::string text) {
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

}  // namespace

std::string KeyOf(const Machine& machine) {
  return machine.mac ? machine.mac->ToString() : machine.uuid->ToString();
}

SiteVariables::SiteVariables(const VariableInputs& inputs)
    : inputs_(inputs), boot_(inputs.config, inputs.sets) {
  for (const Rule& rule : inputs.rules) {
    if (!rule.variables.empty()) rules_.push_back(&rule);
  }
  for (const NetworkConfig& network : inputs.config.networks) {
    for (const ReservationConfig& each : network.reservations) {
      if (each.mac)
        reservations_.emplace(each.mac->ToString(), Reservation{&network, each.address});
      if (each.uuid) {
        reservations_.emplace(each.uuid->ToString(), Reservation{&network, each.address});
      }
    }
  }
}

MachineVariables::MachineVariables(const SiteVariables& site, const Machine& machine)
    : site_(site), machine_(machine), facts_(FactsOf(machine)) {
  for (const Rule* rule : site.rules_) {
    if (rule->action == RuleAction::kHold && machine.approved) continue;
    if (Means(rule->selector, facts_)) rules_.push_back(rule);
  }
}

std::optional<std::string> MachineVariables::Find(const std::string& name) const {
  if (const auto own = machine_.variables.find(name); own != machine_.variables.end()) {
    return own->second;
  }
  for (const Rule* rule : rules_) {
    if (const auto its = rule->variables.find(name); its != rule->variables.end()) {
      return its->second;
    }
  }
  return Fact(name);
}

std::optional<std::string> MachineVariables::Fact(const std::string& name) const {
  if (name.starts_with(kLabel)) {
    const auto label = machine_.labels.find(name.substr(kLabel.size()));
    return label == machine_.labels.end() ? std::nullopt : std::optional(label->second);
  }
  if (name == "mac") return machine_.mac ? std::optional(machine_.mac->ToString()) : std::nullopt;
  if (name == "uuid")
    return machine_.uuid ? std::optional(machine_.uuid->ToString()) : std::nullopt;
  if (name == "name") return IfAny(machine_.name);
  if (name == "serial") return IfAny(machine_.serial);
  if (name == "machine.path") return Text(http::kMachinePrefix, KeyOf(machine_));
  if (name == "image" || name.starts_with("image.")) return ImageFact(name);
  if (name.starts_with("boot.")) return BootFact(name);
  if (name == "address" || name.starts_with("network.")) return NetworkFact(name);
  return std::nullopt;
}

const MachineVariables::Booted& MachineVariables::WhatItBoots() const {
  if (booted_) return *booted_;
  // Not emplace(): in here clang 14 takes Booted for not default constructible.
  Booted& booted = booted_.emplace(Booted{});
  // One that is held for a while keeps its documents.
  std::vector<Candidate> candidates;
  if (machine_.hold) {
    Machine released = machine_;
    released.hold = false;
    candidates = Candidates(site_.inputs_.rules, &released);
  } else {
    candidates = Candidates(site_.inputs_.rules, &machine_);
  }
  const ImageSetName* const common = CommonSet(site_.inputs_.config);
  ApplyRollouts(site_.inputs_.rollouts, &machine_, common, candidates);
  if (candidates.empty()) {
    if (common != nullptr) booted.name = *common;
  } else if (candidates.front().terms.empty()) {
    booted.name = candidates.front().image_set;
  }
  if (booted.name) booted.version = site_.boot_.FindSet(*booted.name);
  return booted;
}

std::optional<std::string> MachineVariables::ImageFact(const std::string& name) const {
  const Booted& booted = WhatItBoots();
  if (!booted.name) return std::nullopt;
  if (name == "image") return booted.name->ToString();
  if (booted.version == nullptr) return std::nullopt;
  if (name == "image.digest") return booted.version->digest;
  if (name == "image.path") return Text('/', VersionName(*booted.version));
  return std::nullopt;
}

std::optional<std::string> MachineVariables::BootFact(const std::string& name) const {
  const Config& config = site_.inputs_.config;
  std::string host;
  if (!config.boot_names.empty()) {
    host = config.boot_names.front();
  } else {
    const NetworkConfig* const network = Network();
    if (network == nullptr) return std::nullopt;
    host = ServerAddress(config, *network).ToString();
  }
  if (name == "boot.host") return host;
  if (name == "boot.https") return "https://" + host;
  if (name == "boot.http" && config.plain_http) return "http://" + host;
  return std::nullopt;
}

const SiteVariables::Reservation* MachineVariables::ReservationOf() const {
  if (site_.reservations_.empty()) return nullptr;
  auto found = site_.reservations_.end();
  if (machine_.mac) found = site_.reservations_.find(machine_.mac->ToString());
  if (found == site_.reservations_.end() && machine_.uuid) {
    found = site_.reservations_.find(machine_.uuid->ToString());
  }
  return found == site_.reservations_.end() ? nullptr : &found->second;
}

const NetworkConfig* MachineVariables::Network() const {
  const auto& networks = site_.inputs_.config.networks;
  if (networks.size() == 1) return networks.data();
  const auto* const reservation = ReservationOf();
  return reservation == nullptr ? nullptr : reservation->network;
}

std::optional<std::string> MachineVariables::NetworkFact(const std::string& name) const {
  if (name == "address") {
    const auto* const reservation = ReservationOf();
    return reservation == nullptr ? std::nullopt : std::optional(reservation->address.ToString());
  }
  const NetworkConfig* const network = Network();
  if (network == nullptr) return std::nullopt;
  if (name == "network.name") return network->name;
  if (name == "network.subnet") return network->subnet.ToString();
  if (name == "network.netmask") return network->subnet.mask().ToString();
  if (name == "network.domain") return IfAny(network->domain);
  if (name == "network.router") {
    const auto router = network->told_router();
    return router ? std::optional(router->ToString()) : std::nullopt;
  }
  if (name == "network.dns") {
    if (network->dns.empty()) return ServerAddress(site_.inputs_.config, *network).ToString();
    std::vector<std::string> servers;
    for (const Ipv4Address& each : network->dns) servers.push_back(each.ToString());
    return Join(servers, " ");
  }
  return std::nullopt;
}

std::string MachineVariables::Remedy(const std::string& name) const {
  const std::string key = KeyOf(machine_);
  if (name.starts_with(kLabel)) {
    return Text("slipway machine label ", key, ' ', name.substr(kLabel.size()), "=VALUE");
  }
  if (name == "name" || name == "serial" || name == "uuid") {
    return Text("slipway machine set ", key, " IMAGE|- --", name, " TEXT");
  }
  if (name == "image" || name.starts_with("image.")) {
    return "what it boots depends on its DHCP message, or is nothing: see slipway explain";
  }
  if (name == "address" || name.starts_with("network.") || name.starts_with("boot.")) {
    return Text("slipway network reserve NAME ADDRESS ", key,
                ", or in slipway.toml where the network stands there; or the network has no such "
                "value: slipway network show NAME");
  }
  return Text("slipway machine variable ", key, ' ', name, "=VALUE, or on a rule that means it");
}

}  // namespace slipway::control
