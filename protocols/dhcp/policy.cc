// SPDX-License-Identifier: Apache-2.0
#include "protocols/dhcp/policy.h"

#include <algorithm>

namespace slipway::dhcp {
namespace {

std::uint64_t Key(Attachment attachment) {
  return std::uint64_t{attachment.interface} << 16 | attachment.vlan.value();
}

const BootRule* Match(const std::vector<BootRule>& rules, const Client& client) {
  const auto architectures = client.architecture_list();
  const BootRule* any = nullptr;
  const BootRule* exact = nullptr;
  std::size_t best = architectures.size();  // the client's first choice wins
  for (const BootRule& rule : rules) {
    if (rule.kind != client.kind) continue;
    if (!rule.architecture) {
      if (any == nullptr) any = &rule;
      continue;
    }
    const auto at = std::ranges::find(architectures, *rule.architecture) - architectures.begin();
    if (static_cast<std::size_t>(at) >= best) continue;
    best = static_cast<std::size_t>(at);
    exact = &rule;
  }
  return exact != nullptr ? exact : any;
}

}  // namespace

std::size_t Policy::UuidHash::operator()(const Uuid& uuid) const {
  return std::hash<std::string_view>{}(AsText(uuid.octets));
}

Policy::Policy(PolicySettings settings) : settings_(std::move(settings)) {
  const auto& networks = settings_.networks;
  for (std::uint32_t i = 0; i < networks.size(); ++i) {
    by_prefix_.push_back(i);
    if (networks[i].attachment) by_attachment_.emplace(Key(*networks[i].attachment), i);
  }
  std::ranges::sort(by_prefix_, {}, [&](std::uint32_t i) { return networks[i].prefix.network(); });
  for (std::uint32_t i = 0; i < settings_.machines.size(); ++i) {
    const MachineSettings& machine = settings_.machines[i];
    if (machine.mac) by_mac_.emplace(machine.mac->value(), i);
    if (machine.uuid) by_uuid_.emplace(*machine.uuid, i);
    if (!machine.client_identifier.empty()) {
      by_client_identifier_.emplace(AsText(machine.client_identifier), i);
    }
    for (const Ipv4Address address : machine.addresses) by_address_.emplace(address.value(), i);
  }
}

const NetworkSettings* Policy::NetworkAt(Attachment attachment) const {
  const auto found = by_attachment_.find(Key(attachment));
  return found == by_attachment_.end() ? nullptr : &settings_.networks[found->second];
}

const NetworkSettings* Policy::NetworkOf(Ipv4Address address) const {
  const auto after = std::ranges::upper_bound(by_prefix_, address, {}, [&](std::uint32_t i) {
    return settings_.networks[i].prefix.network();
  });
  if (after == by_prefix_.begin()) return nullptr;
  const NetworkSettings& network = settings_.networks[*std::prev(after)];
  return network.prefix.Contains(address) ? &network : nullptr;
}

template <class Accept>
const MachineSettings* Policy::Find(const MachineKey& key, Accept&& accept) const {
  const auto accepted = [&](const auto& names, const auto& name) -> const MachineSettings* {
    const auto found = names.find(name);
    if (found == names.end()) return nullptr;
    const MachineSettings& machine = settings_.machines[found->second];
    return accept(machine) ? &machine : nullptr;
  };
  if (!key.client_identifier.empty()) {
    if (const auto* machine = accepted(by_client_identifier_, AsText(key.client_identifier))) {
      return machine;
    }
  }
  if (key.uuid.is_set()) {
    if (const auto* machine = accepted(by_uuid_, key.uuid)) return machine;
  }
  return accepted(by_mac_, key.mac.value());
}

const MachineSettings* Policy::FindMachine(const MachineKey& key) const {
  return Find(key, [](const MachineSettings&) { return true; });
}

const MachineSettings* Policy::FindDecider(const MachineKey& key) const {
  return Find(key, [](const MachineSettings& machine) { return !machine.reservation_only; });
}

Drop Policy::AdmitWithoutChoice(const NetworkSettings& network, const MachineSettings* machine,
                                const Client& client) {
  if (machine != nullptr) return machine->ignore ? Drop::kDhcpUnknownMachine : Drop::kNone;
  switch (network.unknown_machines) {
    case UnknownMachines::kServe:
      return Drop::kNone;
    case UnknownMachines::kIgnore:
      return Drop::kDhcpUnknownMachine;
    case UnknownMachines::kBootClientsOnly:
      return client.is_boot_client() ? Drop::kNone : Drop::kDhcpNotABootClient;
  }
  return Drop::kNone;
}

std::optional<Ipv4Address> Policy::ReservedAddress(const MachineSettings& machine,
                                                   const NetworkSettings& network) {
  for (const Ipv4Address address : machine.addresses) {
    if (network.prefix.Contains(address)) return address;
  }
  return std::nullopt;
}

const MachineSettings* Policy::ReservedFor(Ipv4Address address) const {
  const auto found = by_address_.find(address.value());
  return found == by_address_.end() ? nullptr : &settings_.machines[found->second];
}

const Choice* Policy::FindChoice(const MachineSettings* machine, const Facts& facts) const {
  const Choices* const choices =
      machine != nullptr ? machine->choices.get() : settings_.unknown.get();
  if (choices == nullptr) return nullptr;
  for (const Choice& choice : *choices) {
    if (Holds(choice.condition, facts)) return &choice;
  }
  return nullptr;
}

const BootRule* Policy::FindBootRule(const Choice& choice, const Client& client) {
  return choice.boot == nullptr ? nullptr : Match(*choice.boot, client);
}

const BootRule* Policy::FindBootRule(const MachineSettings* machine, const NetworkSettings& network,
                                     const Client& client) const {
  if (machine != nullptr) {
    if (const BootRule* rule = Match(machine->boot, client)) return rule;
  }
  if (const BootRule* rule = Match(network.boot, client)) return rule;
  return Match(settings_.boot, client);
}

bool Policy::SameAddressing(const Policy& other) const {
  return std::ranges::equal(
      networks(), other.networks(), [](const NetworkSettings& a, const NetworkSettings& b) {
        return a.prefix == b.prefix && a.pools == b.pools && a.mode == b.mode &&
               a.match_client_identifier == b.match_client_identifier;
      });
}

}  // namespace slipway::dhcp
