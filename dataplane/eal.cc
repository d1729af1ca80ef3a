// SPDX-License-Identifier: Apache-2.0
#include "dataplane/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_format.h"
#include "dataplane/eal_log.h"

namespace slipway::dataplane {
namespace {

namespace fs = std::filesystem;

std::size_t FreeHugepageMib(const std::string& root) {
  std::size_t mib = 0;
  std::error_code none;
  for (const auto& size : fs::directory_iterator(root + "/sys/kernel/mm/hugepages", none)) {
    const std::string name = size.path().filename();  // hugepages-2048kB
    std::size_t kib = 0;
    if (std::sscanf(name.c_str(), "hugepages-%zukB", &kib) != 1) continue;
    std::size_t free = 0;
    std::ifstream(size.path() / "free_hugepages") >> free;
    mib += free * kib / 1024;
  }
  return mib;
}

absl::Status CheckPci(const std::string& device, const std::string& root) {
  const std::string address = device.substr(0, device.find(','));
  const fs::path path = root + "/sys/bus/pci/devices/" + address;
  std::error_code none;
  if (!fs::exists(path, none)) {
    return absl::NotFoundError(absl::StrFormat(
        "PCI device %s does not exist; `dpdk-devbind.py --status-dev net` lists what does",
        address));
  }
  const std::string driver = fs::read_symlink(path / "driver", none).filename();
  // Drivers DPDK shares with the kernel, and those made for user space.
  for (const char* usable : {"vfio-pci", "igb_uio", "uio_pci_generic", "mlx5_core", "mlx4_core"}) {
    if (driver == usable) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "PCI device %s is bound to %s; give it to user space with `modprobe vfio-pci && "
      "dpdk-devbind.py --bind=vfio-pci %s`",
      address, driver.empty() ? "no driver" : driver, address));
}

}  // namespace

absl::Status CheckEalPrerequisites(const EalOptions& options, const std::string& root) {
  if (options.hugepages) {
    const std::size_t free = FreeHugepageMib(root);
    if (free < options.memory_mib) {
      return absl::FailedPreconditionError(absl::StrFormat(
          "%d MiB of hugepages are needed and %d MiB are free; reserve more with "
          "`dpdk-hugepages.py "
          "--setup %dM`, lower the memory, or run without hugepages (vdev ports only)",
          options.memory_mib, free, options.memory_mib));
    }
  } else if (!options.pci.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "PCI port %s needs hugepages: a NIC cannot reach ordinary memory; switch hugepages on",
        options.pci.front()));
  }
  for (const std::string& device : options.pci) {
    if (absl::Status status = CheckPci(device, root); !status.ok()) return status;
  }
  return absl::OkStatus();
}

std::vector<std::string> EalArguments(const EalOptions& options) {
  std::vector<std::string> arguments = {"slipwayd",
                                        "--no-telemetry",
                                        "--iova-mode=va",
                                        "--file-prefix=" + options.file_prefix,
                                        "--log-level=" + options.log_level,
                                        "-m",
                                        std::to_string(options.memory_mib)};
  std::vector<unsigned> cores = options.cores;
  if (cores.empty()) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    static_cast<void>(sched_getaffinity(0, sizeof(allowed), &allowed));
    unsigned first = 0;
    while (first + 1 < CPU_SETSIZE && !CPU_ISSET(first, &allowed)) ++first;
    cores.push_back(first);
  }
  std::string list;
  for (const unsigned core : cores) list += (list.empty() ? "" : ",") + std::to_string(core);
  arguments.insert(arguments.end(), {"-l", list});
  // Ordinary memory is "legacy" to EAL, which --in-memory excludes; both leave no file behind.
  if (options.hugepages) {
    // One file for each run of pages: a vhost-user peer is handed eight of them at most.
    arguments.insert(arguments.end(), {"--in-memory", "--single-file-segments"});
  } else {
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  }
  if (options.pci.empty()) arguments.push_back("--no-pci");
  for (const std::string& device : options.pci) arguments.insert(arguments.end(), {"-a", device});
  for (const std::string& vdev : options.vdevs) arguments.push_back("--vdev=" + vdev);
  return arguments;
}

absl::StatusOr<std::unique_ptr<EalGuard>> EalGuard::Start(const EalOptions& options) {
  static std::atomic<bool> started{false};
  if (absl::Status status = CheckEalPrerequisites(options); !status.ok()) return status;
  if (started.exchange(true)) {
    return absl::FailedPreconditionError("DPDK's EAL can be started once in a process");
  }
  std::vector<std::string> arguments = EalArguments(options);
  std::vector<char*> argv;
  argv.reserve(arguments.size());
  for (std::string& argument : arguments) argv.push_back(argument.data());
  rte_openlog_stream(EalLogStream());
  rte_log_set_global_level(RTE_LOG_WARNING);
  // EAL pins the calling thread to the first core; it goes back to where it was, for it is not a
  // worker and the threads it starts inherit its place.
  cpu_set_t before;
  const bool known = sched_getaffinity(0, sizeof(before), &before) == 0;
  const int result = rte_eal_init(static_cast<int>(argv.size()), argv.data());
  if (known) static_cast<void>(sched_setaffinity(0, sizeof(before), &before));
  if (result < 0) {
    return absl::InternalError(absl::StrFormat(
        "DPDK's EAL did not start: %s (its own words are above); cores, %d MiB of memory and "
        "the devices named must exist",
        rte_strerror(rte_errno), options.memory_mib));
  }
  return std::unique_ptr<EalGuard>(new EalGuard);
}

EalGuard::~EalGuard() { static_cast<void>(rte_eal_cleanup()); }

}  // namespace slipway::dataplane
