// SPDX-License-Identifier: Apache-2.0
//
// SnapshotBuilder: configuration, machines and image sets become what the dataplane serves.
//
// A file is served under two paths: /<set>/<first 12 digits of the manifest's digest>/<path>, which
// boot URIs name, so that a boot in flight stays with its version, and /<set>/<tag>/<path> for
// whoever wants the newest. Boot URIs name the first boot name, or the network's server address.
// iPXE is sent to port 80 where that is open (old iPXE has no TLS); everything else to HTTPS.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "control/image_store/image_set.h"
#include "control/serve/image_shelf.h"
#include "control/store/store.h"
#include "dataplane/snapshot.h"

namespace slipway::control {

struct SnapshotInputs {
  const Config& config;
  const std::vector<Machine>& machines;  // of the store; they come before the configuration's
  const std::vector<ImageSet>& sets;
  const ImageShelf& shelf;
  std::shared_ptr<const tls::Context> tls;
};

absl::StatusOr<std::unique_ptr<dataplane::Snapshot>> BuildSnapshot(const SnapshotInputs& inputs);

// References of the sets that some machine, architecture or everybody is assigned, most general
// first.
std::vector<std::string> AssignedSets(const Config& config, const std::vector<Machine>& machines);

// "/debian/0123456789ab/EFI/BOOT/BOOTX64.EFI", not percent-encoded.
std::string VersionPath(const ImageSet& set, const ImageFile& file);

}  // namespace slipway::control
