// SPDX-License-Identifier: Apache-2.0
//
// MachineCatalog: files that each machine has of its own, at /machine/<KEY>/<name>. The key is the
// machine's MAC address or its UUID as clients write them:
//
//   52:54:00:12:34:56   iPXE's ${mac}, GRUB's $net_default_mac; also with '-', in either case
//   525400123456        iPXE's ${mac:hexraw}
//   01-52-54-...-56     pxelinux's and GRUB's BOOTIF, whose 01 says Ethernet
//   0a1b2c3d-0001-...   iPXE's ${uuid}, cloud-init's __dmi.system-uuid__; in either case
//
// Whoever knows a machine's address may ask for its files: a path is no secret.
// Invariant: as TableCatalog, it allocates when it is built and never after.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocols/base/mac.h"
#include "protocols/base/uuid.h"
#include "protocols/http/catalog.h"

namespace slipway::http {

inline constexpr std::string_view kMachinePrefix = "/machine/";

struct MachineFiles {
  std::optional<MacAddress> mac;
  std::optional<Uuid> uuid;
  std::vector<Resource> files;  // their paths end in '/' and the name
};

class MachineCatalog final : public Catalog {
 public:
  // Of two machines with one address or UUID the first has it.
  explicit MachineCatalog(std::vector<std::shared_ptr<const MachineFiles>> machines);

  const Resource* Find(std::string_view normalised_path) const override;
  // Null where the key is no machine's.
  const MachineFiles* FindMachine(std::string_view key) const;
  // For whoever builds the next one; its count is shared, so workers leave it alone.
  std::shared_ptr<const MachineFiles> Share(const std::optional<MacAddress>& mac,
                                            const std::optional<Uuid>& uuid) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view octets) const;
  };
  // By the octets of an address, 6, or of a UUID, 16.
  using Table =
      std::unordered_map<std::string, std::shared_ptr<const MachineFiles>, Hash, std::equal_to<>>;
  const MachineFiles* ByOctets(Bytes octets) const;

  Table machines_;
};

}  // namespace slipway::http
