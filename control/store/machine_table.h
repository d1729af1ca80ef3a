// SPDX-License-Identifier: Apache-2.0
//
// MachineTable: the machines of the catalog. Whoever shares the database holds its mutex around
// every call; Put and Remove belong in a transaction with their audit records.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/policy/machine.h"
#include "control/store/sqlite.h"

namespace slipway::control {

class MachineTable {
 public:
  explicit MachineTable(Database& database) : database_(database) {}

  absl::StatusOr<std::vector<Machine>> All();  // by id
  // Those with this MAC or this UUID: one, unless the two belong to different machines.
  absl::StatusOr<std::vector<Machine>> Same(const std::optional<MacAddress>& mac,
                                            const std::optional<Uuid>& uuid);
  absl::StatusOr<std::int64_t> Count();
  // Takes the place of `before`, where there is one; else it is given an id.
  absl::StatusOr<Machine> Put(const Machine& machine, const std::optional<Machine>& before);
  absl::Status Remove(std::int64_t id);
  absl::Status CountBoot(std::int64_t id, bool completed);

 private:
  absl::Status Write(Machine& machine);

  Database& database_;
};

// For the audit log.
std::string TitleOf(const Machine& machine);
nlohmann::json Told(const Machine& machine);

}  // namespace slipway::control
