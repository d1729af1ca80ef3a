// SPDX-License-Identifier: Apache-2.0
//
// SnapshotBuilder: configuration, machines and image sets become what the dataplane serves.
//
// A file is served under two paths: /<set>/<first 12 digits of the manifest's digest>/<path>, which
// boot URIs name (boot_rules.h), and /<set>/<tag>/<path> for whoever wants the newest.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/image_store/image_set.h"
#include "control/policy/machine.h"
#include "control/policy/rollout.h"
#include "control/policy/rule.h"
#include "control/serve/image_shelf.h"
#include "control/serve/retired_versions.h"
#include "dataplane/snapshot.h"

namespace slipway::control {

class Documents;

struct SnapshotInputs {
  const Config& config;
  const MachineList& machines;     // of the store; they come before the configuration's
  const std::vector<Rule>& rules;  // in their order
  const std::vector<Rollout>& rollouts;
  const std::vector<ImageSet>& sets;
  const std::vector<RetiredVersion>& retired;
  const ImageShelf& shelf;
  std::shared_ptr<const tls::Context> tls;
  const Documents* documents = nullptr;  // machines' own; null: none
};

absl::StatusOr<std::unique_ptr<dataplane::Snapshot>> BuildSnapshot(const SnapshotInputs& inputs);

// References of the sets that somebody may be sent to, most general first.
std::vector<std::string> AssignedSets(const Config& config, const MachineList& machines,
                                      std::span<const Rule> rules,
                                      std::span<const Rollout> rollouts);

// Of a manifest's needs: the set that an image's system goes on from, as an installer from its
// tree.
inline constexpr const char* kNeedsImageSet = "image-set";
// And what those need, and so on. A system that goes on by itself does not ask twice, as firmware
// does: what it needs must lie in image memory before it asks.
std::vector<std::string> WithWhatTheyNeed(std::vector<std::string> references,
                                          std::span<const ImageSet> sets);

}  // namespace slipway::control
