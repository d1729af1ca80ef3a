// SPDX-License-Identifier: Apache-2.0
#include "control/config/config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "control/architecture.h"
#include "control/config/cross_check.h"
#include "control/config/devices.h"
#include "control/config/networks.h"
#include "control/text.h"

namespace slipway::control {
namespace {

struct ArchitectureWord {
  std::string_view name;
  std::uint16_t code;
};
constexpr ArchitectureWord kArchitectures[] = {
    {"ia32", 0x0f},        {"x64", 0x10},        {"ebc", 0x11},     {"arm32", 0x12},
    {"arm64", 0x13},       {"riscv32", 0x1a},    {"riscv64", 0x1c}, {"riscv128", 0x1e},
    {"loongarch32", 0x26}, {"loongarch64", 0x28}};
// Old firmware for x64 says EBC's 9; EBC itself has no other.
constexpr ArchitectureWord kPxeArchitectures[] = {
    {"bios", 0x00},    {"ia32", 0x06},     {"x64", 0x07},         {"x64", 0x09},
    {"ebc", 0x09},     {"arm32", 0x0a},    {"arm64", 0x0b},       {"riscv32", 0x19},
    {"riscv64", 0x1b}, {"riscv128", 0x1d}, {"loongarch32", 0x25}, {"loongarch64", 0x27}};

// Turns a document without problems into plain values.
class Builder {
 public:
  explicit Builder(const std::filesystem::path& folder) : folder_(folder) {}

  Config Build(const Section& root) const {
    Config config;
    config.state_directory = Path(root.Child("state"), "directory");
    const Section& management = root.Child("management");
    config.management = *management.Get<Endpoint>("address");
    config.management_names = management.List<std::string>("names");
    config.management_requests_per_second =
        Number<std::uint32_t>(management, "requests_per_second");
    if (management.Written("client_ca")) {
      config.management_client_ca = Path(management, "client_ca");
    }
    for (const Section& client : management.Children("client")) {
      config.management_clients.push_back({*client.Get<std::string>("name"),
                                           *client.Get<std::string>("role"),
                                           client.Get<std::string>("scope").value_or("")});
    }
    config.management_certificates = Certificates(management);
    BuildDataplane(root, config);
    for (const Section& section : root.Children("network")) {
      config.networks.push_back(BuildNetwork(section));
    }
    TakeRouters(config);
    BuildBoot(root, config);
    const Section& tls = root.Child("tls");
    config.tls_policy =
        tls.Get<std::string>("policy") == "modern" ? TlsPolicy::kModern : TlsPolicy::kFirmware;
    config.certificates = Certificates(tls);
    const Section& images = root.Child("images");
    config.image_memory = Number<std::uint64_t>(images, "memory");
    config.upload_max = Number<std::uint64_t>(images, "upload_max");
    const Section& admission = root.Child("admission");
    config.admission = {.enabled = *admission.Get<bool>("enabled"),
                        .machines_at_once = Number<std::uint32_t>(admission, "machines_at_once")};
    config.secure_boot = BuildSecureBoot(root.Child("secure_boot"));
    const Section& limits = root.Child("limits");
    config.limits = {.connections = Number<std::uint32_t>(limits, "connections"),
                     .handshakes = Number<std::uint32_t>(limits, "handshakes"),
                     .handshake_share = Number<std::uint32_t>(limits, "handshake_share"),
                     .frames = Number<std::uint32_t>(limits, "frames"),
                     .leases = Number<std::uint32_t>(limits, "leases"),
                     .machines = Number<std::uint32_t>(limits, "machines"),
                     .boots_per_machine = Number<std::uint32_t>(limits, "boots_per_machine"),
                     .boots_kept = std::chrono::seconds(*limits.Get<std::int64_t>("boots_kept")),
                     .steps_per_boot = Number<std::uint32_t>(limits, "steps_per_boot")};
    return config;
  }

 private:
  // The schema's range makes the conversion safe.
  template <class T>
  static T Number(const Section& section, std::string_view key) {
    return static_cast<T>(*section.Get<std::int64_t>(key));
  }
  std::filesystem::path Path(const Section& section, std::string_view key) const {
    return folder_ / *section.Get<std::string>(key);  // an absolute path stays itself
  }

  std::vector<CertificateConfig> Certificates(const Section& parent) const {
    std::vector<CertificateConfig> certificates;
    for (const Section& section : parent.Children("certificate")) {
      certificates.push_back({Path(section, "chain"), Path(section, "key")});
    }
    return certificates;
  }

  SecureBootConfig BuildSecureBoot(const Section& section) const {
    SecureBootConfig config;
    config.policy = section.Get<std::string>("policy") == "refuse" ? SecureBootPolicy::kRefuse
                                                                   : SecureBootPolicy::kWarn;
    for (const std::string& path : section.List<std::string>("db")) {
      config.db.push_back(folder_ / path);
    }
    for (const std::string& path : section.List<std::string>("dbx")) {
      config.dbx.push_back(folder_ / path);
    }
    if (const auto level = section.Get<std::string>("sbat_level")) {
      config.sbat_level = folder_ / *level;
    }
    return config;
  }

  static void BuildDataplane(const Section& root, Config& config) {
    const Section& dataplane = root.Child("dataplane");
    for (const std::int64_t core : dataplane.List<std::int64_t>("cores")) {
      config.cores.push_back(static_cast<unsigned>(core));
    }
    config.hugepages = *dataplane.Get<bool>("hugepages");
    config.memory = Number<std::uint64_t>(dataplane, "memory");
    config.idle_sleep = std::chrono::microseconds(Number<std::uint32_t>(dataplane, "idle_sleep"));
    config.probe_time = std::chrono::milliseconds(Number<std::uint32_t>(dataplane, "probe_time"));
    config.trace = Number<std::uint32_t>(dataplane, "trace");
    for (const Section& port : root.Children("port")) {
      config.ports.push_back({.device = *port.Get<std::string>("device"),
                              .addresses = port.List<Ipv4Prefix>("addresses"),
                              .gateway = port.Get<Ipv4Address>("gateway"),
                              .vlan = VlanId(Number<std::uint16_t>(port, "vlan")),
                              .mtu = Number<std::uint16_t>(port, "mtu")});
    }
  }

  static void BuildBoot(const Section& root, Config& config) {
    const Section& boot = root.Child("boot");
    config.boot_names = boot.List<std::string>("names");
    config.boot_image_set = boot.Get<ImageSetName>("image_set");
    config.plain_http = *boot.Get<bool>("http");
    config.dns_ttl = std::chrono::seconds(*boot.Get<std::int64_t>("dns_ttl"));
    for (const Section& child : boot.Children("override")) {
      const std::string client = *child.Get<std::string>("client");
      config.boot_overrides.push_back(
          {.architecture = *HttpArchitecture(*child.Get<std::string>("architecture")),
           .client = client == "any"    ? OverriddenClient::kAny
                     : client == "http" ? OverriddenClient::kHttp
                                        : OverriddenClient::kIpxe,
           .image_set = *child.Get<ImageSetName>("image_set")});
    }
    for (const Section& child : boot.Children("pxe")) {
      config.boot_pxe.push_back({.architecture = *child.Get<std::string>("architecture"),
                                 .server = *child.Get<Ipv4Address>("server"),
                                 .file = *child.Get<std::string>("file")});
    }
    for (const Section& child : root.Children("machine")) {
      config.machines.push_back({.name = *child.Get<std::string>("name"),
                                 .mac = child.Get<MacAddress>("mac"),
                                 .uuid = child.Get<Uuid>("uuid"),
                                 .image_set = *child.Get<ImageSetName>("image_set")});
    }
  }

  std::filesystem::path folder_;
};

}  // namespace

ConfigResult ParseConfig(std::string_view text, const std::filesystem::path& file) {
  ConfigResult result;
  const Section root = ReadDocument(text, file.string(), result.problems);
  const bool is_toml =
      result.problems.empty() || !result.problems.front().what.starts_with("not TOML");
  if (is_toml) CrossCheck(root, file, {result.problems, result.warnings});
  std::ranges::stable_sort(result.problems, {}, &Problem::where);
  if (result.problems.empty()) result.config = Builder(file.parent_path()).Build(root);
  return result;
}

ConfigResult LoadConfig(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  if (!stream || std::filesystem::is_directory(file)) {
    return {.config = std::nullopt,
            .problems = {{file.string(),
                          {},
                          Text("cannot be read (", std::strerror(errno),
                               "); name a readable file with --config")}},
            .warnings = {}};
  }
  return ParseConfig(text.view(), file);
}

std::string Report(const ConfigResult& result, const std::filesystem::path& file) {
  std::string report;
  for (const Problem& warning : result.warnings) report += warning.ToString() + " (warning)\n";
  for (const Problem& problem : result.problems) report += problem.ToString() + "\n";
  const std::size_t count = result.problems.size();
  if (count != 0) {
    return report + Text(count, count == 1 ? " problem" : " problems", "; nothing was started\n");
  }
  const auto counted = [](std::size_t number, std::string_view word) {
    return Text(number, ' ', word, number == 1 ? "" : "s");
  };
  const Config& config = *result.config;
  const std::size_t devices = DevicesOf(config).size();
  const std::string vlans =
      devices == config.ports.size() ? "" : Text(" of ", counted(config.ports.size(), "VLAN"));
  return Text(report, file.string(), ": good: ", counted(devices, "port"), vlans, ", ",
              counted(config.networks.size(), "network"), ", ",
              counted(config.machines.size(), "machine"), '\n');
}

std::vector<std::uint16_t> PxeArchitectures(std::string_view name) {
  std::vector<std::uint16_t> codes;
  for (const ArchitectureWord& word : kPxeArchitectures) {
    if (word.name == ClientArchitecture(name)) codes.push_back(word.code);
  }
  return codes;
}

std::optional<std::uint16_t> HttpArchitecture(std::string_view name) {
  for (const ArchitectureWord& word : kArchitectures) {
    if (word.name == ClientArchitecture(name)) return word.code;
  }
  return std::nullopt;
}

std::string_view HttpArchitectureName(std::uint16_t code) {
  for (const ArchitectureWord& word : kArchitectures) {
    if (word.code == code) return word.name;
  }
  return "";
}

}  // namespace slipway::control
