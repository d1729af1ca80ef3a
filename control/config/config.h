// SPDX-License-Identifier: Apache-2.0
//
// Config: what the operator wrote in slipway.toml, checked as a whole.
//
// LoadConfig reads everything, reports every mistake at once and gives a Config only when there is
// none: whoever holds one need not check again. Reading starts nothing and writes nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/document.h"
#include "control/config/value.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/strong.h"

namespace slipway::control {

struct PortConfig {
  std::string device;
  std::vector<Ipv4Prefix> addresses;
  std::optional<Ipv4Address> gateway;
  VlanId vlan;
  std::uint16_t mtu = 1500;  // bytes
};

struct ReservationConfig {
  std::optional<MacAddress> mac;
  std::optional<Uuid> uuid;
  std::string client_identifier;  // octets; empty: none
  Ipv4Address address;
};

struct RouteConfig {
  Ipv4Prefix destination;
  Ipv4Address via;
};

struct OptionConfig {
  std::uint8_t code = 0;
  std::string value;  // octets
};

enum class UnknownMachines : std::uint8_t { kServe, kBootOnly, kIgnore };

struct NetworkConfig {
  std::string name;
  Ipv4Prefix subnet;
  std::vector<AddressRange> pools;
  std::optional<Ipv4Address> router;            // its own
  std::optional<Ipv4Address> inherited_router;  // its port's gateway, where it names none
  std::chrono::seconds lease_time{3600};
  std::vector<Ipv4Address> dns;
  std::string domain;
  bool proxy_dhcp = false;
  bool relayed = false;
  bool authoritative = true;
  UnknownMachines unknown_machines = UnknownMachines::kServe;
  std::vector<ReservationConfig> reservations;
  std::vector<RouteConfig> routes;
  std::vector<OptionConfig> options;

  // What clients are told.
  std::optional<Ipv4Address> told_router() const { return router ? router : inherited_router; }
};

enum class OverriddenClient : std::uint8_t { kAny, kHttp, kIpxe };

struct ArchitectureOverride {
  std::uint16_t architecture = 0;  // DHCP option 93, HTTP boot's codes
  OverriddenClient client = OverriddenClient::kAny;
  ImageSetName image_set;
};

struct PxeConfig {
  std::string architecture;  // as the configuration names it
  Ipv4Address server;
  std::string file;
};

struct MachineConfig {
  std::string name;
  std::optional<MacAddress> mac;
  std::optional<Uuid> uuid;
  ImageSetName image_set;
};

// Who comes with a certificate.
struct ManagementClient {
  std::string name;   // subject's common name, or one of subjectAltName
  std::string role;   // "viewer", "operator" or "admin"
  std::string scope;  // a selector (policy/access_scope.h); empty: all machines
};

enum class TlsPolicy : std::uint8_t { kFirmware, kModern };

struct CertificateConfig {
  std::filesystem::path chain;
  std::filesystem::path key;
};

struct AdmissionConfig {
  bool enabled = true;
  std::uint32_t machines_at_once = 0;  // per worker; 0: as measured
};

enum class SecureBootPolicy : std::uint8_t { kWarn, kRefuse };

// What the machines' firmware trusts, and what becomes of an image set that it would refuse.
struct SecureBootConfig {
  SecureBootPolicy policy = SecureBootPolicy::kWarn;
  std::vector<std::filesystem::path> db;   // empty: OVMF's, where it is installed
  std::vector<std::filesystem::path> dbx;  // empty: that of db's files which are variable stores
  std::optional<std::filesystem::path> sbat_level;
};

struct LimitsConfig {
  std::uint32_t connections = 0;      // per worker
  std::uint32_t handshakes = 0;       // per worker
  std::uint32_t handshake_share = 0;  // percent of a core, while others wait
  std::uint32_t frames = 0;           // per worker
  std::uint32_t leases = 0;
  std::uint32_t machines = 0;
  std::uint32_t boots_per_machine = 0;
  std::chrono::seconds boots_kept{0};
  std::uint32_t steps_per_boot = 0;
};

struct Config {
  std::filesystem::path state_directory;
  Endpoint management;
  std::vector<std::string> management_names;
  std::uint32_t management_requests_per_second = 0;  // of one token or address; 0: any number
  std::optional<std::filesystem::path> management_client_ca;
  std::vector<ManagementClient> management_clients;
  std::vector<CertificateConfig> management_certificates;  // empty: our own CA signs

  std::vector<unsigned> cores;
  bool hugepages = false;
  std::uint64_t memory = 0;  // bytes, without images
  std::chrono::microseconds idle_sleep{0};
  std::chrono::milliseconds probe_time{500};
  std::uint32_t trace = 0;  // one of so many frames is printed; 0: none
  std::vector<PortConfig> ports;

  std::vector<NetworkConfig> networks;

  std::vector<std::string> boot_names;
  std::optional<ImageSetName> boot_image_set;
  std::vector<ArchitectureOverride> boot_overrides;
  std::vector<PxeConfig> boot_pxe;
  bool plain_http = false;
  std::chrono::seconds dns_ttl{60};
  std::vector<MachineConfig> machines;

  TlsPolicy tls_policy = TlsPolicy::kFirmware;
  std::vector<CertificateConfig> certificates;  // empty: our own CA signs

  std::uint64_t image_memory = 0;  // bytes
  std::uint64_t upload_max = 0;    // bytes
  AdmissionConfig admission;
  SecureBootConfig secure_boot;
  LimitsConfig limits;
};

struct ConfigResult {
  std::optional<Config> config{};   // empty when there are problems
  std::vector<Problem> problems{};  // in the file's order
  std::vector<Problem> warnings{};  // the same; what is started all the same
};

// Relative paths in the text are taken from `file`'s folder.
ConfigResult ParseConfig(std::string_view text, const std::filesystem::path& file);
ConfigResult LoadConfig(const std::filesystem::path& file);

// What `slipwayd --check-config` prints: one line per warning and per problem, and a last one that
// counts the problems, or says what the file sets up.
std::string Report(const ConfigResult& result, const std::filesystem::path& file);

// Option 93's codes of an architecture's PXE, the exact one first (x64 has two); empty: unknown.
std::vector<std::uint16_t> PxeArchitectures(std::string_view name);
// Option 93's HTTP code of an architecture as the configuration names it; nullopt: unknown.
std::optional<std::uint16_t> HttpArchitecture(std::string_view name);
std::string_view HttpArchitectureName(std::uint16_t code);

}  // namespace slipway::control
