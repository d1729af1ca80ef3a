// SPDX-License-Identifier: Apache-2.0
//
// Policy::Mistakes: everything an operator may have got wrong, each with where, what and the rule.
#include <algorithm>
#include <set>
#include <unordered_set>

#include "protocols/dhcp/lease.h"
#include "protocols/dhcp/policy.h"
#include "protocols/wire/dhcp.h"

namespace slipway::dhcp {
namespace {

// The longest value that fits a reply beside everything else a boot client must be told.
constexpr std::size_t kUriMax = 900;
// UEFI firmware takes an option's first piece for the whole (no RFC 3396), and wants room for a
// NUL.
constexpr std::size_t kFirmwareUriMax = 254;
constexpr std::size_t kPoolsMax = 32;

class Inspector {
 public:
  explicit Inspector(const PolicySettings& settings) : settings_(settings) {}

  std::vector<std::string> Run() {
    if (settings_.networks.size() > Policy::kNetworksMax) {
      Say("dhcp", "more than " + std::to_string(Policy::kNetworksMax) + " networks");
    }
    for (const NetworkSettings& network : settings_.networks) {
      Network("network \"" + network.name + "\"", network);
    }
    Overlaps();
    for (const MachineSettings& machine : settings_.machines) {
      Machine("machine \"" + machine.name + "\"", machine);
    }
    Boot("boot", settings_.boot);
    Decisions("unknown machines", settings_.unknown.get());
    return std::move(mistakes_);
  }

 private:
  void Say(const std::string& where, const std::string& what) {
    mistakes_.push_back(where + ": " + what);
  }

  void Network(const std::string& where, const NetworkSettings& network) {
    if (!network.server_address.is_answerable()) {
      Say(where, "server address " + network.server_address.ToString() + " is not a host's");
    }
    // A proxy needs no address in the foreign network's prefix, a relayed network has none of ours.
    if (network.server_address.is_answerable() && network.attachment &&
        network.mode == ServiceMode::kFull && !network.prefix.Contains(network.server_address)) {
      Say(where, "server address " + network.server_address.ToString() + " is outside " +
                     network.prefix.ToString());
    }
    if (network.attachment && !attachments_.insert(*network.attachment).second) {
      Say(where, "another network is attached to the same interface and VLAN");
    }
    if (network.gateway && !network.prefix.Contains(*network.gateway)) {
      Say(where,
          "gateway " + network.gateway->ToString() + " is outside " + network.prefix.ToString());
    }
    if (network.mode == ServiceMode::kProxy && !network.pools.empty()) {
      Say(where, "a proxy network gives no addresses and takes no pools");
    }
    if (network.pools.size() > kPoolsMax) Say(where, "more than 32 pools");
    if (network.dns_servers.size() > 8) Say(where, "more than 8 DNS servers");
    if (network.routes.size() > 24) Say(where, "more than 24 classless routes");
    if (network.domain_name.size() > 253) Say(where, "the domain name exceeds 253 characters");
    if (network.mtu && *network.mtu < 576) Say(where, "an MTU below 576");
    Times(where, network);
    Pools(where, network);
    for (const RawOption& option : network.options) Raw(where, option);
    Boot(where, network.boot);
    Names(where, network);
  }

  // A URI with a name is of no use to a client that is told no DNS server.
  void Names(const std::string& where, const NetworkSettings& network) {
    if (network.mode == ServiceMode::kProxy || !network.dns_servers.empty()) return;
    for (const auto* rules : {&network.boot, &settings_.boot}) {
      for (const BootRule& rule : *rules) {
        const std::size_t slashes = rule.uri.find("://");
        if (slashes == std::string::npos) continue;
        const std::string host =
            rule.uri.substr(slashes + 3, rule.uri.find_first_of(":/", slashes + 3) - slashes - 3);
        if (!Ipv4Address::Parse(host) && !host.starts_with('[')) {
          Say(where, "\"" + rule.uri + "\" has a name and the network has no DNS server");
        }
      }
    }
  }

  void Times(const std::string& where, const NetworkSettings& network) {
    const auto day = std::chrono::hours(24);
    if (network.lease_time_min.count() < 1 || network.lease_time_min > network.lease_time ||
        network.lease_time > network.lease_time_max || network.lease_time_max > day * 3650) {
      Say(where, "lease times must be 1 s <= min <= default <= max <= 10 years");
    }
    if (network.offer_time < std::chrono::seconds(5) || network.offer_time > day) {
      Say(where, "the offer time must be 5 s to 1 day");
    }
    if (network.quarantine_time < std::chrono::seconds(1) || network.quarantine_time > day * 30) {
      Say(where, "the quarantine time must be 1 s to 30 days");
    }
  }

  void Pools(const std::string& where, const NetworkSettings& network) {
    std::vector<AddressRange> pools = network.pools;
    std::ranges::sort(pools, {}, &AddressRange::first);
    for (std::size_t i = 0; i < pools.size(); ++i) {
      const std::string text = pools[i].first.ToString() + "-" + pools[i].last.ToString();
      if (pools[i].last < pools[i].first) Say(where, "pool " + text + " ends before it begins");
      if (!network.prefix.Contains(pools[i].first) || !network.prefix.Contains(pools[i].last)) {
        Say(where, "pool " + text + " leaves " + network.prefix.ToString());
      }
      if (i > 0 && pools[i].first <= pools[i - 1].last) {
        Say(where, "pool " + text + " overlaps the one before it");
      }
    }
  }

  void Raw(const std::string& where, const RawOption& option) {
    constexpr std::uint8_t kOurs[] = {0, 1, 50, 51, 52, 53, 54, 55, 57, 58, 59, 61, 67, 82, 255};
    if (std::ranges::find(kOurs, option.code) != std::end(kOurs)) {
      Say(where, "option " + std::to_string(option.code) + " is the server's own");
    }
    if (option.value.size() > 512) {
      Say(where, "option " + std::to_string(option.code) + " exceeds 512 bytes");
    }
  }

  void Overlaps() {
    std::vector<const NetworkSettings*> sorted;
    for (const NetworkSettings& network : settings_.networks) sorted.push_back(&network);
    std::ranges::sort(sorted, {}, [](const auto* n) { return n->prefix.network(); });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i - 1]->prefix.Contains(sorted[i]->prefix.network())) {
        Say("network \"" + sorted[i]->name + "\"",
            sorted[i]->prefix.ToString() + " overlaps network \"" + sorted[i - 1]->name + "\"");
      }
    }
  }

  void Machine(const std::string& where, const MachineSettings& machine) {
    if (!machine.mac && !machine.uuid && machine.client_identifier.empty()) {
      Say(where, "has neither MAC address, UUID nor client identifier");
    }
    if (machine.mac && !machine.mac->is_station()) Say(where, "the MAC address is no station's");
    if (machine.mac && !macs_.insert(machine.mac->value()).second) {
      Say(where, machine.mac->ToString() + " is another machine's too");
    }
    if (machine.uuid && !machine.uuid->is_set()) Say(where, "the UUID is all zeros or all ones");
    if (machine.uuid && !uuids_.insert(*machine.uuid).second) {
      Say(where, machine.uuid->ToString() + " is another machine's too");
    }
    if (machine.client_identifier.size() > kClientIdentifierMax) {
      Say(where, "the client identifier exceeds 64 bytes");
    }
    if (!machine.client_identifier.empty() &&
        !identifiers_.insert(machine.client_identifier).second) {
      Say(where, "the client identifier is another machine's too");
    }
    if (machine.host_name.size() > 63) Say(where, "the host name exceeds 63 characters");
    Reservations(where, machine);
    Boot(where, machine.boot);
    Decisions(where, machine.choices.get());
  }

  // Lists are shared by machines: each is judged once.
  void Decisions(const std::string& where, const Choices* choices) {
    if (choices == nullptr || !choices_.insert(choices).second) return;
    for (const Choice& choice : *choices) {
      const std::string rule = where + ": rule \"" + choice.name + "\"";
      for (const RawOption& option : choice.options) Raw(rule, option);
      if (choice.boot != nullptr && lists_.insert(choice.boot.get()).second) {
        Boot(rule, *choice.boot);
      }
    }
  }

  void Reservations(const std::string& where, const MachineSettings& machine) {
    std::set<const NetworkSettings*> networks;
    for (const Ipv4Address address : machine.addresses) {
      const std::string text = address.ToString();
      if (!reserved_.insert(address).second) Say(where, text + " is reserved twice");
      const auto home = std::ranges::find_if(settings_.networks, [&](const auto& network) {
        return network.mode == ServiceMode::kFull && network.prefix.Contains(address);
      });
      if (home == settings_.networks.end()) {
        Say(where, text + " is in no network that is served fully");
        continue;
      }
      if (address == home->server_address || address == home->gateway ||
          (home->prefix.length < 31 &&
           (address == home->prefix.network() || address == home->prefix.broadcast()))) {
        Say(where, text + " is the network's own");
      }
      if (!networks.insert(&*home).second) {
        Say(where, text + " is the second address in network \"" + home->name + "\"");
      }
    }
  }

  void Boot(const std::string& where, const std::vector<BootRule>& rules) {
    for (const BootRule& rule : rules) {
      const std::string what = std::string(Name(rule.kind)) + " boot rule";
      if (rule.kind == ClientKind::kPlain) Say(where, "plain clients boot nothing");
      if (rule.uri.empty()) Say(where, what + " without a URI or file name");
      const std::size_t most = rule.kind == ClientKind::kHttp ? kFirmwareUriMax : kUriMax;
      if (rule.uri.size() > most) {
        Say(where, what + ": more than " + std::to_string(most) + " characters");
      }
      if (std::ranges::any_of(rule.uri, [](char c) { return c <= ' ' || c > '~'; })) {
        Say(where, what + " \"" + rule.uri + "\" holds a character that is not printable ASCII");
      }
      const bool is_uri = rule.uri.starts_with("https://") || rule.uri.starts_with("http://");
      if (rule.kind == ClientKind::kHttp && !rule.uri.empty() && !is_uri) {
        Say(where, what + " \"" + rule.uri + "\" is neither http:// nor https://");
      }
    }
  }

  const PolicySettings& settings_;
  std::vector<std::string> mistakes_;
  std::set<Attachment> attachments_;
  std::unordered_set<std::uint64_t> macs_;  // as many as there are machines
  std::set<Uuid> uuids_;
  std::set<std::vector<std::uint8_t>> identifiers_;
  std::set<Ipv4Address> reserved_;
  std::set<const Choices*> choices_;
  std::set<const std::vector<BootRule>*> lists_;
};

}  // namespace

std::vector<std::string> Policy::Mistakes(const PolicySettings& settings) {
  return Inspector(settings).Run();
}

}  // namespace slipway::dhcp
