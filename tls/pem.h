// SPDX-License-Identifier: Apache-2.0
//
// Owners for OpenSSL's certificates and keys, and their PEM text (RFC 7468).
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::tls {

struct OpensslFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using X509Pointer = std::unique_ptr<X509, OpensslFree>;
using KeyPointer = std::unique_ptr<EVP_PKEY, OpensslFree>;
using BioPointer = std::unique_ptr<BIO, OpensslFree>;

// Every certificate of the text, in order; empty when there is none or one is malformed.
std::vector<X509Pointer> ReadCertificates(std::string_view pem);
// Null when there is no unencrypted private key in the text.
KeyPointer ReadPrivateKey(std::string_view pem);

std::string ToPem(X509* certificate);
std::string ToPem(EVP_PKEY* key);  // PKCS #8, unencrypted

}  // namespace slipway::tls
