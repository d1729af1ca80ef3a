// SPDX-License-Identifier: Apache-2.0
#include "control/serve/snapshot_builder.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "control/serve/boot_rules.h"
#include "control/serve/policy_builder.h"
#include "control/templates/documents.h"
#include "control/text.h"
#include "protocols/http/media_type.h"

namespace slipway::control {
namespace {

class Builder {
 public:
  explicit Builder(const SnapshotInputs& inputs) : inputs_(inputs), config_(inputs.config) {}

  absl::StatusOr<std::unique_ptr<dataplane::Snapshot>> Build() {
    BootRules boot(config_, inputs_.sets);
    dhcp::PolicySettings settings = BuildPolicy(
        {config_, inputs_.machines, inputs_.rules, inputs_.rollouts, inputs_.documents}, boot);
    if (const auto mistakes = dhcp::Policy::Mistakes(settings); !mistakes.empty()) {
      return absl::FailedPreconditionError(Join(mistakes, "; "));
    }
    std::vector<std::shared_ptr<const void>> keeps;
    auto resources = BuildResources(keeps);
    // A snapshot holds lookups into itself, so it is made in place.
    return std::unique_ptr<dataplane::Snapshot>(new dataplane::Snapshot{
        .dhcp = std::make_unique<const dhcp::Policy>(std::move(settings)),
        .dns = BuildZone(),
        .images = http::TableCatalog(std::move(resources), inputs_.documents == nullptr
                                                               ? nullptr
                                                               : inputs_.documents->catalog()),
        .tls = inputs_.tls,
        .plain_http = config_.plain_http,
        .keeps = std::move(keeps)});
  }

 private:
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
        auto block = held ? inputs_.shelf.Find(file.digest) : nullptr;
        http::Resource resource = ResourceOf(set, file, block);
        if (block != nullptr) keeps.push_back(std::move(block));
        resources.push_back(resource);
        resource.path = Text('/', name->name, '/', name->tag, '/', file.path);
        resources.push_back(std::move(resource));
      }
    }
    for (const RetiredVersion& version : inputs_.retired) {
      for (const ImageFile& file : version.set.files) {
        const auto block = version.blocks.find(file.digest);
        if (block == version.blocks.end()) continue;
        resources.push_back(ResourceOf(version.set, file, block->second));
        keeps.push_back(block->second);
      }
    }
    return resources;
  }

  // At its version's path; `block` may be null: not in memory.
  static http::Resource ResourceOf(const ImageSet& set, const ImageFile& file,
                                   const std::shared_ptr<const ImageBlock>& block) {
    http::Resource resource;
    resource.path = VersionPath(set, file);
    resource.etag_digest = file.digest;
    resource.media_type = http::MediaTypeOf(file.path);
    resource.last_modified = set.created;
    if (block != nullptr) {
      resource.content = block->bytes();
      resource.loaded = true;
    }
    return resource;
  }

  const SnapshotInputs& inputs_;
  const Config& config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<dataplane::Snapshot>> BuildSnapshot(const SnapshotInputs& inputs) {
  return Builder(inputs).Build();
}

std::vector<std::string> AssignedSets(const Config& config, const MachineList& machines,
                                      std::span<const Rule> rules,
                                      std::span<const Rollout> rollouts) {
  std::vector<std::string> references;
  std::unordered_set<std::string> seen;
  const auto add = [&](const ImageSetName& name) {
    std::string reference = name.ToString();
    if (seen.insert(reference).second) references.push_back(std::move(reference));
  };
  if (config.boot_image_set) add(*config.boot_image_set);
  for (const ArchitectureOverride& each : config.boot_overrides) add(each.image_set);
  for (const Rule& each : rules) {
    if (each.image_set) add(*each.image_set);
  }
  for (const Rollout& each : rollouts) add(each.candidate);
  for (const MachineConfig& each : config.machines) add(each.image_set);
  for (const auto& each : machines) {
    if (each->image_set) add(*each->image_set);
  }
  return references;
}

std::vector<std::string> WithWhatTheyNeed(std::vector<std::string> references,
                                          std::span<const ImageSet> sets) {
  // Few sets need another, and there may be thousands.
  std::vector<std::pair<std::string_view, std::string_view>> needs;
  for (const ImageSet& set : sets) {
    const auto need = set.needs.find(kNeedsImageSet);
    if (need != set.needs.end()) needs.emplace_back(set.reference, need->second);
  }
  for (std::size_t i = 0; !needs.empty() && i < references.size(); ++i) {
    for (const auto& [set, needed] : needs) {
      if (set != references[i] || std::ranges::count(references, needed) != 0) continue;
      references.emplace_back(needed);
    }
  }
  return references;
}

}  // namespace slipway::control
