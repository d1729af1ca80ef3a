// SPDX-License-Identifier: Apache-2.0
#include "control/serve/policy_builder.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "control/serve/choice_builder.h"

namespace slipway::control {
namespace {

// Letters, digits and hyphens, in labels that begin and end without a hyphen (RFC 1123
// section 2.1); as long as option 12 may be. An operator's name for a machine may be any text.
bool IsHostName(std::string_view name) {
  constexpr std::size_t kNameMax = 63;
  if (name.size() > kNameMax) return false;
  char before = '.';
  for (const char c : name) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alphanumeric && (c == '-' ? before == '.' : c != '.' || before == '.' || before == '-')) {
      return false;
    }
    before = c;
  }
  return before != '.' && before != '-';
}

class Builder {
 public:
  Builder(const PolicyInputs& inputs, BootRules& boot)
      : inputs_(inputs), boot_(boot), choices_(inputs, boot) {}

  dhcp::PolicySettings Build() {
    dhcp::PolicySettings settings;
    for (const NetworkConfig& network : inputs_.config.networks) {
      settings.networks.push_back(BuildNetwork(network));
    }
    BuildMachines(settings);
    return settings;
  }

 private:
  std::optional<dhcp::Attachment> AttachmentOf(const NetworkConfig& network) const {
    for (std::size_t i = 0; i < inputs_.config.ports.size(); ++i) {
      for (const Ipv4Prefix& own : inputs_.config.ports[i].addresses) {
        if (network.subnet.Contains(own.address)) {
          return dhcp::Attachment{static_cast<std::uint16_t>(i), inputs_.config.ports[i].vlan};
        }
      }
    }
    return std::nullopt;
  }

  dhcp::NetworkSettings BuildNetwork(const NetworkConfig& network) const {
    dhcp::NetworkSettings settings;
    settings.name = network.name;
    settings.prefix = network.subnet;
    settings.attachment = AttachmentOf(network);
    settings.server_address = ServerAddress(inputs_.config, network);
    settings.mode = network.proxy_dhcp ? dhcp::ServiceMode::kProxy : dhcp::ServiceMode::kFull;
    switch (network.unknown_machines) {
      case UnknownMachines::kServe:
        settings.unknown_machines = dhcp::UnknownMachines::kServe;
        break;
      case UnknownMachines::kBootOnly:
        settings.unknown_machines = dhcp::UnknownMachines::kBootClientsOnly;
        break;
      case UnknownMachines::kIgnore:
        settings.unknown_machines = dhcp::UnknownMachines::kIgnore;
        break;
    }
    settings.authoritative = network.authoritative;
    settings.pools = network.pools;
    settings.gateway = network.told_router();
    settings.dns_servers = network.dns;
    if (network.dns.empty()) settings.dns_servers = {settings.server_address};
    settings.domain_name = network.domain;
    for (const RouteConfig& route : network.routes) {
      settings.routes.push_back({route.destination, route.via});
    }
    for (const OptionConfig& option : network.options) {
      settings.options.push_back(
          {.code = option.code, .value = {option.value.begin(), option.value.end()}});
    }
    settings.boot = boot_.Common(boot_.HostOf(settings.server_address));
    settings.lease_time = network.lease_time;
    settings.lease_time_min = std::min(settings.lease_time_min, network.lease_time);
    settings.lease_time_max = std::max(settings.lease_time_max, network.lease_time);
    return settings;
  }

  // Machines by the names that clients call themselves by.
  class Machines {
   public:
    explicit Machines(dhcp::PolicySettings& settings) : settings_(settings) {}

    // The one that has one of these names, or a new one.
    dhcp::MachineSettings& Find(const std::optional<MacAddress>& mac,
                                const std::optional<Uuid>& uuid, const std::string& client) {
      std::size_t at = settings_.machines.size();
      const auto look = [&at](const auto& places, const auto& name) {
        if (const auto known = places.find(name); known != places.end()) at = known->second;
      };
      if (mac) look(by_mac_, mac->value());
      if (uuid) look(by_uuid_, *uuid);
      if (!client.empty()) look(by_client_, client);
      if (at == settings_.machines.size()) settings_.machines.emplace_back();
      if (mac) by_mac_.emplace(mac->value(), at);
      if (uuid) by_uuid_.emplace(*uuid, at);
      if (!client.empty()) by_client_.emplace(client, at);
      dhcp::MachineSettings& machine = settings_.machines[at];
      if (!machine.mac) machine.mac = mac;
      if (!machine.uuid) machine.uuid = uuid;
      if (!client.empty()) machine.client_identifier.assign(client.begin(), client.end());
      return machine;
    }

   private:
    dhcp::PolicySettings& settings_;
    std::unordered_map<std::uint64_t, std::size_t> by_mac_;
    std::map<Uuid, std::size_t> by_uuid_;
    std::map<std::string, std::size_t> by_client_;
  };

  void BuildMachines(dhcp::PolicySettings& settings) {
    Machines machines(settings);
    const auto add = [&](const Machine& each) {
      dhcp::MachineSettings& machine = machines.Find(each.mac, each.uuid, "");
      if (!each.name.empty()) machine.name = each.name;
      machine.host_name = IsHostName(machine.name) ? machine.name : "";
      machine.choices = choices_.For(&each);
    };
    for (const MachineConfig& each : inputs_.config.machines) add(FromConfig(each));
    for (const auto& each : inputs_.machines) add(*each);
    settings.unknown = choices_.For(nullptr);
    const std::size_t known = settings.machines.size();
    for (const NetworkConfig& network : inputs_.config.networks) {
      for (const ReservationConfig& each : network.reservations) {
        machines.Find(each.mac, each.uuid, each.client_identifier)
            .addresses.push_back(each.address);
      }
    }
    for (std::size_t i = known; i < settings.machines.size(); ++i) {
      settings.machines[i].reservation_only = true;
    }
  }

  const PolicyInputs& inputs_;
  BootRules& boot_;
  ChoiceBuilder choices_;
};

}  // namespace

dhcp::PolicySettings BuildPolicy(const PolicyInputs& inputs, BootRules& boot) {
  return Builder(inputs, boot).Build();
}

Ipv4Address ServerAddress(const Config& config, const NetworkConfig& network) {
  for (const PortConfig& port : config.ports) {
    for (const Ipv4Prefix& own : port.addresses) {
      if (network.subnet.Contains(own.address)) return own.address;
    }
  }
  return config.ports.front().addresses.front().address;
}

Machine FromConfig(const MachineConfig& config) {
  Machine machine;
  machine.name = config.name;
  machine.mac = config.mac;
  machine.uuid = config.uuid;
  machine.image_set = config.image_set;
  return machine;
}

const MachineConfig* MachineOfFile(const Config& config, const std::optional<MacAddress>& mac,
                                   const std::optional<Uuid>& uuid) {
  const MachineConfig* by_mac = nullptr;
  for (const MachineConfig& each : config.machines) {
    if (uuid && each.uuid == uuid) return &each;
    if (mac && each.mac == mac && by_mac == nullptr) by_mac = &each;
  }
  return by_mac;
}

}  // namespace slipway::control
