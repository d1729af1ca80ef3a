// SPDX-License-Identifier: Apache-2.0
//
// MachineTable: the machines of the catalog, kept in memory from the first reading on: each
// publication asks for all of them, and reading 10,000 took most of its time. Whoever shares the
// database holds its mutex around every call, is the only one to write it, and says Forget() where
// a change was not committed. Put and Remove belong in a transaction with their audit records.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/policy/machine.h"
#include "control/store/sqlite.h"

namespace slipway::control {

// Steps of the catalog's history.
extern const char* const kCountedMigration;
extern const char* const kCountedOfMacsMigration;

class MachineTable {
 public:
  explicit MachineTable(Database& database) : database_(database) {}

  absl::StatusOr<MachineList> All();  // by id
  // Those with this MAC or this UUID: one, unless the two belong to different machines.
  absl::StatusOr<std::vector<Machine>> Same(const std::optional<MacAddress>& mac,
                                            const std::optional<Uuid>& uuid);
  // The record that this machine takes the place of: the one of its id, though it has another MAC
  // or UUID now; else the one of its MAC or UUID. An error where these are two.
  absl::StatusOr<std::optional<Machine>> TakenPlaceOf(const Machine& machine);
  absl::StatusOr<std::int64_t> Count();
  // Takes the place of `before`, where there is one; else it is given an id.
  absl::StatusOr<Machine> Put(const Machine& machine, const std::optional<Machine>& before);
  absl::StatusOr<Machine> Remove(std::int64_t id);  // as it was
  // Once (policy/counted_boot.h); nothing where there is no such machine.
  absl::Status CountBoot(std::int64_t id, const CountedBoot& boot);
  // In the place of what was seen before; nothing where there is no such machine.
  absl::Status NoteFirmware(std::int64_t id, const std::vector<SeenFirmware>& seen);
  // Reads anew what is asked for next: the changes since the last commit are not to be.
  void Forget() { kept_.reset(); }

 private:
  absl::StatusOr<std::vector<Machine>> OfId(std::int64_t id);  // one, or none
  absl::Status Write(Machine& machine);

  Database& database_;
  std::optional<std::map<std::int64_t, std::shared_ptr<const Machine>>> kept_;  // by id
};

// For the audit log.
std::string TitleOf(const Machine& machine);
nlohmann::json Told(const Machine& machine);

}  // namespace slipway::control
