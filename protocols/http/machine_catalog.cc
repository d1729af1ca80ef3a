// SPDX-License-Identifier: Apache-2.0
#include "protocols/http/machine_catalog.h"

#include <array>
#include <span>

#include "protocols/base/siphash.h"

namespace slipway::http {
namespace {

constexpr std::size_t kMacDigits = 12;
constexpr std::size_t kMacLetters = 17;

// The address of a key that is one; see the header for its spellings.
std::optional<MacAddress> MacOf(std::string_view key) {
  if (key.size() == kMacLetters + 3 && (key.starts_with("01-") || key.starts_with("01:"))) {
    key.remove_prefix(3);
  }
  if (key.size() != kMacDigits) return MacAddress::Parse(key);
  std::array<char, kMacLetters> spread;
  spread.fill(':');
  for (std::size_t i = 0; i < key.size(); ++i) spread[i / 2 * 3 + i % 2] = key[i];
  return MacAddress::Parse({spread.data(), spread.size()});
}

}  // namespace

MachineCatalog::MachineCatalog(std::vector<std::shared_ptr<const MachineFiles>> machines) {
  machines_.reserve(machines.size());
  for (const auto& machine : machines) {
    if (machine->mac) machines_.emplace(AsText(machine->mac->octets), machine);
    if (machine->uuid) machines_.emplace(AsText(machine->uuid->octets), machine);
  }
}

const Resource* MachineCatalog::Find(std::string_view normalised_path) const {
  if (!normalised_path.starts_with(kMachinePrefix)) return nullptr;
  normalised_path.remove_prefix(kMachinePrefix.size());
  const std::size_t slash = normalised_path.find('/');
  if (slash == normalised_path.npos) return nullptr;
  const MachineFiles* const machine = FindMachine(normalised_path.substr(0, slash));
  if (machine == nullptr) return nullptr;
  const std::string_view name = normalised_path.substr(slash);
  if (name.find('/', 1) != name.npos) return nullptr;
  for (const Resource& file : machine->files) {
    if (file.path.ends_with(name)) return &file;
  }
  return nullptr;
}

const MachineFiles* MachineCatalog::FindMachine(std::string_view key) const {
  if (const auto mac = MacOf(key)) return ByOctets(mac->octets);
  if (const auto uuid = Uuid::Parse(key)) return ByOctets(uuid->octets);
  return nullptr;
}

std::shared_ptr<const MachineFiles> MachineCatalog::Share(const std::optional<MacAddress>& mac,
                                                          const std::optional<Uuid>& uuid) const {
  auto found = mac ? machines_.find(AsText(mac->octets)) : machines_.end();
  if (found == machines_.end() && uuid) found = machines_.find(AsText(uuid->octets));
  return found == machines_.end() ? nullptr : found->second;
}

const MachineFiles* MachineCatalog::ByOctets(Bytes octets) const {
  const auto found = machines_.find(AsText(octets));
  return found == machines_.end() ? nullptr : found->second.get();
}

std::size_t MachineCatalog::Hash::operator()(std::string_view octets) const {
  return static_cast<std::size_t>(SipHash({}, AsBytes(octets)));
}

}  // namespace slipway::http
