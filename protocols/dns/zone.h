// SPDX-License-Identifier: Apache-2.0
//
// Zone: the names that machines boot from, and their addresses.
//
// Built by the control plane (it allocates), then never changed: workers only look names up.
//
// With an origin ("boot.example"), we are the authority for it and all below it: what is not there
// does not exist (NXDOMAIN). Without one, each name is a zone of its own. What is outside is not
// ours to deny: REFUSED, so that a client with other servers asks them (RFC 1035 4.1.1). On a
// network where nothing but booting happens, Outside::kNxdomain ends a client's search at once,
// at the price of a lie. Every A record also gives the way back (PTR, RFC 1035 3.5).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocols/base/ipv4.h"
#include "protocols/base/ipv6.h"
#include "protocols/dns/name.h"

namespace slipway::dns {

enum class Outside : std::uint8_t { kRefused, kNxdomain };

struct ZoneSettings {
  Name origin;                          // the root: none
  std::uint32_t ttl_seconds = 60;       // of addresses
  std::uint32_t negative_seconds = 10;  // of "there is none" (RFC 2308)
  std::uint32_t serial = 1;             // of the SOA
  Outside outside = Outside::kRefused;
};

class Zone {
 public:
  struct Entry {
    Name name;
    std::vector<Ipv4Address> ipv4;
    std::vector<Ipv6Address> ipv6;
  };

  Zone() = default;
  explicit Zone(const ZoneSettings& settings) : settings_(settings) {}

  // False when `name` is no domain name, or outside of the origin. The same address twice is one.
  bool Add(std::string_view name, Ipv4Address address);
  bool Add(std::string_view name, const Ipv6Address& address);

  const ZoneSettings& settings() const { return settings_; }
  bool empty() const { return entries_.empty(); }

  // Null when there is none of that name.
  const Entry* Find(const Name& name) const;
  // Something is below `name`: it exists, though it holds nothing (RFC 8020).
  bool HasBelow(const Name& name) const;
  // The zone that is the authority for `name`: the origin or a name of its own; nullopt: outside.
  std::optional<Name> AuthorityFor(const Name& name) const;
  // For 4.3.2.1.in-addr.arpa, the first name that has 1.2.3.4.
  const Entry* FindReverse(const Name& name) const;

 private:
  Entry* FindOrAdd(std::string_view name);

  ZoneSettings settings_;
  std::vector<Entry> entries_;  // sorted by name
};

}  // namespace slipway::dns
