// SPDX-License-Identifier: Apache-2.0
//
// Condition: what a message must say for a choice of the policy to apply. A term compares one fact,
// as text, with patterns; a condition holds when all of its terms do. Nothing here takes heap.
//
// The control plane decides beforehand what it can (what it knows of a machine); terms are left for
// what only the message tells.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/dhcp/client.h"

namespace slipway::dhcp {

struct Message;

// X(Name, "word"): a fact and the word that names it in selectors.
#define SLIPWAY_DHCP_FACTS(X)                                                                      \
  X(Mac, "mac")                    /* "52:54:00:12:34:56" */                                       \
  X(Uuid, "uuid")                  /* with dashes; "" without option 97 */                         \
  X(ClientIdentifier, "client-id") /* option 61 in hexadecimal digits */                           \
  X(Circuit, "circuit-id")         /* option 82.1 (RFC 3046): its text, or hexadecimal digits */   \
  X(Remote, "remote-id")           /* option 82.2, the same */                                     \
  X(Architecture, "arch")          /* of each in option 93: "x64", "arm64"; a number if unknown */ \
  X(Client, "client")              /* "http", "ipxe", "pxe", "plain" */                            \
  X(VendorClass, "vendor-class")   /* option 60 */                                                 \
  X(Network, "network")            /* the name of the network the message came from */             \
  X(Fingerprint, "dhcp-fingerprint") /* of the software that sent it (fingerprint.h), 16 digits */

enum class Fact : std::uint8_t {
#define SLIPWAY_DHCP_FACT_ENUMERATOR(name, word) k##name,
  SLIPWAY_DHCP_FACTS(SLIPWAY_DHCP_FACT_ENUMERATOR)
#undef SLIPWAY_DHCP_FACT_ENUMERATOR
};
inline constexpr std::string_view kFactWords[] = {
#define SLIPWAY_DHCP_FACT_WORD(name, word) word,
    SLIPWAY_DHCP_FACTS(SLIPWAY_DHCP_FACT_WORD)
#undef SLIPWAY_DHCP_FACT_WORD
};

struct Term {
  Fact fact = Fact::kMac;
  bool negated = false;
  std::vector<std::string> patterns;  // any of them

  friend bool operator==(const Term&, const Term&) = default;
};

// The message a condition is held against; views, for one call.
struct Facts {
  const Client& client;
  const Message& message;
  std::string_view network;
  // Made when a term first asks for it, once for all of them, where it was not given; 0: none.
  mutable std::optional<std::uint64_t> fingerprint = {};
};

bool Holds(const Term& term, const Facts& facts);
bool Holds(std::span<const Term> terms, const Facts& facts);

// '*' stands for any text, an empty one too; ASCII letters compare without their case.
bool FitsPattern(std::string_view pattern, std::string_view text);

// The word for a code of option 93, "x64" for firmware's HTTP and PXE alike; "" when unknown.
std::string_view ArchitectureWord(std::uint16_t code);

}  // namespace slipway::dhcp
