// SPDX-License-Identifier: Apache-2.0
//
// Diffie-Hellman of OpenSSL's default provider, with one thing otherwise: of a peer's public key in
// a group that is known by name (ffdhe2048) it is checked that 1 < Y < p - 1, as RFC 7919 5.1 asks
// and SP 800-56A rev. 3 5.6.2.3.2 allows where keys are ephemeral, as ours are.
//
// libssl 3.0 asks for the full check, Y^q mod p, whose exponent has 2,047 bits where a private key
// has 225: 1.8 ms beside 0.3 ms for the secret itself, in every handshake of a machine that
// offers no ECDHE. For p = 2q + 1 with q prime the full check finds nothing more that could do
// harm: what the range leaves has order q or 2q, which tells an attacker one bit of a key used
// once.
#pragma once

namespace slipway::tls {

// The properties by which an SSL_CTX of the default library context finds it (SSL_CTX_new_ex,
// EVP_PKEY_CTX_new_from_name): "?provider=slipway". nullptr: this OpenSSL is set up without its
// default provider, and everything is as it comes. Any thread; made once, never undone.
const char* DhProperties();

}  // namespace slipway::tls
