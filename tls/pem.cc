// SPDX-License-Identifier: Apache-2.0
//
// PEM in and out of memory.
#include "tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "protocols/base/check.h"

namespace slipway::tls {
namespace {

BioPointer ReadOnly(std::string_view text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Keys of ours are never encrypted; a prompt on a terminal would hang a daemon.
int NoPassphrase(char*, int, int, void*) { return -1; }

std::string TextOf(BIO* bio) {
  const char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

std::vector<X509Pointer> ReadCertificates(std::string_view pem) {
  const BioPointer bio = ReadOnly(pem);
  std::vector<X509Pointer> certificates;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)) {
    certificates.emplace_back(certificate);
  }
  // The list ends well only where no further PEM block begins.
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!ended) certificates.clear();
  return certificates;
}

KeyPointer ReadPrivateKey(std::string_view pem) {
  const BioPointer bio = ReadOnly(pem);
  KeyPointer key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  return key;
}

std::string ToPem(X509* certificate) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  SLIPWAY_CHECK(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1);
  return TextOf(bio.get());
}

std::string ToPem(EVP_PKEY* key) {
  const BioPointer bio(BIO_new(BIO_s_secmem()));
  SLIPWAY_CHECK(bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0,
                                                                nullptr, nullptr) == 1);
  return TextOf(bio.get());
}

}  // namespace slipway::tls
