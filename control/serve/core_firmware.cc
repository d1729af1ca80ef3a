// SPDX-License-Identifier: Apache-2.0
//
// What machines are seen to boot with. A storm of boots of which nothing is new costs a look at the
// catalog's list in memory: nothing is written, and nobody waits.
#include <algorithm>
#include <unordered_map>

#include "control/log.h"
#include "control/serve/core.h"
#include "control/text.h"

namespace slipway::control {
namespace {

std::string_view TextOf(const Uuid& uuid) { return AsText(uuid.octets); }

// The catalog's machines by what their boots are known by.
class Known {
 public:
  explicit Known(const MachineList& machines) {
    for (const auto& each : machines) {
      if (each->mac) by_mac_.emplace(each->mac->value(), each.get());
      if (each->uuid) by_uuid_.emplace(TextOf(*each->uuid), each.get());
    }
  }

  // By the UUID that its lease tells before its MAC, as the dataplane finds it.
  const Machine* Find(const MacAddress& mac, const Uuid* uuid) const {
    if (uuid != nullptr) {
      if (const auto found = by_uuid_.find(TextOf(*uuid)); found != by_uuid_.end()) {
        return found->second;
      }
    }
    const auto found = by_mac_.find(mac.value());
    return found == by_mac_.end() ? nullptr : found->second;
  }

 private:
  std::unordered_map<std::uint64_t, const Machine*> by_mac_;
  std::unordered_map<std::string_view, const Machine*> by_uuid_;
};

}  // namespace

absl::Status Core::RememberFirmware(const std::vector<FirmwareOfMac>& seen,
                                    std::int64_t now_unix_seconds) {
  if (seen.empty()) return absl::OkStatus();
  const auto machines = store_->Machines();
  if (!machines.ok()) return machines.status();
  const Known known(*machines);
  const auto uuids = leases_.Uuids();
  std::unordered_map<std::int64_t, std::vector<SeenFirmware>> changed;  // by the machine's id
  for (const FirmwareOfMac& each : seen) {
    const auto uuid = uuids.find(each.mac.value());
    const Machine* const machine =
        known.Find(each.mac, uuid == uuids.end() ? nullptr : &uuid->second);
    if (machine == nullptr) continue;
    const auto before = changed.find(machine->id);
    std::vector<SeenFirmware> its = before == changed.end() ? machine->firmware : before->second;
    if (!Remember(each.firmware, now_unix_seconds, its)) continue;
    changed.insert_or_assign(machine->id, std::move(its));
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
