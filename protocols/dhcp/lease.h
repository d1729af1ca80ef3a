// SPDX-License-Identifier: Apache-2.0
//
// Lease: who holds an address, in which state, until when (RFC 2131 2.1, 4.3.1).
//
// A plain fixed-size value: it crosses a ring to the journal and comes back at start-up by memcpy.
// Expiry is wall-clock seconds, because it must outlive the process; dhcp::Server is told the wall
// time of its Time zero, and what it grants ends by its own time: whoever journals a change puts
// that right where the wall clock was set meanwhile. A lease in kOffered is never written to the
// journal: an offer that was forgotten is simply made again, and its REQUEST is granted if the
// address is still free. Client identifiers are bounded (RFC 4361's longest in use is 23 bytes); a
// longer one is a Drop.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "protocols/base/bytes.h"
#include "protocols/base/ipv4.h"
#include "protocols/base/mac.h"
#include "protocols/base/uuid.h"

namespace slipway::dhcp {

inline constexpr std::size_t kClientIdentifierMax = 64;

// Option 61 as sent, type byte included; empty when the client sent none.
struct ClientIdentifier {
  std::uint8_t size = 0;
  std::array<std::uint8_t, kClientIdentifierMax> octets{};

  // `bytes` must fit.
  static ClientIdentifier From(Bytes bytes) {
    ClientIdentifier id;
    id.size = static_cast<std::uint8_t>(Copy(bytes, id.octets));
    return id;
  }
  Bytes bytes() const { return Bytes(octets).first(size); }
  friend bool operator==(const ClientIdentifier& a, const ClientIdentifier& b) {
    return Equal(a.bytes(), b.bytes());
  }
};

enum class LeaseState : std::uint8_t {
  kOffered,   // an OFFER is out; in memory only
  kBound,     // acknowledged
  kDeclined,  // somebody else uses it: in quarantine until expiry
  kReleased,  // given back; kept so that the same client gets it again
};

constexpr std::string_view Name(LeaseState state) {
  switch (state) {
    case LeaseState::kOffered:
      return "offered";
    case LeaseState::kBound:
      return "bound";
    case LeaseState::kDeclined:
      return "declined";
    case LeaseState::kReleased:
      return "released";
  }
  return "";
}

struct Lease {
  Ipv4Address address;
  MacAddress mac;
  ClientIdentifier client_identifier;
  Uuid uuid;  // !is_set() when the client named none
  LeaseState state = LeaseState::kOffered;
  std::int64_t expires_unix_seconds = 0;
  // Counts the server's changes; names one of them, for Abandon().
  std::uint64_t revision = 0;

  friend bool operator==(const Lease&, const Lease&) = default;
};

// The whole lease after the change.
using LeaseChange = Lease;
static_assert(std::is_trivially_copyable_v<LeaseChange>);

}  // namespace slipway::dhcp
