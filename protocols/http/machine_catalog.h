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
// Invariant: as TableCatalog, it is one table with open addressing, at most half full, and
// allocates when it is built and never after.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
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
  // For whoever builds the next one: by its address, else by its UUID; null where there is none.
  // Counts are shared, so workers leave both alone.
  const std::shared_ptr<const MachineFiles>& Share(const std::optional<MacAddress>& mac,
                                                   const std::optional<Uuid>& uuid) const;
  std::span<const std::shared_ptr<const MachineFiles>> machines() const { return machines_; }

 private:
  struct Slot {
    std::uint32_t machine = 0;  // index + 1 into machines_; 0 is free
    std::uint32_t tag = 0;      // of the key's hash: other machines are passed by unread
  };
  // A key is the octets of an address, 6, or of a UUID, 16. Where it is, or the free slot where it
  // would be.
  std::size_t Place(Bytes octets, std::uint64_t hash) const;
  void Add(Bytes octets, std::size_t machine);
  std::uint32_t IndexOf(Bytes octets) const;  // as Slot::machine

  std::vector<std::shared_ptr<const MachineFiles>> machines_;
  std::vector<Slot> slots_;  // a power of two many
};

}  // namespace slipway::http
