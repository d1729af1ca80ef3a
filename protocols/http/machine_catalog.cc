// SPDX-License-Identifier: Apache-2.0
#include "protocols/http/machine_catalog.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

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

std::uint32_t TagOf(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

// Addresses and UUIDs are told apart by their lengths.
bool HasKey(const MachineFiles& machine, Bytes octets) {
  return (machine.mac && std::ranges::equal(machine.mac->octets, octets)) ||
         (machine.uuid && std::ranges::equal(machine.uuid->octets, octets));
}

}  // namespace

MachineCatalog::MachineCatalog(std::vector<std::shared_ptr<const MachineFiles>> machines)
    : machines_(std::move(machines)) {
  std::size_t keys = 0;
  for (const auto& machine : machines_)
    keys += (machine->mac ? 1U : 0U) + (machine->uuid ? 1U : 0U);
  slots_.resize(std::bit_ceil(2 * keys + 1));
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (machines_[i]->mac) Add(machines_[i]->mac->octets, i);
    if (machines_[i]->uuid) Add(machines_[i]->uuid->octets, i);
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
  std::uint32_t found = 0;
  if (const auto mac = MacOf(key)) {
    found = IndexOf(mac->octets);
  } else if (const auto uuid = Uuid::Parse(key)) {
    found = IndexOf(uuid->octets);
  }
  return found == 0 ? nullptr : machines_[found - 1].get();
}

const std::shared_ptr<const MachineFiles>& MachineCatalog::Share(
    const std::optional<MacAddress>& mac, const std::optional<Uuid>& uuid) const {
  static const std::shared_ptr<const MachineFiles> kNone;
  std::uint32_t found = mac ? IndexOf(mac->octets) : 0;
  if (found == 0 && uuid) found = IndexOf(uuid->octets);
  return found == 0 ? kNone : machines_[found - 1];
}

void MachineCatalog::Add(Bytes octets, std::size_t machine) {
  const std::uint64_t hash = SipHash({}, octets);
  Slot& slot = slots_[Place(octets, hash)];
  if (slot.machine == 0) slot = {static_cast<std::uint32_t>(machine + 1), TagOf(hash)};
}

std::uint32_t MachineCatalog::IndexOf(Bytes octets) const {
  return slots_[Place(octets, SipHash({}, octets))].machine;
}

std::size_t MachineCatalog::Place(Bytes octets, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>(hash) & mask;
  while (slots_[at].machine != 0 &&
         (slots_[at].tag != TagOf(hash) || !HasKey(*machines_[slots_[at].machine - 1], octets))) {
    at = (at + 1) & mask;
  }
  return at;
}

}  // namespace slipway::http
