// SPDX-License-Identifier: Apache-2.0
//
// What must fit between the keys of slipway.toml: addresses and networks, machines told apart,
// ports and cores named once, certificates that cover what boot URIs name.
#pragma once

#include <filesystem>
#include <vector>

#include "control/config/document.h"

namespace slipway::control {

// What was found: problems keep the daemon from starting, warnings are told.
struct Findings {
  std::vector<Problem>& problems;
  std::vector<Problem>& warnings;
};

// Appends to `findings`. Keys that were wrong by themselves are passed over.
void CrossCheck(const Section& root, const std::filesystem::path& file, Findings findings);

// Parts, each in a file of its own.
class Complaints {
 public:
  Complaints(const std::filesystem::path& file, Findings findings)
      : file_(file), problems_(findings.problems), warnings_(findings.warnings) {}

  const std::filesystem::path& file() const { return file_; }
  // "path.key = value: what" at the key's place.
  void Add(const Section& section, std::string_view key, std::string_view what);
  // The same as a warning.
  void Warn(const Section& section, std::string_view key, std::string_view what);
  // The same for one element of a list.
  void AddElement(const Section& section, std::string_view key, std::size_t index,
                  std::string_view element, std::string_view what);
  // Of the table as a whole.
  void Add(const Section& section, std::string_view what);

 private:
  const std::filesystem::path& file_;
  std::vector<Problem>& problems_;
  std::vector<Problem>& warnings_;
};

void CheckPorts(const Section& root, Complaints& complaints);
void CheckNetworks(const Section& root, Complaints& complaints);
// Pools and reservations that take the gateway which a port lends its networks as their router.
// Apart, as a network that is served is not refused for it when the port gets another gateway.
void CheckLentRouters(const Section& root, Complaints& complaints);
void CheckMachines(const Section& root, Complaints& complaints);
void CheckBoot(const Section& root, Complaints& complaints);
void CheckTls(const Section& root, Complaints& complaints);
void CheckSecureBoot(const Section& root, Complaints& complaints);

}  // namespace slipway::control
