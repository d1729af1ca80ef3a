// SPDX-License-Identifier: Apache-2.0
//
// Building an SSL_CTX and saying in words why it cannot be built.
#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <optional>
#include <set>

#include "protocols/base/check.h"
#include "tls/engine.h"
#include "tls/key_agreement.h"
#include "tls/pem.h"

namespace slipway::tls {
namespace {

std::optional<ContextError> AddCertificate(SSL_CTX* context, const Certificate& certificate,
                                           std::set<int>& key_types) {
  const auto error = [&certificate](std::string what, std::string remedy) {
    ERR_clear_error();
    return ContextError{certificate.name, std::move(what), std::move(remedy)};
  };
  const std::vector<X509Pointer> chain = ReadCertificates(certificate.chain_pem);
  if (chain.empty()) {
    return error("the chain holds no certificate", "give PEM text, the server's certificate first");
  }
  const KeyPointer key = ReadPrivateKey(certificate.private_key_pem);
  if (key == nullptr) {
    return error("the private key cannot be read", "give an unencrypted PEM private key");
  }
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    return error("the private key does not belong to the first certificate of the chain",
                 "put the server's own certificate first and give its key");
  }
  if (!key_types.insert(EVP_PKEY_get_base_id(key.get())).second) {
    return error("a second chain with the same type of key",
                 "give at most one RSA and one ECDSA chain");
  }
  STACK_OF(X509)* others = sk_X509_new_null();
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(others, chain[i].get());
  const int used = SSL_CTX_use_cert_and_key(context, chain.front().get(), key.get(), others, 1);
  sk_X509_free(others);
  if (used != 1) {
    return error("OpenSSL refuses the certificate at security level 2",
                 "use RSA of at least 2048 bits or ECDSA P-256, signed with SHA-256 or better");
  }
  return std::nullopt;
}

int SelectHttp11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                 unsigned in_size, void*) {
  Reader offered(Bytes{in, in_size});
  while (!offered.empty()) {
    const Bytes name = offered.Take(offered.U8());
    if (AsText(name) != "http/1.1") continue;
    *out = name.data();
    *out_size = static_cast<unsigned char>(name.size());
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

bool UseFiniteFieldGroup(SSL_CTX* context) {
  EVP_PKEY_CTX* generator = EVP_PKEY_CTX_new_from_name(nullptr, "DH", KeyAgreementProperties());
  char name[] = "ffdhe2048";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("group", name, 0),
                               OSSL_PARAM_construct_end()};
  EVP_PKEY* group = nullptr;
  bool ok = generator != nullptr && EVP_PKEY_keygen_init(generator) == 1 &&
            EVP_PKEY_CTX_set_params(generator, params) == 1 &&
            EVP_PKEY_generate(generator, &group) == 1;
  EVP_PKEY_CTX_free(generator);
  // libssl takes the parameters and makes a fresh key for every handshake.
  ok = ok && SSL_CTX_set0_tmp_dh_pkey(context, group) == 1;
  if (!ok) EVP_PKEY_free(group);
  return ok;
}

bool Configure(SSL_CTX* context, const PolicyRules& rules) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_ENABLE_KTLS);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_alpn_select_cb(context, SelectHttp11, nullptr);
  static constexpr unsigned char kSessions[] = "slipway";
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, rules.suites_tls12) == 1 &&
         SSL_CTX_set_ciphersuites(context, rules.suites_tls13) == 1 &&
         SSL_CTX_set1_groups_list(context, rules.groups) == 1 &&
         SSL_CTX_set_session_id_context(context, kSessions, sizeof kSessions - 1) == 1 &&
         (!rules.finite_field_groups || UseFiniteFieldGroup(context));
}

}  // namespace

std::variant<Context::Native, ContextError> Context::NewNative(const ContextOptions& options) {
  Native native(SSL_CTX_new_ex(nullptr, KeyAgreementProperties(), TLS_server_method()));
  SLIPWAY_CHECK(native != nullptr);
  SLIPWAY_CHECK(Configure(native.get(), RulesOf(options.policy)));
  std::set<int> key_types;
  for (const Certificate& certificate : options.certificates) {
    if (auto error = AddCertificate(native.get(), certificate, key_types)) return *error;
  }
  if (options.ticket_keys != nullptr) {
    options.ticket_keys->Install(native.get());
    SSL_CTX_set_num_tickets(native.get(), 1);
  } else {
    SSL_CTX_set_options(native.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(native.get(), 0);
  }
  Engine::Hook(native.get());
  return native;
}

Context::Result Context::Create(const ContextOptions& options) {
  if (options.certificates.empty()) {
    return ContextError{"certificates", "none was given", "give at least one chain with its key"};
  }
  auto native = NewNative(options);
  if (const auto* error = std::get_if<ContextError>(&native)) return *error;
  auto telling = NewNative(options);
  if (const auto* error = std::get_if<ContextError>(&telling)) return *error;
  Engine::HookSecrets(std::get<Native>(telling).get());
  return std::shared_ptr<const Context>(new Context(std::move(std::get<Native>(native)),
                                                    std::move(std::get<Native>(telling)), options));
}

}  // namespace slipway::tls
