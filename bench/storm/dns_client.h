// SPDX-License-Identifier: Apache-2.0
//
// A stub resolver's two messages (RFC 1035 4.1): a question for an A record, and the first address
// in its answer.
#pragma once

#include <optional>
#include <string_view>

#include "protocols/base/bytes.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/strong.h"

namespace slipway::storm {

inline constexpr Port kDnsPort{53};

// Writes to the front of `out` (300 bytes do) and returns the size; 0 for what is no name.
std::size_t WriteDnsQuery(std::uint16_t id, std::string_view name, MutableBytes out);

struct DnsAnswer {
  std::uint16_t id = 0;
  std::optional<Ipv4Address> address;
};
// nullopt for what is no answer at all.
std::optional<DnsAnswer> ReadDnsAnswer(Bytes payload);

}  // namespace slipway::storm
