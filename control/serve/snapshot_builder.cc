// SPDX-License-Identifier: Apache-2.0
#include "control/serve/snapshot_builder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "control/text.h"
#include "protocols/http/media_type.h"

namespace slipway::control {
namespace {

// UEFI's short name of an architecture, and the codes in option 93 by which its HTTP boot and its
// iPXE ask for it (RFC 4578 2.1 and IANA's registry; 9 is used for x64 by old firmware).
struct Architecture {
  std::string_view name;
  std::uint16_t http;
  std::array<std::uint16_t, 2> pxe;
};
constexpr Architecture kArchitectures[] = {
    {"ia32", 0x0f, {0x06, 0x06}},        {"x64", 0x10, {0x07, 0x09}},
    {"ebc", 0x11, {0x11, 0x11}},         {"arm", 0x12, {0x0a, 0x0a}},
    {"aa64", 0x13, {0x0b, 0x0b}},        {"riscv32", 0x1a, {0x19, 0x19}},
    {"riscv64", 0x1c, {0x1b, 0x1b}},     {"riscv128", 0x1e, {0x1d, 0x1d}},
    {"loongarch32", 0x26, {0x25, 0x25}}, {"loongarch64", 0x28, {0x27, 0x27}}};

// A machine on its way through firmware and, where it is chained, iPXE.
struct Stage {
  const Architecture& architecture;
  dhcp::ClientKind kind;
};
constexpr dhcp::ClientKind kStages[] = {dhcp::ClientKind::kHttp, dhcp::ClientKind::kIpxe};

std::string PercentEncoded(std::string_view path) {
  constexpr std::string_view kPlain = "-._~/";
  std::string out;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kPlain.find(c) != kPlain.npos;
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += ToHex(std::string_view(&c, 1));
    }
  }
  return out;
}

class Builder {
 public:
  explicit Builder(const SnapshotInputs& inputs) : inputs_(inputs), config_(inputs.config) {}

  absl::StatusOr<std::unique_ptr<dataplane::Snapshot>> Build() {
    dhcp::PolicySettings settings;
    for (const NetworkConfig& network : config_.networks) {
      settings.networks.push_back(BuildNetwork(network));
    }
    BuildMachines(settings);
    if (const auto mistakes = dhcp::Policy::Mistakes(settings); !mistakes.empty()) {
      return absl::FailedPreconditionError(Join(mistakes, "; "));
    }
    std::vector<std::shared_ptr<const void>> keeps;
    auto resources = BuildResources(keeps);
    // A snapshot holds lookups into itself, so it is made in place.
    return std::unique_ptr<dataplane::Snapshot>(
        new dataplane::Snapshot{.dhcp = std::make_unique<const dhcp::Policy>(std::move(settings)),
                                .dns = BuildZone(),
                                .images = http::TableCatalog(std::move(resources)),
                                .tls = inputs_.tls,
                                .plain_http = config_.plain_http,
                                .keeps = std::move(keeps)});
  }

 private:
  const ImageSet* FindSet(const ImageSetName& name) const {
    const auto set = std::ranges::find(inputs_.sets, name.ToString(), &ImageSet::reference);
    return set == inputs_.sets.end() ? nullptr : &*set;
  }

  Ipv4Address ServerAddress(const NetworkConfig& network) const {
    for (const PortConfig& port : config_.ports) {
      for (const Ipv4Prefix& own : port.addresses) {
        if (network.subnet.Contains(own.address)) return own.address;
      }
    }
    return config_.ports.front().addresses.front().address;
  }

  std::optional<dhcp::Attachment> AttachmentOf(const NetworkConfig& network) const {
    for (std::size_t i = 0; i < config_.ports.size(); ++i) {
      for (const Ipv4Prefix& own : config_.ports[i].addresses) {
        if (network.subnet.Contains(own.address)) {
          return dhcp::Attachment{static_cast<std::uint16_t>(i), config_.ports[i].vlan};
        }
      }
    }
    return std::nullopt;
  }

  // The rules by which one kind of one architecture's clients gets a set, at the host that they
  // reach us by.
  void AppendRules(const ImageSet& set, const Stage& stage, const std::string& host,
                   std::vector<dhcp::BootRule>& rules) const {
    const Architecture& architecture = stage.architecture;
    const ImageFile* file = set.BootFile(std::string(architecture.name));
    if (file == nullptr) return;
    const bool plain = stage.kind == dhcp::ClientKind::kIpxe && config_.plain_http;
    dhcp::BootRule rule;
    rule.kind = stage.kind;
    rule.uri = Text(plain ? "http://" : "https://", host, PercentEncoded(VersionPath(set, *file)));
    if (stage.kind == dhcp::ClientKind::kHttp) {
      rule.architecture = architecture.http;
      rules.push_back(rule);
      return;
    }
    for (const std::uint16_t code : architecture.pxe) {
      if (rule.architecture == code) continue;  // the table repeats a single code
      rule.architecture = code;
      rules.push_back(rule);
    }
  }

  std::vector<dhcp::BootRule> RulesFor(const ImageSetName& name, const std::string& host) const {
    std::vector<dhcp::BootRule> rules;
    const ImageSet* set = FindSet(name);
    if (set == nullptr) return rules;
    for (const Architecture& architecture : kArchitectures) {
      for (const dhcp::ClientKind kind : kStages)
        AppendRules(*set, {architecture, kind}, host, rules);
    }
    return rules;
  }

  // What such clients get who have no set of their own: a table for this kind before one for any.
  std::optional<ImageSetName> CommonSet(const Stage& stage) const {
    const OverriddenClient exact =
        stage.kind == dhcp::ClientKind::kHttp ? OverriddenClient::kHttp : OverriddenClient::kIpxe;
    for (const OverriddenClient client : {exact, OverriddenClient::kAny}) {
      for (const ArchitectureOverride& each : config_.boot_overrides) {
        if (each.architecture == stage.architecture.http && each.client == client) {
          return each.image_set;
        }
      }
    }
    return config_.boot_image_set;
  }

  // The common rules as one network's clients reach them.
  std::vector<dhcp::BootRule> CommonRules(const std::string& host) const {
    std::vector<dhcp::BootRule> rules;
    for (const Architecture& architecture : kArchitectures) {
      for (const dhcp::ClientKind kind : kStages) {
        const Stage stage{architecture, kind};
        const auto name = CommonSet(stage);
        const ImageSet* set = name ? FindSet(*name) : nullptr;
        if (set != nullptr) AppendRules(*set, stage, host, rules);
      }
    }
    for (const PxeConfig& each : config_.boot_pxe) {
      for (const std::uint16_t code : PxeArchitectures(each.architecture)) {
        rules.push_back({.kind = dhcp::ClientKind::kPxe,
                         .architecture = code,
                         .uri = each.file,
                         .next_server = each.server});
      }
    }
    return rules;
  }

  std::string HostOf(Ipv4Address server) const {
    return config_.boot_names.empty() ? server.ToString() : config_.boot_names.front();
  }

  dhcp::NetworkSettings BuildNetwork(const NetworkConfig& network) const {
    dhcp::NetworkSettings settings;
    settings.name = network.name;
    settings.prefix = network.subnet;
    settings.attachment = AttachmentOf(network);
    settings.server_address = ServerAddress(network);
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
    settings.gateway = network.router;
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
    settings.boot = CommonRules(HostOf(settings.server_address));
    settings.lease_time = network.lease_time;
    settings.lease_time_min = std::min(settings.lease_time_min, network.lease_time);
    settings.lease_time_max = std::max(settings.lease_time_max, network.lease_time);
    return settings;
  }

  // The machine that has one of these names, or a new one.
  static dhcp::MachineSettings& MachineOf(dhcp::PolicySettings& settings,
                                          const std::optional<MacAddress>& mac,
                                          const std::optional<Uuid>& uuid,
                                          const std::string& client_identifier) {
    const std::vector<std::uint8_t> id(client_identifier.begin(), client_identifier.end());
    for (dhcp::MachineSettings& machine : settings.machines) {
      const bool same = (mac && machine.mac == mac) || (uuid && machine.uuid == uuid) ||
                        (!id.empty() && machine.client_identifier == id);
      if (!same) continue;
      if (!machine.mac) machine.mac = mac;
      if (!machine.uuid) machine.uuid = uuid;
      return machine;
    }
    settings.machines.push_back({.mac = mac, .uuid = uuid, .client_identifier = id});
    return settings.machines.back();
  }

  void BuildMachines(dhcp::PolicySettings& settings) const {
    const std::string host = HostOf(config_.ports.front().addresses.front().address);
    for (const MachineConfig& each : config_.machines) {
      dhcp::MachineSettings& machine = MachineOf(settings, each.mac, each.uuid, "");
      machine.name = each.name;
      machine.boot = RulesFor(each.image_set, host);
    }
    for (const Machine& each : inputs_.machines) {
      dhcp::MachineSettings& machine = MachineOf(settings, each.mac, each.uuid, "");
      if (!each.name.empty()) machine.name = each.name;
      machine.boot = RulesFor(each.image_set, host);
    }
    for (const NetworkConfig& network : config_.networks) {
      for (const ReservationConfig& each : network.reservations) {
        MachineOf(settings, each.mac, each.uuid, each.client_identifier)
            .addresses.push_back(each.address);
      }
    }
  }

  dns::Zone BuildZone() const {
    dns::ZoneSettings settings;
    settings.ttl_seconds = static_cast<std::uint32_t>(config_.dns_ttl.count());
    dns::Zone zone(settings);
    for (const std::string& name : config_.boot_names) {
      for (const PortConfig& port : config_.ports) {
        for (const Ipv4Prefix& own : port.addresses) zone.Add(name, own.address);
      }
    }
    return zone;
  }

  std::vector<http::Resource> BuildResources(
      std::vector<std::shared_ptr<const void>>& keeps) const {
    std::vector<http::Resource> resources;
    for (const ImageSet& set : inputs_.sets) {
      const bool held = inputs_.shelf.Holds(set);
      const auto name = ImageSetName::Parse(set.reference);
      if (!name) continue;  // a name with slashes of another tool's: not a path of ours
      for (const ImageFile& file : set.files) {
        http::Resource resource;
        resource.path = VersionPath(set, file);
        resource.etag_digest = file.digest;
        resource.media_type = http::MediaTypeOf(file.path);
        resource.last_modified = set.created;
        if (const auto block = held ? inputs_.shelf.Find(file.digest) : nullptr) {
          resource.content = block->bytes();
          resource.loaded = true;
          keeps.push_back(block);
        }
        resources.push_back(resource);
        resource.path = Text('/', name->name, '/', name->tag, '/', file.path);
        resources.push_back(std::move(resource));
      }
    }
    return resources;
  }

  const SnapshotInputs& inputs_;
  const Config& config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<dataplane::Snapshot>> BuildSnapshot(const SnapshotInputs& inputs) {
  return Builder(inputs).Build();
}

std::vector<std::string> AssignedSets(const Config& config, const std::vector<Machine>& machines) {
  std::vector<std::string> references;
  const auto add = [&](const ImageSetName& name) {
    const std::string reference = name.ToString();
    if (std::ranges::find(references, reference) == references.end()) {
      references.push_back(reference);
    }
  };
  if (config.boot_image_set) add(*config.boot_image_set);
  for (const ArchitectureOverride& each : config.boot_overrides) add(each.image_set);
  for (const MachineConfig& each : config.machines) add(each.image_set);
  for (const Machine& each : machines) add(each.image_set);
  return references;
}

std::string VersionPath(const ImageSet& set, const ImageFile& file) {
  const std::string name = set.reference.substr(0, set.reference.find(':'));
  return Text('/', name, '/', std::string_view(set.digest).substr(0, 12), '/', file.path);
}

}  // namespace slipway::control
