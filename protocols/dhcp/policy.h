// SPDX-License-Identifier: Apache-2.0
//
// Policy: what the DHCP server may give to whom. An immutable value the control plane builds (with
// heap, off the packet path) and publishes in a snapshot; lookups by machine are hashed and take
// no heap.
//
// Build: fill a PolicySettings, ask Mistakes() for everything wrong with it at once, and only then
// construct the Policy. Networks must not overlap: an address names its network.
// What becomes of a client is decided by the first choice whose condition holds, of its machine's
// or, for a machine nobody knows, of those for the unknown; where none does, by the rest of the
// policy: a boot rule is looked for in the machine's rules, then the network's, then the common
// ones; in each, the exact architecture before "any".
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "protocols/base/drop.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/strong.h"
#include "protocols/base/uuid.h"
#include "protocols/dhcp/client.h"
#include "protocols/dhcp/condition.h"

namespace slipway::dhcp {

// Where a network touches us: a port of the dataplane and the VLAN on it (0: untagged).
struct Attachment {
  std::uint16_t interface = 0;
  VlanId vlan;
  friend auto operator<=>(const Attachment&, const Attachment&) = default;
};

struct AddressRange {
  Ipv4Address first;
  Ipv4Address last;  // inclusive
  constexpr bool Contains(Ipv4Address a) const { return first <= a && a <= last; }
  constexpr std::uint64_t size() const { return std::uint64_t{last.value()} - first.value() + 1; }
  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

// RFC 3442. A gateway of 0.0.0.0 means on-link.
struct ClasslessRoute {
  Ipv4Prefix destination;
  Ipv4Address gateway;
};

// Any other option: sent when the client asks for it, or always.
struct RawOption {
  std::uint8_t code = 0;
  std::vector<std::uint8_t> value;
  bool always = false;
};

// What a kind of client of an architecture boots.
struct BootRule {
  ClientKind kind = ClientKind::kHttp;
  std::optional<std::uint16_t> architecture;  // option 93; nullopt: any
  // kHttp, kIpxe, kPlain: an http(s) URI. kPxe: a file name on next_server.
  std::string uri;
  Ipv4Address next_server;  // 0.0.0.0: the network's server address
};

enum class Disposition : std::uint8_t {
  kBoot,    // what Choice::boot says
  kIgnore,  // never answered
  kHold,    // a boot client is not answered until an operator has decided
  kLocal,   // a boot client is not answered, so that firmware goes on to its next boot option
};

struct Choice {
  std::string name;             // of the rule it comes from
  std::vector<Term> condition;  // empty: always
  Disposition disposition = Disposition::kBoot;
  // Told no router, no routes and no DNS server but ourselves: it reaches this appliance only.
  bool quarantine = false;
  std::shared_ptr<const std::vector<BootRule>> boot;  // null: as if no choice had been made
  std::vector<RawOption> options;                     // before the network's of the same code
};
using Choices = std::vector<Choice>;

enum class ServiceMode : std::uint8_t {
  kFull,   // addresses and boot offers
  kProxy,  // boot offers beside somebody else's DHCP server (PXE 2.1, 2.2.3)
};

enum class UnknownMachines : std::uint8_t {
  kServe,
  kBootClientsOnly,  // PXE, HTTP and iPXE clients only
  kIgnore,
};

struct NetworkSettings {
  std::string name;
  Ipv4Prefix prefix;
  std::optional<Attachment> attachment;  // nullopt: reached through relays only
  Ipv4Address server_address;            // ours, as these clients see it: option 54, siaddr
  ServiceMode mode = ServiceMode::kFull;
  UnknownMachines unknown_machines = UnknownMachines::kServe;
  // NAK what we have no record of. False beside another full DHCP server on the same wire.
  bool authoritative = true;
  // Leases belong to option 61 where a client sends one (RFC 2131 4.2). False: to the MAC alone, so
  // that firmware, loader and OS of one machine share one address.
  bool match_client_identifier = true;
  // Answer PXE and HTTP clients that no boot rule fits with a plain lease.
  bool lease_without_boot_rule = false;

  std::vector<AddressRange> pools;
  std::optional<Ipv4Address> gateway;
  std::vector<Ipv4Address> dns_servers;
  std::string domain_name;
  std::optional<std::uint16_t> mtu;
  std::vector<ClasslessRoute> routes;
  std::vector<RawOption> options;
  std::vector<BootRule> boot;

  std::chrono::seconds lease_time{std::chrono::hours(1)};
  std::chrono::seconds lease_time_min{60};
  std::chrono::seconds lease_time_max{std::chrono::hours(24)};
  std::chrono::seconds offer_time{60};  // how long an OFFER keeps the address
  std::chrono::seconds quarantine_time{std::chrono::hours(1)};  // after DECLINE or a probe's answer
};

// A machine we know, by any of three names. Reservations and boot overrides.
struct MachineSettings {
  std::string name;
  std::optional<MacAddress> mac;
  std::optional<Uuid> uuid;
  std::vector<std::uint8_t> client_identifier;  // option 61 as sent; empty: none
  std::vector<Ipv4Address> addresses;           // reserved, at most one in each network
  std::string host_name;                        // option 12
  bool ignore = false;                          // never answered
  bool reservation_only = false;                // nothing but `addresses` is said of it
  std::vector<BootRule> boot;
  std::shared_ptr<const Choices> choices;  // null: none
};

struct PolicySettings {
  std::vector<NetworkSettings> networks;
  std::vector<MachineSettings> machines;
  std::vector<BootRule> boot;
  std::shared_ptr<const Choices> unknown;  // for machines nobody knows; null: none
};

// How a client names itself; the keys a machine is looked up by.
struct MachineKey {
  MacAddress mac;
  Uuid uuid;                // !is_set(): none
  Bytes client_identifier;  // empty: none
};

class Policy {
 public:
  static constexpr std::size_t kNetworksMax = 256;

  // Everything wrong with the settings, each as a sentence; empty when they may be used.
  static std::vector<std::string> Mistakes(const PolicySettings& settings);

  Policy() = default;
  // Mistakes(settings) must be empty.
  explicit Policy(PolicySettings settings);
  // Lookups point into the settings.
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  const std::vector<NetworkSettings>& networks() const { return settings_.networks; }
  const NetworkSettings* NetworkAt(Attachment attachment) const;
  const NetworkSettings* NetworkOf(Ipv4Address address) const;
  // Client identifier before UUID before MAC.
  const MachineSettings* FindMachine(const MachineKey& key) const;
  // The address reserved for the machine in the network.
  static std::optional<Ipv4Address> ReservedAddress(const MachineSettings& machine,
                                                    const NetworkSettings& network);
  // The machine an address is reserved for.
  const MachineSettings* ReservedFor(Ipv4Address address) const;
  // The machine whose choices decide: in the same order, but for those of whom there is only a
  // reservation, which say nothing of what is booted. Null: the choices for the unknown.
  const MachineSettings* FindDecider(const MachineKey& key) const;
  // The first choice that holds; `machine` may be null. Null when none does.
  const Choice* FindChoice(const MachineSettings* machine, const Facts& facts) const;
  // What the network says of a client of whom no choice says anything; kNone: it is served.
  static Drop AdmitWithoutChoice(const NetworkSettings& network, const MachineSettings* machine,
                                 const Client& client);
  // `machine` may be null. Null when nothing is to be booted.
  const BootRule* FindBootRule(const MachineSettings* machine, const NetworkSettings& network,
                               const Client& client) const;
  // The choice's own, where it has any.
  static const BootRule* FindBootRule(const Choice& choice, const Client& client);
  // The same prefixes, modes and pools in the same order.
  bool SameAddressing(const Policy& other) const;

 private:
  struct UuidHash {
    std::size_t operator()(const Uuid& uuid) const;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  // The first that is accepted: client identifier before UUID before MAC.
  template <class Accept>
  const MachineSettings* Find(const MachineKey& key, Accept&& accept) const;

  PolicySettings settings_;
  std::vector<std::uint32_t> by_prefix_;  // networks by their first address
  std::unordered_map<std::uint64_t, std::uint32_t> by_attachment_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_mac_;
  std::unordered_map<Uuid, std::uint32_t, UuidHash> by_uuid_;
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> by_client_identifier_;
  std::unordered_map<std::uint32_t, std::uint32_t> by_address_;
};

}  // namespace slipway::dhcp
