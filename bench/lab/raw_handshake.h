// SPDX-License-Identifier: Apache-2.0
//
// What a TLS handshake costs OpenSSL alone, server side: no wire, no TCP, no records of ours, over
// memory. Certificate, suite and groups are those of the row.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>

#include "tls/context.h"

namespace slipway::bench {

struct RawHandshakes {
  std::uint64_t count = 0;
  std::uint64_t cycles = 0;  // TSC, spent in the server's calls only
  double cycles_each() const { return static_cast<double>(cycles) / static_cast<double>(count); }
};

// Handshakes over memory for so many seconds between `server` and clients made of `client`.
RawHandshakes MeasureRawHandshakes(SSL_CTX* server, SSL_CTX* client, double seconds);

// A server context with one certificate, a ticket each and no session cache, as the row's server.
// `properties`: tls::KeyAgreementProperties(), or nullptr for OpenSSL as it comes.
SSL_CTX* NewRawServer(const tls::Certificate& certificate, const char* properties);

// A client context as a machine of the row uses it: TLS 1.3, or TLS 1.2 with DHE and RSA.
SSL_CTX* NewRawClient(bool firmware);

}  // namespace slipway::bench
