// SPDX-License-Identifier: Apache-2.0
#include "control/serve/boot_rules.h"

#include <array>
#include <optional>

#include "control/text.h"

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

// Where one kind of one architecture's clients finds its file of the set, if it has one.
struct Place {
  const std::string& host;
  bool plain_http;
};
void Append(const ImageSet& set, const Stage& stage, const Place& place,
            std::vector<dhcp::BootRule>& rules) {
  const Architecture& architecture = stage.architecture;
  const ImageFile* file = set.BootFile(std::string(architecture.name));
  if (file == nullptr) return;
  const bool plain = stage.kind == dhcp::ClientKind::kIpxe && place.plain_http;
  dhcp::BootRule rule;
  rule.kind = stage.kind;
  rule.uri =
      Text(plain ? "http://" : "https://", place.host, PercentEncoded(VersionPath(set, *file)));
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

// What such clients get who have no set of their own: a table for this kind before one for any.
std::optional<ImageSetName> CommonSet(const Config& config, const Stage& stage) {
  const OverriddenClient exact =
      stage.kind == dhcp::ClientKind::kHttp ? OverriddenClient::kHttp : OverriddenClient::kIpxe;
  for (const OverriddenClient client : {exact, OverriddenClient::kAny}) {
    for (const ArchitectureOverride& each : config.boot_overrides) {
      if (each.architecture == stage.architecture.http && each.client == client) {
        return each.image_set;
      }
    }
  }
  return config.boot_image_set;
}

}  // namespace

BootRules::BootRules(const Config& config, const std::vector<ImageSet>& sets) : config_(config) {
  for (const ImageSet& set : sets) sets_.emplace(set.reference, &set);
}

std::string BootRules::HostOf(Ipv4Address server) const {
  return config_.boot_names.empty() ? server.ToString() : config_.boot_names.front();
}

const ImageSet* BootRules::FindSet(const ImageSetName& name) const {
  const auto found = sets_.find(name.ToString());
  return found == sets_.end() ? nullptr : found->second;
}

std::vector<dhcp::BootRule> BootRules::Common(const std::string& host) const {
  std::vector<dhcp::BootRule> rules;
  for (const Architecture& architecture : kArchitectures) {
    for (const dhcp::ClientKind kind : kStages) {
      const Stage stage{architecture, kind};
      const auto name = CommonSet(config_, stage);
      const ImageSet* set = name ? FindSet(*name) : nullptr;
      if (set != nullptr) Append(*set, stage, {host, config_.plain_http}, rules);
    }
  }
  AppendPxe(rules);
  return rules;
}

BootRules::List BootRules::Of(const ImageSetName& name, const std::string& host) {
  List& list = lists_[{name.ToString(), host}];
  if (list != nullptr) return list;
  std::vector<dhcp::BootRule> rules;
  if (const ImageSet* set = FindSet(name)) {
    for (const Architecture& architecture : kArchitectures) {
      for (const dhcp::ClientKind kind : kStages) {
        Append(*set, {architecture, kind}, {host, config_.plain_http}, rules);
      }
    }
  }
  AppendPxe(rules);
  list = std::make_shared<const std::vector<dhcp::BootRule>>(std::move(rules));
  return list;
}

BootRules::List BootRules::WithScript(const ImageSetName& name, const std::string& host,
                                      const std::string& path) {
  List& list = lists_[{Text(name.ToString(), ' ', path), host}];
  if (list != nullptr) return list;
  std::vector<dhcp::BootRule> rules = *Of(name, host);
  std::erase_if(rules,
                [](const dhcp::BootRule& rule) { return rule.kind == dhcp::ClientKind::kIpxe; });
  dhcp::BootRule script;
  script.kind = dhcp::ClientKind::kIpxe;
  script.uri = Text(config_.plain_http ? "http://" : "https://", host, path);
  rules.push_back(std::move(script));
  list = std::make_shared<const std::vector<dhcp::BootRule>>(std::move(rules));
  return list;
}

void BootRules::AppendPxe(std::vector<dhcp::BootRule>& rules) const {
  for (const PxeConfig& each : config_.boot_pxe) {
    for (const std::uint16_t code : PxeArchitectures(each.architecture)) {
      rules.push_back({.kind = dhcp::ClientKind::kPxe,
                       .architecture = code,
                       .uri = each.file,
                       .next_server = each.server});
    }
  }
}

const ImageSetName* CommonSet(const Config& config) {
  return config.boot_image_set && config.boot_overrides.empty() ? &*config.boot_image_set : nullptr;
}

std::string VersionName(const ImageSet& set) {
  return Text(set.reference.substr(0, set.reference.find(':')), '/',
              std::string_view(set.digest).substr(0, 12));
}

std::string VersionPath(const ImageSet& set, const ImageFile& file) {
  return Text('/', VersionName(set), '/', file.path);
}

}  // namespace slipway::control
