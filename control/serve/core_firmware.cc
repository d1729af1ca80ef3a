// SPDX-License-Identifier: Apache-2.0
//
// What machines are seen to boot with. A storm of boots of which nothing is new costs a look at
// each machine's record: nothing is written, and nobody waits.
#include <algorithm>
#include <unordered_map>

#include "control/log.h"
#include "control/serve/core.h"
#include "control/text.h"

namespace slipway::control {
absl::Status Core::RememberFirmware(const std::vector<FirmwareOfMac>& seen,
                                    std::int64_t now_unix_seconds) {
  if (seen.empty()) return absl::OkStatus();
  const auto uuids = leases_.Uuids();
  std::unordered_map<std::int64_t, std::vector<SeenFirmware>> changed;  // by the machine's id
  for (const FirmwareOfMac& each : seen) {
    const auto machine = MachineAt(each.mac, uuids);
    if (!machine.ok()) return machine.status();
    if (!*machine || (*machine)->id == 0) continue;  // the configuration file's are not noted of
    const std::int64_t id = (*machine)->id;
    const auto before = changed.find(id);
    std::vector<SeenFirmware> its = before == changed.end() ? (*machine)->firmware : before->second;
    if (!Remember(each.firmware, now_unix_seconds, its)) continue;
    changed.insert_or_assign(id, std::move(its));
  }
  if (changed.empty()) return absl::OkStatus();
  std::vector<MachineFirmware> notes;
  notes.reserve(changed.size());
  for (auto& [id, firmware] : changed) notes.push_back({id, std::move(firmware)});
  // A change of a record reads it and writes it again under this lock, and takes these along.
  const std::scoped_lock lock(mutex_);
  if (absl::Status status = store_->NoteFirmware(notes); !status.ok()) return status;
  const auto asks = AsksForFirmware();
  if (asks.ok() && !*asks) return absl::OkStatus();
  // It is noted, whatever becomes of that: it is tried again (Housekeep).
  is_stale_ = true;
  RepublishStale(std::chrono::steady_clock::now());
  return absl::OkStatus();
}

// Whether what is published may be other because a machine was seen with another firmware.
absl::StatusOr<bool> Core::AsksForFirmware() {
  const auto rules = store_->Rules();
  if (!rules.ok()) return rules.status();
  const auto rollouts = store_->Rollouts();
  if (!rollouts.ok()) return rollouts.status();
  const auto templates = store_->Templates();
  if (!templates.ok()) return templates.status();
  const auto asks = [](const auto& each) { return NeedsSeenFirmware(each.selector); };
  return std::ranges::any_of(*rules, asks) || std::ranges::any_of(*rollouts, asks) ||
         std::ranges::any_of(*templates, asks);
}

}  // namespace slipway::control
