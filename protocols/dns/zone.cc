// SPDX-License-Identifier: Apache-2.0
#include "protocols/dns/zone.h"

#include <algorithm>

namespace slipway::dns {
namespace {

bool Less(const Zone::Entry& entry, const Name& name) {
  return std::ranges::lexicographical_compare(entry.name.wire(), name.wire());
}

template <class Address>
void AddOnce(std::vector<Address>& addresses, const Address& address) {
  if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
}

// The address that a name below in-addr.arpa stands for (RFC 1035 3.5).
std::optional<Ipv4Address> ReverseAddress(const Name& name) {
  static constexpr std::string_view kSuffix = "\7in-addr\4arpa";
  std::string_view rest = AsText(name.wire());
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const std::size_t size = static_cast<std::uint8_t>(rest[0]);
    if (size < 1 || size > 3) return std::nullopt;
    std::uint32_t octet = 0;
    for (const char digit : rest.substr(1, size)) {
      if (digit < '0' || digit > '9') return std::nullopt;
      octet = octet * 10 + static_cast<std::uint32_t>(digit - '0');
    }
    if (octet > 255 || (size > 1 && rest[1] == '0')) return std::nullopt;
    value |= octet << (8 * i);
    rest.remove_prefix(1 + size);
  }
  if (rest.substr(0, kSuffix.size()) != kSuffix || rest.size() != kSuffix.size() + 1) {
    return std::nullopt;
  }
  return Ipv4Address(value);
}

}  // namespace

Zone::Entry* Zone::FindOrAdd(std::string_view text) {
  const auto name = Name::Parse(text);
  if (!name || name->is_root() || !name->IsWithin(settings_.origin)) return nullptr;
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), *name, Less);
  if (at != entries_.end() && at->name == *name) return &*at;
  return &*entries_.insert(at, Entry{*name, {}, {}});
}

bool Zone::Add(std::string_view name, Ipv4Address address) {
  Entry* entry = FindOrAdd(name);
  if (entry != nullptr) AddOnce(entry->ipv4, address);
  return entry != nullptr;
}

bool Zone::Add(std::string_view name, const Ipv6Address& address) {
  Entry* entry = FindOrAdd(name);
  if (entry != nullptr) AddOnce(entry->ipv6, address);
  return entry != nullptr;
}

const Zone::Entry* Zone::Find(const Name& name) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), name, Less);
  return at != entries_.end() && at->name == name ? &*at : nullptr;
}

bool Zone::HasBelow(const Name& name) const {
  return std::ranges::any_of(entries_, [&name](const Entry& entry) {
    return !(entry.name == name) && entry.name.IsWithin(name);
  });
}

std::optional<Name> Zone::AuthorityFor(const Name& name) const {
  if (!settings_.origin.is_root()) {
    return name.IsWithin(settings_.origin) ? std::optional(settings_.origin) : std::nullopt;
  }
  // The nearest of our names at or above it.
  for (Name apex = name; !apex.is_root(); apex = apex.Parent()) {
    if (Find(apex) != nullptr) return apex;
  }
  return std::nullopt;
}

const Zone::Entry* Zone::FindReverse(const Name& name) const {
  const auto address = ReverseAddress(name);
  if (!address) return nullptr;
  const auto found = std::ranges::find_if(entries_, [&address](const Entry& entry) {
    return std::ranges::find(entry.ipv4, *address) != entry.ipv4.end();
  });
  return found == entries_.end() ? nullptr : &*found;
}

}  // namespace slipway::dns
