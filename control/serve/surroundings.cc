// SPDX-License-Identifier: Apache-2.0
#include "control/serve/surroundings.h"

#include <algorithm>
#include <chrono>

#include "control/boots/firmware.h"
#include "control/parse_json.h"
#include "control/serve/boot_rules.h"
#include "control/serve/boot_version.h"
#include "control/text.h"
#include "protocols/base/drop.h"
#include "protocols/dhcp/condition.h"

namespace slipway::control {
namespace {

using dataplane::EventKind;

// Drops that explain why a machine is not heard of.
constexpr Drop kUnheard[] = {
    Drop::kVlanNotOurs,         Drop::kDhcpTruncated,    Drop::kDhcpHardwareType, Drop::kDhcpCookie,
    Drop::kDhcpOptionMalformed, Drop::kDhcpHopsExceeded, Drop::kDhcpNoNetwork,    Drop::kNoBuffer,
    Drop::kWorkerRingFull};

std::vector<std::string> Notes(Core& core) {
  std::vector<std::string> notes;
  DropCounters drops;
  std::uint64_t received = 0;
  for (const auto& worker : core.statistics()) {
    received += worker.received_bytes;
    for (std::size_t i = 0; i < kDropCount; ++i) drops.counts[i] += worker.drops.counts[i];
  }
  if (received == 0) {
    notes.emplace_back("no frame of any machine has been received since the start");
  }
  for (const Drop drop : kUnheard) {
    if (drops[drop] == 0) continue;
    notes.push_back(Text(drops[drop], " frames dropped: ", Describe(drop).sentence));
  }
  return notes;
}

// The newest DISCOVER; null: none.
const BootStep* LastDiscover(std::span<const Boot> boots) {
  for (auto boot = boots.rbegin(); boot != boots.rend(); ++boot) {
    for (auto step = boot->steps.rbegin(); step != boot->steps.rend(); ++step) {
      if (step->kind == EventKind::kDhcpDiscover) return &*step;
    }
  }
  return nullptr;
}

// What the configuration has for an architecture, by its code; empty: nothing.
std::string ConfiguredSet(const Config& config, std::int64_t architecture) {
  for (const ArchitectureOverride& each : config.boot_overrides) {
    if (each.architecture == architecture) return each.image_set.ToString();
  }
  return config.boot_image_set ? config.boot_image_set->ToString() : "";
}

// The network that serves it, as the dataplane chooses it: by the relay that its DISCOVER came
// through, else by the address it was given; empty: not known.
std::string NetworkOf(const Config& config, std::span<const Boot> boots, const BootStep* discover) {
  Ipv4Address place;
  for (const Boot& boot : boots) {
    if (!boot.address.is_unspecified()) place = boot.address;
  }
  if (discover != nullptr && discover->extra != 0) {
    place = Ipv4Address(static_cast<std::uint32_t>(discover->extra));
  }
  if (place.is_unspecified()) return {};
  const auto network = std::ranges::find_if(
      config.networks, [&](const NetworkConfig& each) { return each.subnet.Contains(place); });
  return network == config.networks.end() ? std::string() : network->name;
}

// What the policy has for such a machine.
absl::StatusOr<Explanation> PolicyFor(Core& core, const MacAddress& mac,
                                      std::span<const Boot> boots, const BootStep* discover) {
  const auto served = core.served();
  Question question{.mac = mac, .network = NetworkOf(*served, boots, discover)};
  // The catalog may know it by its UUID alone.
  const auto uuids = core.leases().Uuids();
  if (const auto uuid = uuids.find(mac.value()); uuid != uuids.end()) question.uuid = uuid->second;
  if (discover != nullptr && discover->number >= 0) {
    const auto word = dhcp::ArchitectureWord(static_cast<std::uint16_t>(discover->number));
    if (!word.empty()) question.architecture = word;
    question.vendor_class = VendorClassOf(discover->text);
    question.dhcp_fingerprint = DiscoverFingerprintOf(discover->text);
    const std::string_view client = ClientOf(discover->text);
    question.client = client.empty() ? "http" : client;
  }
  return core.ExplainMachine(question);
}

// Why firmware under Secure Boot would refuse the set; empty: it would not, or nobody judged it.
std::string RefusalOf(Core& core, const ImageSet& set) {
  const auto verdict = core.VerdictOn(set);
  if (!verdict.ok() || !verdict->has_value()) return {};
  const auto document = ParseJson((*verdict)->document);
  if (!document.is_object() || document.value("outcome", "") != WordOf(Outcome::kRefused))
    return {};
  return document.value("words", "");
}

// The version that the newest boot asked for, of those that asked for any; empty: none did.
std::string NewestVersion(std::span<const Boot> boots) {
  for (auto boot = boots.rbegin(); boot != boots.rend(); ++boot) {
    if (std::string version = VersionOf(*boot); !version.empty()) return version;
  }
  return {};
}

}  // namespace

Surroundings SurroundingsOf(Core& core, const MacAddress& mac, std::span<const Boot> boots) {
  Surroundings around{.now_unix_nanoseconds = std::chrono::system_clock::now().time_since_epoch() /
                                              std::chrono::nanoseconds(1),
                      .certificates = core.certificates().boot_facts()};
  if (boots.empty()) around.notes = Notes(core);
  const BootStep* discover = LastDiscover(boots);
  const auto policy = PolicyFor(core, mac, boots, discover);
  if (!policy.ok()) return around;
  around.policy = policy->words;
  around.image_set = policy->image_set;
  if (around.image_set.empty() && policy->decided_by == "configuration") {
    around.image_set = ConfiguredSet(core.config(), discover == nullptr ? -1 : discover->number);
  }
  const auto sets = core.Images();
  if (!sets.ok()) return around;
  const auto set = std::ranges::find(*sets, around.image_set, &ImageSet::reference);
  around.image_set_is_there = set != sets->end();
  // What was booted is judged, not what would be booted now: a candidate may be rolled back since.
  const std::string version = NewestVersion(boots);
  const auto booted = version.empty() ? set : std::ranges::find(*sets, version, VersionName);
  if (booted == sets->end()) return around;
  around.secure_boot_refusal = RefusalOf(core, *booted);
  if (set != sets->end() && set->digest == booted->digest) around.unmet_needs = policy->unmet_needs;
  return around;
}

}  // namespace slipway::control
