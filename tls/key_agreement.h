// SPDX-License-Identifier: Apache-2.0
//
// Diffie-Hellman and ECDH of OpenSSL's default provider, with one thing otherwise: a peer's public
// key gets the partial check of SP 800-56A rev. 3 (5.6.2.3.2, 5.6.2.3.4), not the full one.
//
// libssl 3.0 asks for the full check, which is a multiplication by the group's order: Y^q mod p has
// an exponent of 2,047 bits where a private key has 225. In every handshake of firmware without
// ECDHE that is 1.8 ms beside 0.3 ms for the secret itself; with P-256 it is 0.11 beside 0.09.
//
// ffdhe2048   1 < Y < p - 1, as RFC 7919 5.1 asks. The full check finds nothing more that could do
//             harm: p = 2q + 1, so what the range leaves has order q or 2q, and that tells one bit
//             of a key that is used once, as libssl's are.
// P-256, 384  the point is on the curve, as RFC 8446 4.2.8.2 asks; all of those have its order
//             (the cofactor is 1).
// Others      what the default provider's quick check makes of them; a DH group without a name gets
//             the full one.
#pragma once

namespace slipway::tls {

// The properties by which an SSL_CTX of the default library context finds it (SSL_CTX_new_ex,
// EVP_PKEY_CTX_new_from_name): "?provider=slipway". nullptr: this OpenSSL is configured without
// its default provider, and everything is as it comes. Any thread; made once, never undone.
const char* KeyAgreementProperties();

}  // namespace slipway::tls
