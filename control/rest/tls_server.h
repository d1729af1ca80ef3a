// SPDX-License-Identifier: Apache-2.0
//
// TLS of the management interface: the certificates that are in use when a handshake begins, of
// them those for the host that the client wants (state/management_chains.h), and, where
// management.client_ca is set, the client's. TLS 1.2 at least; no session is resumed, so
// that rights are looked at with each handshake.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "control/serve/core.h"

namespace slipway::control {

// False when the certificate or the client CA cannot be used. The core outlives the context.
bool PrepareTls(SSL_CTX& context, Core& core);

// A request's header is at most kHeadMax bytes of TLS records, else its connection ends: httplib
// bounds neither a line nor how many there are, and anybody may send them. Both are for the
// connection that this thread serves: httplib keeps to one thread for each.
inline constexpr std::size_t kHeadMax = std::size_t{256} << 10;
void AwaitHead();  // from here on the next request's
void EndHead();    // what follows is its body

// The names that a verified client certificate carries: the subject's common name and the DNS, mail
// and URI names of its subjectAltName; empty when the client showed none, or when it has ended
// since the handshake: connections and event streams may outlive a certificate.
std::vector<std::string> ClientNames(const SSL* ssl);

}  // namespace slipway::control
