// SPDX-License-Identifier: Apache-2.0
#include "control/registry/secure_client.h"

#include <httplib.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

namespace slipway::control {
namespace {

struct FreeStore {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};
using TrustStore = std::unique_ptr<X509_STORE, FreeStore>;

// Null when there is no certificate in the text.
TrustStore StoreOf(const std::string& pem) {
  TrustStore store(X509_STORE_new());
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  int count = 0;
  while (X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    count += X509_STORE_add_cert(store.get(), certificate);
    X509_free(certificate);
  }
  BIO_free(bio);
  ERR_clear_error();  // the end of the text is one, which TLS would take for its own
  return count != 0 ? std::move(store) : nullptr;
}

}  // namespace

std::shared_ptr<httplib::SSLClient> MakeSecureClient(const std::string& host, int port,
                                                     const std::string& ca_pem) {
  auto client = std::make_shared<httplib::SSLClient>(host, port);
  // The client owns it from then on.
  if (auto store = StoreOf(ca_pem)) client->set_ca_cert_store(store.release());
  client->enable_server_certificate_verification(true);
  client->set_connection_timeout(10);
  client->set_read_timeout(30);
  client->set_decompress(false);
  return client;
}

bool HasCertificate(const std::string& pem) { return StoreOf(pem) != nullptr; }

}  // namespace slipway::control
