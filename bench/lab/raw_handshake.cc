// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/raw_handshake.h"

#include <openssl/dh.h>
#include <openssl/pem.h>
#include <rte_cycles.h>

#include <array>
#include <memory>

#include "protocols/base/check.h"

namespace slipway::bench {
namespace {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Ssl = std::unique_ptr<SSL, SslFree>;

Ssl NewSsl(SSL_CTX* context, bool server) {
  Ssl ssl(SSL_new(context));
  SLIPWAY_CHECK(ssl != nullptr);
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  server ? SSL_set_accept_state(ssl.get()) : SSL_set_connect_state(ssl.get());
  return ssl;
}

// True when something was moved.
bool Move(SSL* from, SSL* to) {
  std::array<char, 16'384> bytes;
  bool moved = false;
  for (int size = BIO_read(SSL_get_wbio(from), bytes.data(), static_cast<int>(bytes.size()));
       size > 0;
       size = BIO_read(SSL_get_wbio(from), bytes.data(), static_cast<int>(bytes.size()))) {
    SLIPWAY_CHECK(BIO_write(SSL_get_rbio(to), bytes.data(), size) == size);
    moved = true;
  }
  return moved;
}

}  // namespace

RawHandshakes MeasureRawHandshakes(SSL_CTX* server_context, SSL_CTX* client_context,
                                   double seconds) {
  RawHandshakes result;
  const std::uint64_t end =
      rte_rdtsc() + static_cast<std::uint64_t>(seconds * static_cast<double>(rte_get_tsc_hz()));
  while (rte_rdtsc() < end) {
    const std::uint64_t made = rte_rdtsc();
    Ssl server = NewSsl(server_context, true);
    result.cycles += rte_rdtsc() - made;
    const Ssl client = NewSsl(client_context, false);
    bool client_done = false;
    bool server_done = false;
    while (!client_done || !server_done) {
      client_done = SSL_do_handshake(client.get()) == 1;
      const bool asked = Move(client.get(), server.get());
      const std::uint64_t began = rte_rdtsc();
      server_done = SSL_do_handshake(server.get()) == 1;
      result.cycles += rte_rdtsc() - began;
      SLIPWAY_CHECK(Move(server.get(), client.get()) || asked || (client_done && server_done));
    }
    const std::uint64_t over = rte_rdtsc();
    server.reset();
    result.cycles += rte_rdtsc() - over;
    ++result.count;
  }
  return result;
}

SSL_CTX* NewRawServer(const tls::Certificate& certificate, const char* properties) {
  SSL_CTX* const context = SSL_CTX_new_ex(nullptr, properties, TLS_server_method());
  SLIPWAY_CHECK(context != nullptr);
  BIO* const chain =
      BIO_new_mem_buf(certificate.chain_pem.data(), static_cast<int>(certificate.chain_pem.size()));
  X509* const leaf = PEM_read_bio_X509(chain, nullptr, nullptr, nullptr);
  SLIPWAY_CHECK(SSL_CTX_use_certificate(context, leaf) == 1);
  X509_free(leaf);
  BIO_free(chain);
  BIO* const pem = BIO_new_mem_buf(certificate.private_key_pem.data(),
                                   static_cast<int>(certificate.private_key_pem.size()));
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(pem, nullptr, nullptr, nullptr);
  SLIPWAY_CHECK(SSL_CTX_use_PrivateKey(context, key) == 1);
  EVP_PKEY_free(key);
  BIO_free(pem);
  // One stateless ticket for each, as the appliance gives.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SLIPWAY_CHECK(SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1);
  EVP_PKEY_CTX* const group = EVP_PKEY_CTX_new_from_name(nullptr, "DH", properties);
  EVP_PKEY* parameters = nullptr;
  SLIPWAY_CHECK(EVP_PKEY_keygen_init(group) == 1 &&
                EVP_PKEY_CTX_set_dh_nid(group, NID_ffdhe2048) == 1 &&
                EVP_PKEY_keygen(group, &parameters) == 1);
  SLIPWAY_CHECK(SSL_CTX_set0_tmp_dh_pkey(context, parameters) == 1);
  EVP_PKEY_CTX_free(group);
  return context;
}

SSL_CTX* NewRawClient(bool firmware) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SLIPWAY_CHECK(context != nullptr);
  if (firmware) {
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SLIPWAY_CHECK(SSL_CTX_set_cipher_list(context, "DHE-RSA-AES128-GCM-SHA256") == 1);
  } else {
    SLIPWAY_CHECK(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1);
  }
  return context;
}

}  // namespace slipway::bench
