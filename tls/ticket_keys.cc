// SPDX-License-Identifier: Apache-2.0
//
// Ticket keys behind SSL_CTX_set_tlsext_ticket_key_evp_cb(3).
#include "tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "protocols/base/check.h"

namespace slipway::tls {
namespace {

// What the callback gives back to libssl.
constexpr int kError = -1;
constexpr int kUnknownKey = 0;
constexpr int kUse = 1;
constexpr int kUseAndRenew = 2;

TicketKey RandomKey() {
  TicketKey key;
  SLIPWAY_CHECK(RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1);
  SLIPWAY_CHECK(RAND_priv_bytes(key.cipher_key.data(), static_cast<int>(key.cipher_key.size())) ==
                1);
  SLIPWAY_CHECK(RAND_priv_bytes(key.mac_key.data(), static_cast<int>(key.mac_key.size())) == 1);
  return key;
}

struct Operation {
  const TicketKey& key;
  std::uint8_t* iv;
  EVP_CIPHER_CTX* cipher;
  EVP_MAC_CTX* mac;
  bool encrypt;
};

bool Prepare(const Operation& operation) {
  std::array<std::uint8_t, 32> mac_key = operation.key.mac_key;
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key.data(), mac_key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  const bool ok = EVP_MAC_CTX_set_params(operation.mac, params) == 1 &&
                  EVP_CipherInit_ex(operation.cipher, EVP_aes_256_cbc(), nullptr,
                                    operation.key.cipher_key.data(), operation.iv,
                                    operation.encrypt ? 1 : 0) == 1;
  OPENSSL_cleanse(mac_key.data(), mac_key.size());
  return ok;
}

int OnTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
             EVP_MAC_CTX* mac, int encrypt) {
  const auto* keys = static_cast<const TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const std::shared_ptr<const TicketKeyPair> pair = keys->pair();
  const std::size_t name_size = pair->current.name.size();
  if (encrypt != 0) {
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return kError;
    static_cast<void>(Copy(pair->current.name, {name, name_size}));
    return Prepare({pair->current, iv, cipher, mac, true}) ? kUse : kError;
  }
  const Bytes wanted{name, name_size};
  if (Equal(wanted, pair->current.name)) {
    // TLS 1.3 tickets are for one use (RFC 8446 C.4): libssl sends a new one when asked to renew.
    const int use = SSL_version(ssl) == TLS1_3_VERSION ? kUseAndRenew : kUse;
    return Prepare({pair->current, iv, cipher, mac, false}) ? use : kError;
  }
  if (pair->previous.has_value() && Equal(wanted, pair->previous->name)) {
    return Prepare({*pair->previous, iv, cipher, mac, false}) ? kUseAndRenew : kError;
  }
  return kUnknownKey;
}

}  // namespace

TicketKeys::TicketKeys() {
  pair_.store(std::make_shared<const TicketKeyPair>(TicketKeyPair{RandomKey(), std::nullopt}));
}

void TicketKeys::Rotate() {
  const std::shared_ptr<const TicketKeyPair> before = pair_.load();
  pair_.store(std::make_shared<const TicketKeyPair>(TicketKeyPair{RandomKey(), before->current}));
}

void TicketKeys::Restore(const TicketKeyPair& pair) {
  pair_.store(std::make_shared<const TicketKeyPair>(pair));
}

void TicketKeys::Install(SSL_CTX* context) const {
  // libssl's application data is not const; the callback reads only.
  SSL_CTX_set_app_data(context, const_cast<TicketKeys*>(this));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, OnTicket);
}

}  // namespace slipway::tls
