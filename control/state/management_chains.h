// SPDX-License-Identifier: Apache-2.0
//
// What the management interface shows to whoever connects: the operator's chains, and a certificate
// of our own CA beside them.
//
// Ours stays, because `slipway` on the appliance asks for 127.0.0.1 and trusts ca.pem, and so does
// whoever pinned that CA before there was a chain of the operator's: no authority but ours signs
// such an address, and a site's first certificate must lock nobody out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tls/certificates.h"
#include "tls/pem.h"

namespace slipway::control {

struct ManagementChains {
  std::vector<tls::Certificate> brought;  // one of each kind of key at most; may be empty
  tls::Certificate own;
};

// What handshakes need of one of them.
struct ShownChain {
  std::vector<tls::X509Pointer> certificates;  // the first is the server's; empty: unreadable
  tls::KeyPointer key;                         // null: unreadable
};
// All of them, as they are read once, when they come into use: no handshake parses text. Any thread
// may look at them: libssl counts references and locks what it keeps in them.
struct ShownChains {
  explicit ShownChains(const ManagementChains& chains);

  std::vector<ShownChain> brought;
  ShownChain own;
};

// Those to show to a client that wants to reach `host`, a name or an address: of the operator's,
// the ones that cover it and are valid now; else ours, where that covers it. Where none does, the
// operator's, since the client refuses any. Never empty. They point into `chains`.
std::vector<const ShownChain*> ChainsFor(const ShownChains& chains, const std::string& host,
                                         std::int64_t now_unix_seconds);

// Whether clients with a clock take it: neither the first certificate nor its issuer, if that is in
// the chain, has ended or is yet to begin.
bool IsValidAt(const ShownChain& chain, std::int64_t now_unix_seconds);

}  // namespace slipway::control
