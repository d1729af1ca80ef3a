// SPDX-License-Identifier: Apache-2.0
//
// Starting DPDK's Environment Abstraction Layer, once per process, from a plain struct.
//
// What usually goes wrong on a new machine (no hugepages, a NIC still bound to its kernel driver,
// vfio-pci not loaded, no IOMMU) is looked for before EAL starts, because EAL can be started only
// once and says little: the error names what is missing and the command that mends it.
//
// Without hugepages (--no-huge) EAL runs as any user; vdev ports work, PCI ports do not. The IOVA
// mode is always VA: image memory and packets are then one address space for every port.
// Left out: secondary processes (nothing is shared), and IOVA mode PA (NICs without an IOMMU).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace slipway::dataplane {

struct EalOptions {
  std::vector<unsigned> cores;  // for workers; empty: the first the process may run on
  bool hugepages = false;
  std::size_t memory_mib = 256;    // packets, images and DPDK's own
  std::vector<std::string> pci;    // addresses EAL may take; empty: no PCI device at all
  std::vector<std::string> vdevs;  // created at start; ports create theirs themselves
  std::string file_prefix = "slipway";
  std::string log_level = "warning";  // as DPDK names them; to standard error
};

// Ends EAL when it dies. Every pool, port and image memory must be gone by then.
class EalGuard {
 public:
  static absl::StatusOr<std::unique_ptr<EalGuard>> Start(const EalOptions& options);
  ~EalGuard();
  EalGuard(const EalGuard&) = delete;
  EalGuard& operator=(const EalGuard&) = delete;

 private:
  EalGuard() = default;
};

// The arguments EAL is given; the first is the program's name.
std::vector<std::string> EalArguments(const EalOptions& options);

// What stands in the way of these options on this machine, with the remedy; OK when nothing does.
// `root` is where /sys and /proc are looked for ("" on a real machine).
absl::Status CheckEalPrerequisites(const EalOptions& options, const std::string& root = "");

}  // namespace slipway::dataplane
